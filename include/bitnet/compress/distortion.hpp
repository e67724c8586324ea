/// What quantization did to a tensor, in several numbers that each see another fault.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <bitnet/compress/float_rows.hpp>
#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/kernel/distortion_sums.hpp>

namespace bitnet::inline BITNET_ABI {

/// Sums over a tensor's original weights w and their stored images ŵ. Read the figures together: the relative error
/// hides a wrong sign in a small weight, the cosine hides a wrong scale, the largest error hides how rare it is.
struct Distortion {
    std::array<std::uint64_t, 3> codes{};  ///< how many are -1, 0, +1
    DistortionSums sums{};

    std::uint64_t count() const { return codes[0] + codes[1] + codes[2]; }
    /// Shares in [0, 1]; 0 for an empty tensor.
    double share(int code) const {
        return count() == 0 ? 0.0 : static_cast<double>(codes[static_cast<std::size_t>(code + 1)]) / static_cast<double>(count());
    }
    double zeros() const { return share(0); }
    /// ||ŵ - w|| / ||w||; 0 when both are zero.
    double relative_error() const { return sums.errors == 0 ? 0.0 : std::sqrt(sums.errors / sums.weights); }
    /// Signal to quantization noise, 10·log10(||w||² / ||ŵ - w||²) in dB; infinite without error.
    double sqnr_db() const {
        return sums.errors == 0 ? std::numeric_limits<double>::infinity()
                                      : 10.0 * std::log10(sums.weights / sums.errors);
    }
    /// <w, ŵ> / (||w||·||ŵ||); 1 when both are zero, 0 when one is.
    double cosine() const {
        if (sums.weights == 0 && sums.levels == 0) return 1.0;
        const double norms = std::sqrt(sums.weights) * std::sqrt(sums.levels);
        return norms == 0 ? 0.0 : sums.products / norms;
    }
    /// max|ŵ - w|
    double max_error() const { return sums.largest_error; }

    /// Figures of two tensors, or of two parts of one, together.
    Distortion& operator+=(const Distortion& other) {
        for (std::size_t i = 0; i < codes.size(); ++i) codes[i] += other.codes[i];
        sums += other.sums;
        return *this;
    }
};

/// Compares a tensor with its compressed image, row by row, without a dense copy of either.
/// Rows are added in a fixed order: the same figures for any number of threads.
template <std::same_as<TensorView> View>  // a template, so that who only includes this does not pay for it
Distortion distortion(const View& original, const TernaryTensor& tensor, Execution run = execution()) {
    if (original.shape != tensor.shape)
        throw error(errc::bad_shape, message(original.name, ": shape ", to_string(original.shape),
                                             " is compared with a compressed tensor of shape ", to_string(tensor.shape)));
    const FloatRows rows(original, *run.kernels);
    if (rows.rows() == 0 || rows.cols() == 0) return {};
    const std::size_t piece = std::max<std::size_t>(1, (1 << 16) / rows.cols());
    std::vector<Distortion> pieces((rows.rows() - 1) / piece + 1);
    parallel_for(rows.rows(), piece, run.threads, [&](std::size_t begin, std::size_t end) {
        Distortion& sum = pieces[begin / piece];
        std::vector<float> buffer;
        std::vector<std::int8_t> codes(rows.cols());
        const std::size_t groups = tensor.groups_per_row();
        for (std::size_t r = begin; r < end; ++r) {
            tensor.codes_of_row(r, codes, run);
            std::array<std::uint64_t, 3> count{};
            for (const std::int8_t code : codes) ++count[static_cast<std::size_t>(code + 1)];
            for (std::size_t i = 0; i < count.size(); ++i) sum.codes[i] += count[i];
            const float* const scales = tensor.scales.data() + (tensor.whole_tensor ? 0 : r * groups);
            DistortionSums of_row;
            run.kernels->distortion(rows.row(r, buffer).data(), codes.data(), scales, rows.cols(), tensor.group, &of_row);
            sum.sums += of_row;
        }
    });
    Distortion total;
    for (const Distortion& part : pieces) total += part;
    return total;
}

/// The same for a sum of planes; `codes` counts those of all planes.
template <std::same_as<TensorView> View>
Distortion distortion(const View& original, const TernaryPlanes& made, Execution run = execution()) {
    if (made.planes.size() == 1 && made.offsets.empty() && !made.rotation) return distortion(original, made.planes[0], run);
    if (original.shape != made.shape())
        throw error(errc::bad_shape, message(original.name, ": shape ", to_string(original.shape),
                                             " is compared with a compressed tensor of shape ", to_string(made.shape())));
    const FloatRows rows(original, *run.kernels);
    if (rows.rows() == 0 || rows.cols() == 0) return {};
    std::vector<Distortion> of_rows(rows.rows());
    parallel_for(rows.rows(), 16, run.threads, [&](std::size_t begin, std::size_t end) {
        std::vector<float> buffer, levels(rows.cols());
        std::vector<std::int8_t> codes(rows.cols());
        const std::vector<std::int8_t> ones(rows.cols(), 1);
        for (std::size_t r = begin; r < end; ++r) {
            for (const TernaryTensor& plane : made.planes) {
                plane.codes_of_row(r, codes, run);
                for (const std::int8_t code : codes) ++of_rows[r].codes[static_cast<std::size_t>(code + 1)];
            }
            made.dequantize_row(r, levels, run);
            // A level a weight: as codes of 1, each with a scale of its own.
            run.kernels->distortion(rows.row(r, buffer).data(), ones.data(), levels.data(), rows.cols(), 1, &of_rows[r].sums);
        }
    });
    Distortion total;
    for (const Distortion& part : of_rows) total += part;
    return total;
}

/// The same for any xtensor expression, evaluated once.
template <class E, class Compressed>
    requires std::same_as<Compressed, TernaryTensor> || std::same_as<Compressed, TernaryPlanes>
Distortion distortion(const xt::xexpression<E>& original, const Compressed& tensor, Execution run = execution()) {
    const xt::xarray<std::conditional_t<true, float, E>, xt::layout_type::row_major> dense = xt::cast<float>(original.derived_cast());  // of E: costs nobody who only includes this
    const Shape shape(dense.shape().begin(), dense.shape().end());
    return distortion(TensorView{"tensor", DType::F32, shape, std::as_bytes(std::span(dense.data(), dense.size()))},
                      tensor, run);
}

}  // namespace bitnet::inline BITNET_ABI
