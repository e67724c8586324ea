#include <bitnet/model/architecture/generic.hpp>

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

#include <bitnet/core/shape.hpp>

using bitnet::DType;
using bitnet::Shape;
using bitnet::TensorRole;
using bitnet::architecture::generic_role;
using bitnet::architecture::RolePattern;

TEST_CASE("well-known names have their roles without any architecture") {
    const auto matrix = [](std::string_view name) { return generic_role(name, DType::F32, Shape{8, 8}); };
    CHECK(matrix("model.embed_tokens.weight") == TensorRole::token_embedding);
    CHECK(matrix("transformer.wte.weight") == TensorRole::token_embedding);
    CHECK(matrix("wte.weight") == TensorRole::token_embedding);
    CHECK(matrix("wpe.weight") == TensorRole::position_embedding);
    CHECK(matrix("bert.embeddings.position_embeddings.weight") == TensorRole::position_embedding);
    CHECK(matrix("lm_head.weight") == TensorRole::lm_head);
    CHECK(matrix("output.weight") == TensorRole::lm_head);
    CHECK(matrix("layers.0.output.dense.weight") == TensorRole::feed_forward);
    CHECK(matrix("layers.0.self_attn.q_proj.weight") == TensorRole::attention);
    CHECK(matrix("encoder.layer.0.attention.self.query.weight") == TensorRole::attention);
    CHECK(matrix("layers.0.mlp.up_proj.weight") == TensorRole::feed_forward);
    CHECK(generic_role("model.norm.weight", DType::BF16, Shape{8}) == TensorRole::norm);
    CHECK(generic_role("h.0.ln_1.bias", DType::F16, Shape{8}) == TensorRole::norm);
    CHECK(generic_role("ln_f.weight", DType::F64, Shape{8}) == TensorRole::norm);
    CHECK(generic_role("h.0.attn.c_attn.bias", DType::F32, Shape{8}) == TensorRole::bias);
}

TEST_CASE("of other names the rank decides, and only floating-point weights are compressed") {
    CHECK(generic_role("a", DType::F32, Shape{8}) == TensorRole::bias);
    CHECK(generic_role("a", DType::F32, Shape{8, 8}) == TensorRole::feed_forward);
    CHECK(generic_role("a", DType::F32, Shape{8, 8, 3}) == TensorRole::convolution);
    CHECK(generic_role("a", DType::F32, Shape{8, 8, 3, 3}) == TensorRole::convolution);
    CHECK(generic_role("a", DType::F32, Shape{}) == TensorRole::unknown);
    CHECK(generic_role("a", DType::I64, Shape{8, 8}) == TensorRole::unknown);
    CHECK(generic_role("norm", DType::U8, Shape{8}) == TensorRole::unknown);
}

TEST_CASE("patterns of the user come first, in their order") {
    const std::vector<RolePattern> patterns{{"*.router.*", TensorRole::norm},
                                            {"*.experts.?.*", TensorRole::attention},
                                            {"*embed*", TensorRole::feed_forward},
                                            {"*.router.*", TensorRole::bias}};
    const auto role = [&](std::string_view name) { return generic_role(name, DType::F32, Shape{8, 8}, patterns); };
    CHECK(role("l.router.weight") == TensorRole::norm);
    CHECK(role("l.experts.3.weight") == TensorRole::attention);
    CHECK(role("l.experts.13.weight") == TensorRole::feed_forward);
    CHECK(role("embed.weight") == TensorRole::feed_forward);
    CHECK(role("wte.weight") == TensorRole::token_embedding);
}
