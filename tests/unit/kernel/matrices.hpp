// Packed matrices and activations for the tests of products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/kernel/multiply.hpp>
#include <bitnet/pack/int8.hpp>
#include <bitnet/pack/trit2.hpp>
#include <bitnet/pack/trit5.hpp>

namespace matrices {

/// Codes as they are and packed, so that a reference need not unpack.
struct Matrix {
    bitnet::Layout layout = bitnet::Layout::trit2;
    std::size_t rows = 0, cols = 0, group = 1;
    bool whole_tensor = false;
    std::vector<std::int8_t> q{};
    std::vector<std::uint8_t> packed{};  // exactly as long as it must be: what reads further is found by the sanitizer
    std::vector<float> scales{};

    bitnet::TernaryMatrix view() const { return {layout, rows, cols, group, whole_tensor, packed, scales}; }
};

template <class Codec>
void pack_rows(Matrix& m) {
    const std::size_t bytes = bitnet::pack::row_bytes<Codec>(m.cols);
    m.packed.resize(m.rows * bytes);
    for (std::size_t row = 0; row < m.rows; ++row)
        Codec::template pack<void>(std::span(m.q).subspan(row * m.cols, m.cols),
                                   std::span(m.packed).subspan(row * bytes, bytes));
}

/// group = 0: one scale for the whole tensor.
inline Matrix random_matrix(std::mt19937& random, bitnet::Layout layout, std::size_t rows, std::size_t cols,
                            std::size_t group) {
    Matrix m{layout, rows, cols, std::max<std::size_t>(1, group), group == 0};
    m.q.resize(rows * cols);
    for (auto& code : m.q) code = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
    m.scales.resize(m.whole_tensor ? 1 : rows * ((cols + group - 1) / group));
    for (auto& scale : m.scales) scale = std::uniform_real_distribution<float>(-1, 2)(random);
    if (layout == bitnet::Layout::int8) pack_rows<bitnet::pack::Int8>(m);
    if (layout == bitnet::Layout::trit2) pack_rows<bitnet::pack::Trit2>(m);
    if (layout == bitnet::Layout::trit5) pack_rows<bitnet::pack::Trit5>(m);
    return m;
}

inline std::vector<float> random_activations(std::mt19937& random, std::size_t n) {
    std::vector<float> x(n);
    for (float& value : x) value = std::normal_distribution<float>(0, 1)(random);
    return x;
}

inline constexpr bitnet::Layout every_layout[] = {bitnet::Layout::int8, bitnet::Layout::trit2, bitnet::Layout::trit5};

/// The stated order of sums over groups: eight lanes, halves on halves.
inline double in_eight_lanes(const std::vector<double>& terms) {
    std::vector<double> lane(8, 0.0);
    for (std::size_t g = 0; g < terms.size(); ++g) lane[g % 8] += terms[g];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/// Products of random matrices with all kernels of this machine, the rows in two shares as two threads would take them,
/// equal reference(matrix, floats, activations) bit for bit.
template <class Activations, class Reference>
void check_product(std::mt19937& random, bitnet::Layout layout, std::size_t tokens, std::size_t rows, std::size_t cols,
                   std::size_t group, const Reference& reference) {
    const Matrix m = random_matrix(random, layout, rows, cols, group);
    const std::vector<float> floats = random_activations(random, tokens * cols);
    std::vector<float> expected;
    for (const bitnet::Kernels* kernels : bitnet::available_kernels()) {
        Activations x;
        prepare(x, floats, m.view(), *kernels);
        if (expected.empty()) expected = reference(m, floats, x);
        std::vector<float> y(tokens * rows, 9.0f);
        multiply(m.view(), 0, rows / 2, x, y, *kernels);
        multiply(m.view(), rows / 2, rows, x, y, *kernels);
        INFO(kernels->arch, ", ", to_string(layout), ", ", tokens, " tokens, ", rows, " x ", cols, ", groups of ", group);
        CHECK(y == expected);
    }
}

}  // namespace matrices
