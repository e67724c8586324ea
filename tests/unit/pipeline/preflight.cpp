#include <bitnet/pipeline/preflight.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include <bitnet/compress.hpp>

#include "models.hpp"

using namespace bitnet;
using bitnet_test::Compressed;
using bitnet_test::normal;
using bitnet_test::TempDir;
using bitnet_test::write_weights;

namespace {

template <class C>
Preflight preflight_of(const ModelDir& model, const C& compressor) {
    return preflight(model, RoundedTensors<C>{compressor});
}

/// What was predicted is what a run then does, file by file and tensor by tensor.
template <class C>
void check_prediction(const ModelDir& model, const C& compressor) {
    INFO(to_string(compressor));
    const Preflight predicted = preflight_of(model, compressor);
    Compressed out;
    bitnet_test::compress_into(out, model, compressor);
    CHECK(predicted.quantized_bytes == std::filesystem::file_size(out.quantized()));
    CHECK(predicted.dequantized_bytes == std::filesystem::file_size(out.dequantized()));
    CHECK(predicted.original_bytes == out.stats.original_bytes);
    CHECK(predicted.compression_ratio() == out.stats.compression_ratio());
    CHECK(predicted.total_params() == out.stats.total_params());
    CHECK(predicted.quantized_params() == out.stats.quantized_params());
    REQUIRE(predicted.tensors.size() == out.stats.tensors.size());
    const PackedModel packed(out.quantized());
    for (std::size_t i = 0; i < predicted.tensors.size(); ++i) {
        const TensorReport& made = out.stats.tensors[i];
        CHECK(predicted.tensors[i] == PlannedWeights{made.name, made.role, made.treatment, made.shape, made.parameters, made.stored_bytes});
        CHECK(predicted.tensors[i].bits_per_weight() == made.bits_per_weight());
        CHECK(predicted.tensors[i].stored_bytes == bitnet_test::packed_tensor(packed, made.name).stored_bytes());
    }
}

void check_recipes(const ModelDir& model) {
    check_prediction(model, recipe::Default{});
    check_prediction(model, recipe::Phase4{});
    check_prediction(model, recipe::BitNet158{});
    check_prediction(model, Compressor{scale::PerGroup<7>{.storage = DType::BF16}, pack::Trit5{}, preservation::ByRole{.precision = Treatment::int8_rows}});
    check_prediction(model, Compressor{quantizer::TritPlanes<2>{}, scale::PerGroup<64>{}, preservation::ByRole{.precision = Treatment::fp32}});
    check_prediction(model, Compressor{quantizer::Asymmetric<>{}, scale::PerTensor{.storage = DType::F32}, preservation::ByRole{.embeddings = false, .head = false}});
}

const GateResult& size_gate(const std::vector<GateResult>& gates, std::string_view name) {
    for (const GateResult& one : gates)
        if (one.name == name) return one;
    throw std::runtime_error("no gate of that name");
}

}  // namespace

TEST_CASE("the bytes of both files are those of a run, for every architecture and several recipes") {
    for (const auto& family : architectures) {
        INFO(family.name);
        TempDir place;
        write_random_model(place / "model", {.architecture = std::string(family.name), .vocab_size = 40, .hidden_size = 24, .intermediate_size = 36,
                                             .max_positions = 16, .tied = family.name != "llama", .dtype = DType::F16, .shards = 2});
        check_recipes(ModelDir(place / "model"));
    }
}

TEST_CASE("the bytes of both files are those of a run for any file of weights, with empty tensors and what is no weight") {
    TempDir place;
    write_weights(place / "w.safetensors", {{"conv.weight", normal({4, 3, 2, 2}, 1)}, {"fc.weight", normal({5, 70}, 2)}, {"fc.bias", normal({5}, 3)},
                                            {"embed.weight", normal({9, 4}, 4)}, {"none.weight", bitnet_test::zeros(DType::F32, {0, 8})},
                                            {"thin.weight", bitnet_test::zeros(DType::F32, {8, 0})}, {"counts", bitnet_test::zeros(DType::I64, {2})}});
    check_recipes(ModelDir(place / "w.safetensors", {.architecture = "generic"}));
}

TEST_CASE("a preflight writes nothing and reads no weight") {
    TempDir place;
    const float bad = std::numeric_limits<float>::quiet_NaN();
    write_weights(place / "w.safetensors", {{"fc.weight", bitnet_test::floats({1, 1}, {&bad, 1})}});
    const ModelDir model(place / "w.safetensors", {.architecture = "generic"});
    CHECK(preflight_of(model, Compressor<>{}).quantized_params() == 1);
    CHECK(std::distance(std::filesystem::directory_iterator(place.path()), {}) == 1);
}

TEST_CASE("the gates of size say what a run would end with, and what is kept says why") {
    TempDir place;
    write_weights(place / "w.safetensors", {{"fc.weight", normal({100, 64}, 1)}, {"embed.weight", normal({100, 64}, 2)}, {"fc.bias", normal({64}, 3)}});
    const ModelDir model(place / "w.safetensors", {.architecture = "generic"});
    const Preflight plain = preflight_of(model, Compressor{preservation::ByRole{}});
    const auto gates = check_size_gates(plain, {.min_compression_ratio = 6});
    REQUIRE(gates.size() == 2);
    CHECK(size_gate(gates, "compression_ratio").state == GateResult::State::failed);
    CHECK(*size_gate(gates, "compression_ratio").measured == plain.compression_ratio());
    CHECK(size_gate(gates, "quantized_share").state == GateResult::State::failed);
    CHECK(size_gate(gates, "quantized_share").sentence == "the share of parameters that are ternary is 49.75 %, at least 85.00 % is asked for");
    const std::string why = what_is_kept(plain);
    CHECK(why.starts_with("what is kept holds 50.25 % of the parameters and "));
    CHECK(why.find(", most of it token_embedding (fp16, 49.75 % and ") != std::string::npos);

    const Preflight all = preflight_of(model, Compressor{preservation::ByRole{.embeddings = false}});
    CHECK(all_passed(check_size_gates(all, {.min_compression_ratio = 6})));
    CHECK(what_is_kept(all).find("most of it bias (fp16, 0.50 %") != std::string::npos);
    const Preflight everything = preflight_of(model, Compressor{preservation::ByPattern{.ternary = "*"}});
    CHECK(what_is_kept(everything) == "what is kept holds 0.00 % of the parameters and 0.00 % of the packed file");
    CHECK(everything.quantized_share() == 1.0);
    CHECK(everything.bits_per_weight() > 2);
}

TEST_CASE("the estimate of time is measured on the largest tensor that becomes ternary and grows with all of them") {
    TempDir place;
    write_random_model(place / "model", {.architecture = "gpt2", .vocab_size = 4000, .hidden_size = 96, .intermediate_size = 2048, .layers = 3});
    const ModelDir model(place / "model");
    std::uint64_t ternary = 0;
    for (const PlannedWeights& tensor : preflight_of(model, recipe::Default{}).tensors)
        if (tensor.treatment == Treatment::ternary) ternary += tensor.parameters;
    const TimeEstimate once = estimate_rounding(model, recipe::Default{}, execution(), 0);
    CHECK(once.weights == ternary);
    CHECK(once.tensor == "h.0.mlp.c_fc.weight");
    CHECK(once.measured <= 1 << 16);
    CHECK(once.measured > 0);
    CHECK(once.seconds > 0);
    const TimeEstimate whole = estimate_rounding(model, recipe::Default{}, execution(), 1e9);
    CHECK(whole.measured == 96 * 2048);
    CHECK(std::isfinite(whole.seconds));
    CHECK(whole.seconds > 0);
}

TEST_CASE("where nothing becomes ternary no time is needed, and a weight that is no number is named") {
    TempDir place;
    const float bad = std::numeric_limits<float>::quiet_NaN();
    write_weights(place / "w.safetensors", {{"fc.weight", bitnet_test::floats({1, 1}, {&bad, 1})}, {"none.weight", bitnet_test::zeros(DType::F32, {0, 8})}});
    const ModelDir model(place / "w.safetensors", {.architecture = "generic"});
    CHECK(estimate_rounding(model, Compressor{preservation::ByPattern{.keep = "fc*"}}).seconds == 0);
    CHECK_THROWS_WITH_AS(estimate_rounding(model, Compressor<>{}), ((place / "w.safetensors").string() + ": tensor \"fc.weight\": nan at flat index 0 of shape (1, 1)").c_str(), error);
}
