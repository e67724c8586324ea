#include <bitnet/model/transformer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <bitnet/pipeline/output_directory.hpp>

#include "../pipeline/models.hpp"

using bitnet::ActivationPrecision;
using bitnet::execution;
using bitnet::Json;
using bitnet::KvCache;
using bitnet::Matrix;
using bitnet::ModelWeights;
using bitnet::RandomModel;
using bitnet::Transformer;
using bitnet_test::refusal;
using bitnet_test::TempDir;

namespace {

std::vector<std::uint32_t> ids_up_to(std::size_t count) {
    std::vector<std::uint32_t> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<std::uint32_t>((i * 37 + 11) % 256));
    return out;
}

Transformer loaded(const std::filesystem::path& path, ActivationPrecision activations = ActivationPrecision::fp32) {
    return Transformer(ModelWeights(path), activations, execution());
}

double largest_difference(const Matrix<float>& a, const Matrix<float>& b) {
    REQUIRE(a.values().size() == b.values().size());
    double worst = 0;
    for (std::size_t i = 0; i < a.values().size(); ++i)
        worst = std::max(worst, std::fabs(static_cast<double>(a.values()[i]) - static_cast<double>(b.values()[i])));
    return worst;
}

Matrix<float> read_whole(const Transformer& model, std::span<const std::uint32_t> ids, unsigned threads = 2) {
    KvCache<float> cache = model.new_cache();
    return model.forward(ids, cache, {execution().kernels, threads});
}

const std::vector<RandomModel> families{{.architecture = "llama"},
                                        {.architecture = "llama", .kv_heads = 4, .tied = false},
                                        {.architecture = "llama", .keys = {{"head_dim", 24}}},
                                        {.architecture = "mistral", .keys = {{"sliding_window", 5}}},
                                        {.architecture = "qwen2"},
                                        {.architecture = "gpt2"},
                                        {.architecture = "bitnet"}};

}  // namespace

TEST_CASE("reading token by token, in pieces or at once gives the same hidden states") {
    for (const RandomModel& family : families) {
        CAPTURE(family.architecture);
        const TempDir dir;
        bitnet::write_random_model(dir / "model", family);
        const Transformer model = loaded(dir / "model");
        const std::vector<std::uint32_t> ids = ids_up_to(40);
        const Matrix<float> whole = read_whole(model, ids);
        CHECK(whole.values() == read_whole(model, ids, 1).values());
        for (const std::size_t piece : {1u, 7u}) {
            KvCache<float> cache = model.new_cache();
            Matrix<float> pieces(0, whole.cols());
            for (std::size_t begin = 0; begin < ids.size(); begin += piece) {
                const std::size_t count = std::min(piece, ids.size() - begin);
                const Matrix<float> part = model.forward(std::span(ids).subspan(begin, count), cache, execution());
                pieces.resize_rows(begin + count);
                for (std::size_t t = 0; t < count; ++t) std::ranges::copy(part.row(t), pieces.row(begin + t).begin());
            }
            CHECK(cache.length() == ids.size());
            CHECK(largest_difference(whole, pieces) < 1e-4);
        }
    }
}

TEST_CASE("texts read in step get the hidden states that each gets alone, the same for any number of threads and any neighbour") {
    for (const RandomModel& family : families) {
        CAPTURE(family.architecture);
        const TempDir dir;
        bitnet::write_random_model(dir / "model", family);
        const Transformer model = loaded(dir / "model");
        const std::size_t texts = 5, length = 9;
        const auto in_step = [&](std::uint32_t shift, unsigned threads) {
            std::vector<KvCache<float>> caches(texts, model.new_cache());
            std::vector<Matrix<float>> out;
            for (std::uint32_t t = 0; t < length; ++t) {
                std::vector<std::uint32_t> ids;
                for (std::uint32_t i = 0; i < texts; ++i) ids.push_back((i == 0 ? 7 * t + 1 : 31 * t + 17 * i + shift) % 256);
                out.push_back(model.forward_each(ids, caches, {execution().kernels, threads}));
            }
            return out;
        };
        const std::vector<Matrix<float>> states = in_step(0, 1), threaded = in_step(0, 2), others = in_step(3, 1);
        for (std::uint32_t i = 0; i < texts; ++i) {
            std::vector<std::uint32_t> ids;
            for (std::uint32_t t = 0; t < length; ++t) ids.push_back((i == 0 ? 7 * t + 1 : 31 * t + 17 * i) % 256);
            const Matrix<float> alone = read_whole(model, ids);
            for (std::size_t t = 0; t < length; ++t)
                for (std::size_t c = 0; c < alone.cols(); ++c) CHECK(states[t](i, c) == doctest::Approx(alone(t, c)).epsilon(1e-4));
        }
        for (std::size_t t = 0; t < length; ++t) {
            CHECK(states[t].values() == threaded[t].values());
            CHECK(std::ranges::equal(states[t].row(0), others[t].row(0)));
        }
    }
}

TEST_CASE("texts of different lengths are not read in step, nor are more tokens than texts") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.layers = 1});
    const Transformer model = loaded(dir / "model");
    std::vector<KvCache<float>> caches(2, model.new_cache());
    const std::vector<std::uint32_t> ids{1, 2, 3};
    CHECK(refusal([&] { model.forward_each(ids, caches, execution()); }).second == "3 tokens for 2 texts");
    model.forward(ids, caches[1], execution());
    CHECK(refusal([&] { model.forward_each(std::span(ids).first(2), caches, execution()); }).second ==
          "texts of 0 and of 3 tokens cannot be read in step");
    CHECK(model.forward_each({}, {}, execution()).rows() == 0);
}

TEST_CASE("what comes later changes nothing before it, and what lies behind a window changes nothing after it") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.architecture = "mistral", .layers = 1, .keys = {{"sliding_window", 4}}});
    const Transformer model = loaded(dir / "model");
    std::vector<std::uint32_t> ids = ids_up_to(12);
    const Matrix<float> before = read_whole(model, ids);
    ids[6] = 200;
    const Matrix<float> after = read_whole(model, ids);
    for (std::size_t t = 0; t < 12; ++t)
        CHECK(std::ranges::equal(before.row(t), after.row(t)) == (t < 6 || t >= 10));
}

TEST_CASE("a packed model computes what its dequantized twin computes, up to the rounding of that to FP16") {
    for (const RandomModel& family : families) {
        CAPTURE(family.architecture);
        const TempDir dir;
        bitnet::write_random_model(dir / "model", family);
        const bitnet::ModelDir original(dir / "model");
        std::filesystem::create_directory(dir / "out");
        const auto outputs = bitnet::prepare_outputs(original, dir / "out", {});
        bitnet::compress_model(original, bitnet::recipe::Default{}, outputs, execution());
        const std::vector<std::uint32_t> ids = ids_up_to(20);
        const Matrix<float> packed = read_whole(loaded(dir / "out" / "quantized"), ids);
        const Matrix<float> twin = read_whole(loaded(dir / "out" / "dequantized"), ids);
        CHECK(largest_difference(packed, twin) < 2e-2);  // states of magnitude 1; alpha·q is rounded to 11 bits
        const Matrix<float> rounded = read_whole(loaded(dir / "out" / "quantized", ActivationPrecision::int8), ids);
        CHECK(largest_difference(packed, rounded) > 0);
        CHECK(largest_difference(packed, rounded) < 0.5);
    }
}

TEST_CASE("logits are products with the embedding where the head is tied") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {});
    const ModelWeights weights(dir / "model");
    const Transformer model(weights, ActivationPrecision::fp32, execution());
    const Matrix<float> hidden = read_whole(model, ids_up_to(3));
    Matrix<float> logits(3, model.vocabulary());
    model.logits(hidden, logits, execution());
    const Matrix<float> embedding = weights.dense("model.embed_tokens.weight", execution());
    double sum = 0;
    for (std::size_t c = 0; c < hidden.cols(); ++c) sum += static_cast<double>(hidden(2, c)) * static_cast<double>(embedding(9, c));
    CHECK(static_cast<double>(logits(2, 9)) == doctest::Approx(sum).epsilon(1e-4));
}

TEST_CASE("a weight that makes states infinite is told by the first layer behind which they are") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.layers = 3});
    auto weights = bitnet_test::read_weights(dir / "model" / "model.safetensors");
    const std::vector<float> huge(64 * 192, 1e30f);
    weights["model.layers.1.mlp.up_proj.weight"] = bitnet_test::floats({192, 64}, huge);
    weights["model.layers.1.mlp.down_proj.weight"] = bitnet_test::floats({64, 192}, huge);
    std::filesystem::remove(dir / "model" / "model.safetensors");
    bitnet_test::write_weights(dir / "model" / "model.safetensors", weights);
    const auto problem = refusal([&] { read_whole(loaded(dir / "model"), ids_up_to(3)); });
    CHECK(problem.first == bitnet::errc::not_finite);
    CHECK(problem.second == "layer 1: the hidden state of token 0 is not finite");
}

TEST_CASE("texts longer than learned positions and ids beyond the vocabulary are refused") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.architecture = "gpt2", .max_positions = 16});
    const Transformer model = loaded(dir / "model");
    CHECK(refusal([&] { read_whole(model, ids_up_to(17)); }).second ==
          "a text of 17 tokens is longer than the 16 positions of this model");
    CHECK(refusal([&] { read_whole(model, std::vector<std::uint32_t>{1, 256}); }).second ==
          "token id 256 at position 1 is beyond the vocabulary of 256 tokens");
}
