/// A matrix as the sum of ternary tensors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/compress/ternary_tensor.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/rotation.hpp>

namespace bitnet::inline BITNET_ABI {

/// What stands for a tensor: one plane of trits as a rule, or several whose weights add up, perhaps in a rotated basis.
///
///     Ŵ = (offset + Σ_p scale_p·code_p)·Qᵀ        y = x·Ŵᵀ = (x·Q)·(offset + Σ_p scale_p·code_p)ᵀ
///
/// planes    of one shape, layout and grouping
/// offsets   as many as a plane has scales, of their type, finite; none as a rule
/// rotation  Q, of blocks that divide the columns; none as a rule
struct TernaryPlanes {
    std::vector<TernaryTensor> planes{};
    std::vector<float> offsets{};
    Rotation rotation{};

    TernaryPlanes() = default;
    TernaryPlanes(TernaryTensor one) { planes.push_back(std::move(one)); }  // implicit: one plane is the rule

    const Shape& shape() const { return planes.at(0).shape; }
    std::size_t rows() const { return planes.at(0).rows(); }
    std::size_t cols() const { return planes.at(0).cols(); }
    /// Bytes of codes, scales and offsets as they are stored.
    std::size_t stored_bytes() const {
        std::size_t sum = offsets.empty() ? 0 : offsets.size() * bits_of(planes.at(0).scale_type) / 8;
        for (const TernaryTensor& plane : planes) sum += plane.stored_bytes();
        return sum;
    }

    /// Where there are offsets: of a row's group.
    float offset_of(std::size_t row, std::size_t g) const { return offsets[planes[0].whole_tensor ? 0 : row * planes[0].groups_per_row() + g]; }

    /// cols() weights of one row in the basis that the codes are in.
    void sum_of_row(std::size_t row, std::span<float> out, Execution run) const {
        planes.at(0).dequantize_row(row, out, run);
        std::vector<float> more(planes.size() > 1 ? out.size() : 0);
        for (std::size_t p = 1; p < planes.size(); ++p) {
            planes[p].dequantize_row(row, more, run);
            for (std::size_t c = 0; c < out.size(); ++c) out[c] += more[c];
        }
        const TernaryTensor& first = planes[0];
        for (std::size_t g = 0; !offsets.empty() && g * first.group < out.size(); ++g) {
            const float offset = offset_of(row, g);
            for (float& weight : out.subspan(g * first.group, std::min(first.group, out.size() - g * first.group))) weight += offset;
        }
    }
    /// cols() weights of one row.
    void dequantize_row(std::size_t row, std::span<float> out, Execution run) const {
        sum_of_row(row, out, run);
        rotation.undo(out);
    }
    template <class Arch = arch::Default>
    void dequantize_row(std::size_t row, std::span<float> out) const {
        dequantize_row(row, out, execution<Arch>());
    }
    bool operator==(const TernaryPlanes&) const = default;
};

/// Matrices that have become ternary, by their names.
using MadePlanes = std::map<std::string, TernaryPlanes, std::less<>>;

/// All of its weights.  out: (rows, cols)
inline void put_image(const TernaryPlanes& planes, MatrixView<float> out, Execution run) {
    parallel_for(out.rows, 16, run.threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) planes.dequantize_row(r, out.row(r), run);
    });
}

}  // namespace bitnet::inline BITNET_ABI
