#include <bitnet/train/learning_rate.hpp>

#include <doctest/doctest.h>

#include "models.hpp"

#include <bitnet/policy/preservation/by_role.hpp>

using namespace bitnet;

TEST_CASE("the rate is a share of the mean magnitude of what becomes ternary, and of that alone") {
    Parameters<float> parameters;
    const auto add = [&](TensorRole role, std::size_t rows, float value) {
        Parameter<float> one;
        one.spec.name = "w";
        one.spec.role = role;
        one.spec.shape = {rows, 3};
        one.value = Matrix<float>(rows, 3);
        for (float& weight : one.values()) weight = value;
        parameters.add(std::move(one));
    };
    add(TensorRole::token_embedding, 8, 100);
    add(TensorRole::norm, 1, 100);
    CHECK(ternary_learning_rate(parameters, preservation::ByRole{}) == 3e-3);
    add(TensorRole::attention, 2, -0.5f);
    add(TensorRole::feed_forward, 6, 0.1f);
    CHECK(ternary_learning_rate(parameters, preservation::ByRole{}) == doctest::Approx(0.015 * (2 * 0.5 + 6 * 0.1) / 8));
}

TEST_CASE("a model of larger weights learns as much faster") {
    const auto rate = [](float factor) {
        const Network<float> network = bitnet_test::small_network(0, factor);
        return ternary_learning_rate(network.parameters(), preservation::ByRole{});
    };
    CHECK(rate(6) == doctest::Approx(3 * rate(2)));
}
