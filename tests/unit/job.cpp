#include <bitnet/job.hpp>

#include <doctest/doctest.h>

#include "pipeline/models.hpp"

using namespace bitnet;

namespace {

/// A random model, rounded with one scale a tensor, or one for 64 weights.
struct RoundingJob {
    using Request = bool;
    ModelDir model;
    Transformer original;
    JudgedTexts texts;

    Json make(bool fine, const std::filesystem::path& directory) const {
        const CompressionOutputs outputs = prepare_outputs(model, directory, {});
        return to_json(fine ? compress_model(model, Compressor{scale::PerGroup<64>{}}, outputs, execution()) : compress_model(model, Compressor{scale::PerTensor{}}, outputs, execution()));
    }
    GateFigures judge(const std::filesystem::path& directory, Json& record) const {
        const OutputQuality quality = measure_output(original, directory, texts, execution());
        describe_quality(record, quality, texts);
        GateFigures out = figures_of(quality);
        add_figures(out, record);
        return out;
    }
    std::vector<Rung<bool>> ladder() const {
        return {{"more scales", [](const bool& fine, const Outcome&) { return fine ? std::nullopt : std::optional(true); }}};
    }
    void told(std::string_view) const {}
};

}  // namespace

TEST_CASE("with job.hpp alone a job is made, measured on its files, judged and checked") {
    const bitnet_test::TempDir dir;
    const auto path = dir / "model", out = dir / "out";
    write_random_model(path, {});
    std::filesystem::create_directory(out);
    std::vector<std::uint32_t> words;
    for (std::uint32_t t = 0; t < 60; ++t) words.push_back(t * t % 256);
    RoundingJob job{ModelDir(path), Transformer(ModelWeights(path), ActivationPrecision::fp32, execution()), {.validation = {words}, .windows = {32, 32}}};
    const PipelineResult result = run_pipeline(job, false, {.limits = {.min_compression_ratio = 30}}, out);  // no recipe reaches that
    CHECK_FALSE(result.success());
    const Json::Array& rungs = result.record.at("rungs").as_array();
    REQUIRE(rungs.size() == 2);
    CHECK(rungs[0].at("degradation").as_double() != rungs[1].at("degradation").as_double());
    const std::size_t kept = rungs[0].find("kept") != nullptr ? 0 : 1;
    CHECK(rungs[kept].at("degradation").as_double() <= rungs[1 - kept].at("degradation").as_double());
    CHECK(result.record.at("quantized_bytes").as_unsigned() == std::filesystem::file_size(out / "quantized/model.safetensors"));
    CHECK(result.record.at("quality").at("perplexity_degradation").as_double() == rungs[kept].at("degradation").as_double());
}
