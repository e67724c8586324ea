#include <bitnet/infer/sampler.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using bitnet::Sampler;
using bitnet::SamplingOptions;

namespace {

std::vector<double> shares(const SamplingOptions& options, const std::vector<float>& logits) {
    Sampler sampler(options);
    constexpr int draws = 40000;
    std::vector<double> out(logits.size());
    for (int i = 0; i < draws; ++i) out[sampler(logits)] += 1.0 / draws;
    return out;
}

}  // namespace

TEST_CASE("temperature 0 takes the largest logit, of equals the first") {
    Sampler sampler({.temperature = 0});
    CHECK(sampler(std::vector<float>{1, 3, 2}) == 1);
    CHECK(sampler(std::vector<float>{1, 3, 3}) == 1);
}

TEST_CASE("tokens are drawn as often as the softmax of logits over temperature says") {
    const std::vector<float> logits{0, 1, 2, -1};
    for (const double temperature : {0.5, 1.0, 2.0}) {
        const auto drawn = shares({.temperature = temperature, .seed = 4}, logits);
        double sum = 0;
        for (const float l : logits) sum += std::exp(static_cast<double>(l) / temperature);
        for (std::size_t i = 0; i < 4; ++i)  // 40,000 draws: three standard errors are 0.0075
            CHECK(std::fabs(drawn[i] - std::exp(static_cast<double>(logits[i]) / temperature) / sum) < 0.0075);
    }
}

TEST_CASE("top_k and top_p leave the most probable tokens alone") {
    const std::vector<float> logits{std::log(0.1f), std::log(0.4f), std::log(0.3f), std::log(0.2f)};
    const auto of_two = shares({.temperature = 1, .top_k = 2}, logits);
    CHECK(of_two[0] + of_two[3] == 0);
    CHECK(std::fabs(of_two[1] - 4.0 / 7) < 0.0075);
    const auto nucleus = shares({.temperature = 1, .top_p = 0.65}, logits);  // 0.4 + 0.3 reach it
    CHECK(nucleus[0] + nucleus[3] == 0);
    CHECK(std::fabs(nucleus[2] - 3.0 / 7) < 0.0075);
    CHECK(shares({.temperature = 1, .top_p = 0.1}, logits)[1] == doctest::Approx(1.0));
    const auto both = shares({.temperature = 1, .top_k = 3, .top_p = 0.9}, logits);  // of 0.9, the shares of two are 0.78
    CHECK(both[0] == 0);
    CHECK(both[3] > 0);
}

TEST_CASE("a seed draws the same tokens again") {
    const std::vector<float> logits(50, 1.0f);
    Sampler once({.seed = 9}), again({.seed = 9}), other({.seed = 10});
    std::vector<std::uint32_t> a, b, c;
    for (int i = 0; i < 20; ++i) {
        a.push_back(once(logits));
        b.push_back(again(logits));
        c.push_back(other(logits));
    }
    CHECK(a == b);
    CHECK(a != c);
}

TEST_CASE("options out of their range are refused") {
    CHECK_THROWS_WITH_AS(Sampler({.temperature = -1}), "temperature = -1 is outside [0, 100]", bitnet::error);
    CHECK_THROWS_WITH_AS(Sampler({.top_p = 0}), "top_p = 0 is outside (0, 1]", bitnet::error);
    CHECK_THROWS_AS(Sampler({.temperature = std::nan("")}), bitnet::error);
}
