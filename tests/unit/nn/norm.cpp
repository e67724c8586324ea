#include <bitnet/nn/norm.hpp>

#include <vector>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

using namespace bitnet;

TEST_CASE("norms of many tokens are those of each, with a bias or without, for any threads") {
    Random random(1);
    Matrix<double> x(150, 7), dy(150, 7);
    std::vector<double> weight(7), bias(7);
    for (Matrix<double>* const matrix : {&x, &dy})
        for (std::size_t t = 0; t < 150; ++t)
            for (double& value : matrix->row(t)) value = random.normal();
    for (std::vector<double>* const vector : {&weight, &bias})
        for (double& value : *vector) value = random.normal();
    for (const bool biased : {false, true}) {
        const std::span<const double> of = biased ? std::span<const double>(bias) : std::span<const double>();
        Matrix<double> wanted(150, 7), dx(150, 7), y[2] = {wanted, wanted}, back[2] = {dx, dx};
        std::vector<double> dweight(7), dbias(biased ? 7 : 0), dweights[2] = {dweight, dweight}, dbiases[2] = {dbias, dbias};
        if (biased) {
            layer_norm<double>(x, weight, bias, 1e-5, wanted);
            layer_norm_backward<double>(x, weight, 1e-5, dy, dx, dweight, dbias);
        } else {
            rms_norm<double>(x, weight, 1e-5, wanted);
            rms_norm_backward<double>(x, weight, 1e-5, dy, dx, dweight);
        }
        for (unsigned i = 0; i < 2; ++i) {
            normalise<double>(x, weight, of, 1e-5, y[i], i + 1);
            normalise_backward<double>(x, weight, 1e-5, dy, back[i], dweights[i], dbiases[i], i + 1);
            CHECK(y[i].values() == wanted.values());
            CHECK(back[i].values() == dx.values());
            for (std::size_t c = 0; c < 7; ++c) CHECK(dweights[i][c] == doctest::Approx(dweight[c]));
            for (std::size_t c = 0; c < dbias.size(); ++c) CHECK(dbiases[i][c] == doctest::Approx(dbias[c]));
        }
        CHECK(dweights[0] == dweights[1]);
        CHECK(dbiases[0] == dbiases[1]);
    }
}
