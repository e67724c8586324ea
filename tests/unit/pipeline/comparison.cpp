#include <bitnet/pipeline/comparison.hpp>

#include <numeric>

#include <doctest/doctest.h>

#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/output_directory.hpp>

#include "models.hpp"

using namespace bitnet;
using bitnet_test::TempDir;

namespace {

struct Compared {
    TempDir dir{};
    Json record{};
    Compared() {
        write_random_model(dir / "model", {});
        const ModelDir model(dir / "model");
        std::filesystem::create_directory(dir / "out");
        record = to_json(compress_model(model, recipe::Default{}, prepare_outputs(model, dir / "out", {}), execution()));
    }
    Transformer opened(const char* path) const { return Transformer(ModelWeights(dir / path), ActivationPrecision::fp32, execution()); }
};

double sum_of(const Json& counts) {
    double sum = 0;
    for (const Json& count : counts.as_array()) sum += count.as_double();
    return sum;
}

}  // namespace

TEST_CASE("prompts are beginnings, spread over the documents that are long enough") {
    std::vector<std::vector<std::uint32_t>> documents;
    for (std::uint32_t length = 0; length < 40; ++length) {
        documents.emplace_back(length);
        std::iota(documents.back().begin(), documents.back().end(), 100 * length);
    }
    const auto prompts = sample_prompts(documents, {.texts = 3, .prompt_tokens = 12});
    CHECK(prompts == std::vector<std::vector<std::uint32_t>>{{400, 401}, {1600, 1601, 1602, 1603, 1604, 1605, 1606, 1607},
                                                              {2800, 2801, 2802, 2803, 2804, 2805, 2806, 2807, 2808, 2809, 2810, 2811}});
    CHECK(sample_prompts(std::span(documents).first(4), {}).empty());
}

TEST_CASE("speeds are those of both models, and how they compare") {
    const Compared compared;
    const Json speed = compare_speed(compared.opened("model"), compared.opened("out/quantized"), execution());
    const double before = speed.at("original_tokens_per_second").as_double(), after = speed.at("packed_tokens_per_second").as_double();
    CHECK(before > 0);
    CHECK(after > 0);
    CHECK(speed.at("speedup").as_double() == after / before);
    CHECK(speed.at("packed_prompt_tokens_per_second").as_double() > 0);
}

TEST_CASE("histograms count every weight that became ternary, and zeros stand out of its image") {
    const Compared compared;
    const Json rows = weight_histograms(ModelDir(compared.dir / "model"), compared.dir / "out/dequantized", compared.record, execution());
    double weights = 0;
    for (const Json& row : rows.as_array()) {
        CAPTURE(row.at("name").as_string());
        CHECK(row.at("edges").as_array().size() == row.at("before").as_array().size() + 1);
        CHECK(sum_of(row.at("before")) == sum_of(row.at("after")));
        const auto& after = row.at("after").as_array();
        CHECK(after[after.size() / 2].as_double() > 0.3 * sum_of(row.at("after")));  // zeros
        CHECK(after[after.size() / 2].as_double() > 2 * row.at("before").as_array()[after.size() / 2].as_double());
        weights += sum_of(row.at("before"));
    }
    CHECK(weights == compared.record.at("quantized_params").as_double());
}
