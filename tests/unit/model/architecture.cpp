#include <bitnet/model/architecture.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>

#include <bitnet/core/glob.hpp>
#include <bitnet/model/config.hpp>

TEST_CASE("every architecture is found by its name, its class and its type") {
    using bitnet::Architecture;
    for (const Architecture& row : bitnet::architectures) {
        INFO(row.name);
        CHECK(bitnet::find_architecture(&Architecture::name, row.name) == &row);
        CHECK(bitnet::find_architecture(&Architecture::class_name, row.class_name) == &row);
        CHECK(bitnet::find_architecture(&Architecture::model_type, row.model_type) == &row);
        CHECK(&bitnet::architecture_named(row.name) == &row);
    }
    CHECK(bitnet::find_architecture(&Architecture::name, "") == nullptr);
}

TEST_CASE("every architecture describes each tensor once, with one embedding and one head") {
    for (const auto& row : bitnet::architectures) {
        INFO(row.name);
        const bitnet::Json json = bitnet::Json::object({{"model_type", row.model_type}, {"num_hidden_layers", 3}});
        const auto specs = bitnet::expected_tensors(bitnet::parse_model_config(json, "config.json"));
        std::set<std::string_view> names;
        int embeddings = 0, heads = 0;
        for (const bitnet::TensorSpec& spec : specs) {
            INFO(spec.name);
            CHECK(names.insert(spec.name).second);
            CHECK(spec.role != bitnet::TensorRole::unknown);
            CHECK_FALSE(spec.shape.empty());
            CHECK(spec.extents.starts_with("("));
            embeddings += spec.name == row.token_embedding && spec.role == bitnet::TensorRole::token_embedding;
            heads += spec.name == bitnet::lm_head_name && spec.role == bitnet::TensorRole::lm_head;
            for (const std::string_view buffer : row.buffers) CHECK_FALSE(bitnet::glob_match(buffer, spec.name));
        }
        CHECK(embeddings == 1);
        CHECK(heads == 1);
    }
}
