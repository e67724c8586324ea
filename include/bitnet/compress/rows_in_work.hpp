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
#include <bitnet/core/parallel_for.hpp>

namespace bitnet::inline BITNET_ABI {

/// Some rows of a matrix, and the codes and scales that stand for them so far:
///
///     ŵ[r, c] = offset[r, c / group] + Σ_p scale_p[r, c / group]·code_p[r, c]        p: one plane, or several
///
/// w       (B, C), what is to be approximated
/// codes   (B, C) for each plane, in {-1, 0, +1}
/// scales  (B, ceil(C / group)) for each plane, >= 0
/// offsets (B, ceil(C / group)), all 0 unless the quantizer gives offsets
template <std::size_t Planes = 1>
struct RowsInWork {
    static constexpr std::size_t planes = Planes;

    static constexpr std::size_t rows_at_once = 64;  ///< what compressors give a thread

    RowsInWork(Matrix<float> weights, std::size_t group_size, bool one_scale = false, unsigned thread_count = 1)
        : w(std::move(weights)), group(group_size), shared(one_scale), threads(thread_count) {
        codes.fill(Matrix<std::int8_t>(w.rows(), w.cols()));
        scales.fill(Matrix<float>(w.rows(), groups()));
        offsets = Matrix<float>(w.rows(), groups());
    }

    Matrix<float> w;
    std::size_t group;
    bool shared;       ///< all rows have the same scale, and group = C
    unsigned threads;  ///< that may work on these rows: 1, unless they are all of a matrix's
    std::array<Matrix<std::int8_t>, Planes> codes{};
    std::array<Matrix<float>, Planes> scales{};
    Matrix<float> offsets{};

    std::size_t rows() const { return w.rows(); }
    std::size_t cols() const { return w.cols(); }
    std::size_t groups() const { return (w.cols() + group - 1) / group; }
    /// work(first row, the one behind the last) for blocks of rows that do not depend on each other.
    template <class Work>
    void each_block(Work&& work) const {
        parallel_for(rows(), rows_at_once, threads, work);
    }
    /// First column of a group and the one behind its last.
    std::pair<std::size_t, std::size_t> columns(std::size_t g) const { return {g * group, std::min(w.cols(), (g + 1) * group)}; }

    Levels<Planes> levels_of(std::size_t row, std::size_t g) const {
        Levels<Planes> out{.offset = offsets(row, g)};
        for (std::size_t p = 0; p < Planes; ++p) out.scales[p] = scales[p](row, g);
        return out;
    }
    void set_levels(std::size_t row, std::size_t g, const Levels<Planes>& levels) {
        for (std::size_t p = 0; p < Planes; ++p) scales[p](row, g) = levels.scales[p];
        offsets(row, g) = levels.offset;
    }
    /// Rounds a value as the weight of that place is rounded; its level.
    float put(std::size_t row, std::size_t col, const Levels<Planes>& of_group, float value) {
        std::array<std::int8_t, Planes> chosen{};
        const float level = of_group.nearest(value, chosen);
        for (std::size_t p = 0; p < Planes; ++p) codes[p](row, col) = chosen[p];
        return level;
    }
    /// ŵ of one row, or of one of its groups, to its place there.  out: C values
    void image(std::size_t row, std::span<float> out) const {
        for (std::size_t g = 0; g < groups(); ++g) image(row, g, out);
    }
    void image(std::size_t row, std::size_t g, std::span<float> out) const {
        const auto [first, last] = columns(g);
        const Levels<Planes> levels = levels_of(row, g);
        for (std::size_t c = first; c < last; ++c) {
            float sum = 0;
            for (std::size_t p = Planes; p-- > 0;) sum = levels.scales[p] * static_cast<float>(codes[p](row, c)) + sum;
            out[c] = levels.offset + sum;
        }
    }
};

}  // namespace bitnet::inline BITNET_ABI
