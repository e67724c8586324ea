#include <bitnet/pipeline/output_quality.hpp>

#include <doctest/doctest.h>

#include <bitnet/eval/perplexity.hpp>

#include "models.hpp"

using namespace bitnet;
using bitnet_test::TempDir;

namespace {

std::vector<std::vector<std::uint32_t>> judged_words(std::size_t documents, std::uint32_t factor) {
    std::vector<std::vector<std::uint32_t>> out(documents);
    for (std::size_t i = 0; i < documents; ++i)
        for (std::uint32_t t = 0; t < 40; ++t) out[i].push_back((static_cast<std::uint32_t>(i) * 7 + t * factor) % 256);
    return out;
}

/// A random model and what compressing it wrote.
struct Judged {
    TempDir dir{};
    std::filesystem::path output = dir / "out";
    Json record{};
    JudgedTexts texts{.validation = judged_words(5, 3), .elsewhere = judged_words(2, 11), .elsewhere_name = "other", .windows = {32, 32}};

    explicit Judged(WantedOutputs wanted = {}) {
        write_random_model(dir / "model", {});
        const ModelDir model(dir / "model");
        std::filesystem::create_directory(output);
        record = to_json(compress_model(model, recipe::Default{}, prepare_outputs(model, output, wanted), execution()));
    }
    Transformer original() const { return Transformer(ModelWeights(dir / "model"), ActivationPrecision::fp32, execution()); }
    OutputQuality measured() const { return measure_output(original(), output, texts, execution()); }
};

}  // namespace

TEST_CASE("an output is measured on its files: perplexities, both files against each other, int8 activations, gradients") {
    const Judged judged;
    const OutputQuality quality = judged.measured();
    const Transformer packed(ModelWeights(judged.output / "quantized"), ActivationPrecision::fp32, execution());
    const double before = perplexity(judged.original(), judged.texts.validation, judged.texts.windows, execution()).perplexity();
    const double after = perplexity(packed, judged.texts.validation, judged.texts.windows, execution()).perplexity();
    CHECK(quality.degradation() == doctest::Approx(after / before - 1).epsilon(1e-12));
    CHECK(quality.elsewhere->tokens == 2 * (31 + 7));
    CHECK(*quality.dequantization_accuracy > 0.999);
    CHECK(*quality.int8_accuracy < *quality.dequantization_accuracy);
    CHECK(*quality.int8_accuracy > 0.9);
    REQUIRE(quality.gradient_flow);
    CHECK(quality.gradient_flow->passed());
    CHECK(quality.notes.empty());

    Json record = judged.record;
    describe_quality(record, quality, judged.texts);
    CHECK(record.at("quality").at("post_perplexity").as_double() == quality.delivered.other_perplexity());
    CHECK(record.at("agreement").at("dequantization_accuracy").as_double() == *quality.dequantization_accuracy);
    CHECK(record.at("out_of_domain").at("name").as_string() == "other");
    CHECK(record.at("gradient_flow_test").at("passed").as_bool());
    GateFigures figures = figures_of(quality);
    add_figures(figures, record);
    CHECK(*figures.degradation == quality.degradation());
    CHECK(*figures.compression_ratio == record.at("compression_ratio").as_double());
    CHECK(*figures.quantized_share < 1);
    CHECK(*figures.sparsity == record.at("sparsity_ratio").as_double());
    CHECK(figures.gradient_fault->empty());
}

TEST_CASE("one flipped trit in every block of 256 of every ternary tensor fails the gate of both files' agreement") {
    const Judged judged;
    const auto file = judged.output / "quantized/model.safetensors";
    std::string bytes = bitnet_test::read_text(file);
    const SafetensorsHeader header = detail::SafetensorsHeaderReader(std::as_bytes(std::span(bytes)), "file").read();
    for (const TensorEntry& tensor : header.tensors)
        for (std::size_t byte = tensor.begin; tensor.name.ends_with(codes_name("", 0)) && byte < tensor.end; byte += 64) {  // four codes a byte: 0, 1, 2 for -1, 0, +1
            char& four = bytes[header.data_begin + byte];
            four = static_cast<char>((four & ~3) | ((four & 3) == 0 ? 2 : 0));
        }
    bitnet_test::write_text(file, bytes);
    const OutputQuality quality = judged.measured();
    CHECK(*quality.dequantization_accuracy < GateLimits{}.min_dequantization_accuracy);
    GateFigures figures = figures_of(quality);
    CHECK_FALSE(all_passed(check_gates({.dequantization_accuracy = figures.dequantization_accuracy}, {})));
}

TEST_CASE("an output of one model is measured as far as it goes, and one of none is refused") {
    const OutputQuality packed = Judged({.dequantized = false}).measured();
    CHECK_FALSE(packed.dequantization_accuracy);
    CHECK(packed.int8_accuracy);
    CHECK_FALSE(packed.gradient_flow);
    const Judged dense({.quantized = false});
    const OutputQuality quality = dense.measured();
    CHECK_FALSE(quality.int8_accuracy);
    CHECK(quality.gradient_flow);
    GateFigures figures = figures_of(quality);
    add_figures(figures, dense.record);
    CHECK_FALSE(figures.compression_ratio);
    std::filesystem::remove_all(dense.output / "dequantized");
    CHECK(bitnet_test::refusal([&] { dense.measured(); }) == std::pair(errc::missing, dense.output.string() + ": holds no model"));
}

TEST_CASE("gradients in double are not asked for where they would take more than half of the memory") {
    CHECK(detail::is_small_enough(1'000'000, std::uint64_t{1} << 30));
    CHECK_FALSE(detail::is_small_enough(1'000'000'000, std::uint64_t{32} << 30));
    CHECK(detail::physical_memory() > (std::uint64_t{1} << 28));
    CHECK(detail::flow_options(1'000).samples == 4);
    CHECK(detail::flow_options(50'000'000).samples == 1);
    CHECK(detail::flow_options(7'000'000'000).samples == 0);
}
