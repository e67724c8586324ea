/// Rows of a matrix on their way to codes and scales.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <bitnet/core/levels.hpp>
#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// Some rows of a matrix, and the codes and scales that stand for them so far:
///
///     ŵ[r, c] = Σ_p scale_p[r, c / group]·code_p[r, c]        p: one plane, or several
///
/// w       (B, C), what is to be approximated
/// codes   (B, C) for each plane, in {-1, 0, +1}
/// scales  (B, ceil(C / group)) for each plane, >= 0
template <std::size_t Planes = 1>
struct RowsInWork {
    static constexpr std::size_t planes = Planes;

    RowsInWork(Matrix<float> weights, std::size_t group_size, bool one_scale = false)
        : w(std::move(weights)), group(group_size), shared(one_scale) {
        codes.fill(Matrix<std::int8_t>(w.rows(), w.cols()));
        scales.fill(Matrix<float>(w.rows(), groups()));
    }

    Matrix<float> w;
    std::size_t group;
    bool shared;  ///< all rows have the same scale, and group = C
    std::array<Matrix<std::int8_t>, Planes> codes{};
    std::array<Matrix<float>, Planes> scales{};

    std::size_t rows() const { return w.rows(); }
    std::size_t cols() const { return w.cols(); }
    std::size_t groups() const { return (w.cols() + group - 1) / group; }
    /// First column of a group and the one behind its last.
    std::pair<std::size_t, std::size_t> columns(std::size_t g) const { return {g * group, std::min(w.cols(), (g + 1) * group)}; }

    std::array<float, Planes> scales_of(std::size_t row, std::size_t g) const {
        std::array<float, Planes> out{};
        for (std::size_t p = 0; p < Planes; ++p) out[p] = scales[p](row, g);
        return out;
    }
    /// Rounds a value as the weight of that place is rounded; its level.
    float put(std::size_t row, std::size_t col, const std::array<float, Planes>& of_group, float value) {
        std::array<std::int8_t, Planes> chosen{};
        const float level = nearest_level<Planes>(of_group, value, chosen);
        for (std::size_t p = 0; p < Planes; ++p) codes[p](row, col) = chosen[p];
        return level;
    }
    /// ŵ of one row, or of one of its groups, to its place there.  out: C values
    void image(std::size_t row, std::span<float> out) const {
        for (std::size_t g = 0; g < groups(); ++g) image(row, g, out);
    }
    void image(std::size_t row, std::size_t g, std::span<float> out) const {
        const auto [first, last] = columns(g);
        const std::array<float, Planes> scale = scales_of(row, g);
        for (std::size_t c = first; c < last; ++c) {
            out[c] = 0;
            for (std::size_t p = Planes; p-- > 0;) out[c] = scale[p] * static_cast<float>(codes[p](row, c)) + out[c];
        }
    }
};

}  // namespace bitnet::inline BITNET_ABI
