#include <bitnet/eval/agreement.hpp>

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

#include <bitnet/eval/perplexity.hpp>

#include "../pipeline/models.hpp"

using namespace bitnet;
using bitnet_test::TempDir;

namespace {

using Words = std::vector<std::vector<std::uint32_t>>;

Words some_words() {
    Words out(3);
    for (std::size_t i = 0; i < out.size(); ++i)
        for (std::size_t t = 0; t < 70; ++t) out[i].push_back(static_cast<std::uint32_t>((i * 31 + t * t) % 256));
    return out;
}

struct Pair {
    TempDir dir{};
    Transformer model, other;
    Pair() : model(made(0)), other(made(1)) {}

private:
    Transformer made(std::uint64_t seed) {
        const auto path = dir / std::to_string(seed);
        write_random_model(path, {.seed = seed});
        return Transformer(ModelWeights(path), ActivationPrecision::fp32, execution());
    }
};

}  // namespace

TEST_CASE("a model agrees with itself, and with another one as the definitions say, on any number of threads") {
    const Pair pair;
    const Words words = some_words();
    const Agreement same = compare_predictions(pair.model, pair.model, words, {64, 64}, execution());
    CHECK(same.tokens == perplexity(pair.model, words, {64, 64}, execution()).tokens);
    CHECK(same.logit_accuracy() == 1);
    CHECK(same.mean_divergence() == doctest::Approx(0).scale(1e-6));
    CHECK(same.agreement() == 1);
    CHECK(same.reference_right == same.other_right);
    CHECK(same.other_perplexity() == perplexity(pair.model, words, {64, 64}, execution()).perplexity());

    const Agreement apart = compare_predictions(pair.model, pair.other, words, {64, 64}, {execution().kernels, 1});
    CHECK(apart == compare_predictions(pair.model, pair.other, words, {64, 64}, {execution().kernels, 3}));
    CHECK(apart.reference_perplexity() == same.other_perplexity());
    CHECK(apart.other_perplexity() == perplexity(pair.other, words, {64, 64}, execution()).perplexity());
    double difference = 0, reference = 0, divergence = 0;
    std::size_t agreed = 0, right = 0, other_right = 0;
    for (const auto& ids : words)  // one window of 64 tokens, another of 6 whose first is scored in neither
        for (const auto& [begin, end] : {std::pair<std::size_t, std::size_t>{0, 64}, {64, 70}}) {
            auto one = pair.model.new_cache(), two = pair.other.new_cache();
            const auto part = std::span(ids).subspan(begin, end - begin);
            const Matrix<float> a = pair.model.forward(part, one, execution()), b = pair.other.forward(part, two, execution());
            Matrix<float> z(part.size(), 256), y(part.size(), 256);
            pair.model.logits(a, z, execution());
            pair.other.logits(b, y, execution());
            for (std::size_t t = 0; t + 1 < part.size(); ++t) {
                double of_z = 0, of_y = 0;
                std::size_t best_z = 0, best_y = 0;
                for (std::size_t i = 0; i < 256; ++i) {
                    of_z += std::exp(static_cast<double>(z(t, i)));
                    of_y += std::exp(static_cast<double>(y(t, i)));
                    difference += std::pow(static_cast<double>(y(t, i)) - static_cast<double>(z(t, i)), 2);
                    reference += std::pow(static_cast<double>(z(t, i)), 2);
                    if (z(t, i) > z(t, best_z)) best_z = i;
                    if (y(t, i) > y(t, best_y)) best_y = i;
                }
                for (std::size_t i = 0; i < 256; ++i) {
                    const auto l = static_cast<double>(z(t, i)), m = static_cast<double>(y(t, i));
                    divergence += std::exp(l) / of_z * (l - m - std::log(of_z) + std::log(of_y));
                }
                agreed += best_z == best_y ? 1 : 0;
                right += best_z == part[t + 1] ? 1 : 0;
                other_right += best_y == part[t + 1] ? 1 : 0;
            }
        }
    CHECK(apart.tokens == 3 * (63 + 5));
    CHECK(apart.logit_accuracy() == doctest::Approx(1 - std::sqrt(difference / reference)).epsilon(1e-4));
    CHECK(apart.divergence == doctest::Approx(divergence).epsilon(1e-3));
    CHECK(apart.same_choice == agreed);
    CHECK(apart.reference_right == right);
    CHECK(apart.other_right == other_right);
}

TEST_CASE("a token that is predicted is counted, and logits that are not a reference's zeros pass nothing") {
    const Pair pair;
    auto cache = pair.model.new_cache();
    const std::vector<std::uint32_t> first{7};
    Matrix<float> z(1, 256);
    pair.model.logits(pair.model.forward(first, cache, execution()), z, execution());
    const auto likeliest = static_cast<std::uint32_t>(std::ranges::max_element(z.row(0)) - z.row(0).begin());
    CHECK(compare_predictions(pair.model, pair.model, Words{{7, likeliest}}, {}, execution()).reference_accuracy() == 1);
    CHECK(compare_predictions(pair.model, pair.model, Words{{7, likeliest ^ 1u}}, {}, execution()).other_accuracy() == 0);
    CHECK_FALSE(std::isfinite(Agreement{.squared_difference = 1}.logit_accuracy()));
    CHECK(Agreement{}.logit_accuracy() == 1);
}

TEST_CASE("models of other vocabularies cannot be compared") {
    const TempDir dir;
    write_random_model(dir / "small", {.vocab_size = 40});
    const Pair pair;
    const Transformer small(ModelWeights(dir / "small"), ActivationPrecision::fp32, execution());
    CHECK(bitnet_test::refusal([&] { compare_predictions(pair.model, small, some_words(), {}, execution()); }).second ==
          "the reference knows 256 tokens and the other model 40");
}
