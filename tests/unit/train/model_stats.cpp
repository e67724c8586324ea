#include <bitnet/train/model_stats.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("numbers of a model are counted by whether they learn, and a model of none has no zeros") {
    Parameters<float> model;
    CHECK(count_parameters(model).total == 0);
    CHECK(calculate_sparsity_ratio(model) == 0);
    model.add({.spec = {"a", TensorRole::feed_forward, {2, 3}, ""}, .value = Matrix<float>(2, 3, {1, 0, -2, 0, -0.0f, 3})});
    model.add({.spec = {"b", TensorRole::bias, {2}, ""}, .value = Matrix<float>(1, 2, {4, 5}), .learns = false});
    const ParameterCount count = count_parameters(model);
    CHECK(count.total == 8);
    CHECK(count.trainable == 6);
    CHECK(count.frozen == 2);
    CHECK(calculate_model_size_mb(model) == 32.0 / (1 << 20));
    CHECK(calculate_sparsity_ratio(model) == 3.0 / 8);

    Parameters<double> wide;
    wide.add({.spec = {"a", TensorRole::norm, {1 << 17}, ""}, .value = Matrix<double>(1, 1 << 17)});
    CHECK(calculate_model_size_mb(wide) == 1);
    CHECK(calculate_sparsity_ratio(wide) == 1);
}
