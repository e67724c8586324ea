#include <bitnet/model/layer_parts.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <bitnet/model/architecture.hpp>

TEST_CASE("the parts of a layer are made under their names, projections in the order of their use") {
    const auto name = [](const std::string& of) { return of; };
    const auto llama = bitnet::layer_parts(bitnet::architecture_named("llama").parts, 3, name, name);
    CHECK(llama.attention_norm == "model.layers.3.input_layernorm");
    CHECK_FALSE(llama.attention_sub_norm.has_value());
    std::vector<std::string> used;
    llama.each_projection([&](const std::string& one) { used.push_back(one.substr(15)); });
    CHECK(used == std::vector<std::string>{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                           "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"});
    used.clear();
    llama.each_of_stage(bitnet::Stage::mlp, [&](const std::string& one) { used.push_back(one.substr(15)); });
    CHECK(used == std::vector<std::string>{"mlp.gate_proj", "mlp.up_proj"});
    const auto gpt2 = bitnet::layer_parts(bitnet::architecture_named("gpt2").parts, 0, name, name);
    CHECK(gpt2.qkv == std::vector<std::string>{"h.0.attn.c_attn"});
    CHECK_FALSE(gpt2.gate.has_value());
    const auto bitnet_layer = bitnet::layer_parts(bitnet::architecture_named("bitnet").parts, 0, name, name);
    CHECK(bitnet_layer.mlp_sub_norm == "model.layers.0.mlp.ffn_sub_norm");
}
