/// A matrix that learns in full precision and works as its ternary image.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/rotation.hpp>
#include <bitnet/policy/scale/storage.hpp>
#include <bitnet/train/parameter.hpp>

namespace bitnet::inline BITNET_ABI {

/// Whether a tensor of a model learns as a ternary image: a matrix whose treatment(TensorInfo) is to be ternary.
template <class Preservation>
bool becomes_ternary(const Parameter<float>& one, const Preservation& preservation) {
    return one.value.rows() > 1 && preservation.treatment({one.spec.name, one.spec.role, one.spec.shape}) == Treatment::ternary;
}

/// The latent weights w of one matrix, and what the policies of a Compressor make of them:
///
///     ŵ = Q(w)                     the quantizer's codes and scales, those that a file will hold
///     model's weight = w + λ·(ŵ - w)         λ = 1, unless the estimator blends
///     dL/dw = dL/dŵ ⊙ slope(w, scale)        the estimator's
///
/// Where the estimator learns scales, they begin as the quantizer's, and ŵ is the nearest level: the codes come from
/// latent weights and learned scales then, not from the quantizer. Where the compressor has a `rotation(name)`, w is rotated,
/// and the model's weight is turned back from what becomes of it.
template <class Compressor>
class TernaryWeight {
public:
    using Ste = typename Compressor::Ste;
    static constexpr bool learns_scales = ScaleLearningSte<Ste>;

    /// latent: (O, C), in its own basis
    TernaryWeight(std::string name, Matrix<float> latent, const Compressor& compressor, Execution run)
        : name_(std::move(name)), latent_(std::move(latent)), shape_{latent_.rows(), latent_.cols()} {
        if constexpr (requires { compressor.rotation(name_); }) rotation_ = compressor.rotation(name_);
        for (std::size_t r = 0; r < latent_.rows(); ++r) rotation_.apply(latent_.row(r));
        quantize(compressor, run);
        if constexpr (learns_scales) {
            learned_ = packed_.scales;
            // A region of zeros has no scale yet; where its weights may go one day, the smallest that is stored waits.
            for (float& scale : learned_) scale = std::max(scale, least_scale);
            scale_slopes_.resize(learned_.size());
        }
    }

    const std::string& name() const noexcept { return name_; }
    /// In the basis that it becomes ternary in.
    Matrix<float>& latent() noexcept { return latent_; }
    const Matrix<float>& latent() const noexcept { return latent_; }
    std::vector<float>& learned_scales() noexcept { return learned_; }
    const std::vector<float>& learned_scales() const noexcept { return learned_; }
    std::span<const float> scale_gradient() const noexcept { return scale_slopes_; }

    /// Writes w + share·(ŵ - w).  out: (O, C)
    ///
    /// Errors  errc::not_finite naming tensor and index
    void image(const Compressor& compressor, float share, MatrixView<float> out, Execution run) {
        if constexpr (learns_scales) {
            for (float& scale : learned_) scale = std::max(scale, least_scale);
        } else {
            quantize(compressor, run);
        }
        parallel_for(latent_.rows(), rows_per_piece(), run.threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t r = begin; r < end; ++r) {
                if constexpr (learns_scales)
                    nearest_levels(r, compressor.scale().storage, out.row(r));
                else
                    packed_.dequantize_row(r, out.row(r), run);
                const std::span<const float> w = std::as_const(latent_).row(r);
                for (std::size_t c = 0; share != 1 && c < w.size(); ++c) out(r, c) = w[c] + share * (out(r, c) - w[c]);
                rotation_.undo(out.row(r));
            }
        });
    }

    /// The latest image as it is stored; image() with a share of 1 comes first.
    TernaryPlanes packed(const Compressor& compressor, Execution run) const {
        TernaryPlanes out(packed_);
        out.rotation = rotation_;
        if constexpr (learns_scales) {
            TernaryTensor& plane = out.planes[0];
            const DType storage = compressor.scale().storage;
            plane.scale_type = std::ranges::all_of(learned_, [&](float scale) { return scale::holds(storage, scale); }) ? storage : DType::F32;
            for (std::size_t i = 0; i < learned_.size(); ++i)
                plane.scales[i] = scale::holds(storage, learned_[i]) ? scale::stored(learned_[i], storage) : learned_[i];
            parallel_for(latent_.rows(), rows_per_piece(), run.threads, [&](std::size_t begin, std::size_t end) {
                std::vector<std::int8_t> codes(latent_.cols());
                for (std::size_t r = begin; r < end; ++r) {
                    each_region(r, [&](std::size_t region, std::size_t first, std::size_t last) {
                        run.kernels->codes(latent_.row(r).data() + first, last - first, nearest_keep(learned_[region]), codes.data() + first);
                        const auto of_region = std::span(codes).subspan(first, last - first);
                        if (!plane.whole_tensor && std::ranges::all_of(of_region, [](auto code) { return code == 0; })) plane.scales[region] = 0;
                    });
                    visit_layout(plane.layout, [&](auto layout) {
                        layout.pack(std::span<const std::int8_t>(codes), std::span(plane.codes).subspan(r * plane.row_bytes(), plane.row_bytes()));
                    });
                }
            });
        }
        return out;
    }

    /// From the gradient at the image to that at the latent weights, in place, and the gradients of learned scales.
    /// gradient: (O, C)
    void backward(const Compressor& compressor, MatrixView<float> gradient, unsigned threads) {
        const Ste& ste = compressor.ste();
        if constexpr (learns_scales) std::ranges::fill(scale_slopes_, 0.0f);
        // A piece is whole rows, and no scale but that of a whole tensor is shared by two: that one is summed by rows.
        std::vector<double> of_rows(learns_scales && packed_.whole_tensor ? latent_.rows() : 0);
        parallel_for(latent_.rows(), rows_per_piece(), threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t r = begin; r < end; ++r) {
                const std::span<const float> w = std::as_const(latent_).row(r);
                const std::span<float> g = gradient.row(r);
                rotation_.apply(g);
                each_region(r, [&](std::size_t region, std::size_t first, std::size_t last) {
                    const float scale = scales()[region];
                    if constexpr (learns_scales) {
                        double slope = 0;
                        for (std::size_t c = first; c < last; ++c) slope += static_cast<double>(g[c] * ste.scale_slope(w[c], scale));
                        if (packed_.whole_tensor)
                            of_rows[r] = slope;
                        else
                            scale_slopes_[region] = static_cast<float>(slope / std::sqrt(static_cast<double>(last - first)));
                    }
                    for (std::size_t c = first; c < last; ++c) g[c] *= ste.slope(w[c], scale);
                });
            }
        });
        if (of_rows.empty()) return;
        double sum = 0;
        for (const double slope : of_rows) sum += slope;
        scale_slopes_[0] = static_cast<float>(sum / std::sqrt(static_cast<double>(latent_.values().size())));
    }

private:
    static constexpr float least_scale = 0x1p-14f;  // the least that FP16 holds in full precision

    std::size_t rows_per_piece() const { return std::max<std::size_t>(1, (std::size_t{1} << 15) / std::max<std::size_t>(1, latent_.cols())); }
    std::span<const float> scales() const { return learns_scales ? learned_ : packed_.scales; }
    void quantize(const Compressor& compressor, Execution run) {
        compressor.compress_into(packed_, TensorView{name_, DType::F32, shape_, std::as_bytes(std::span(latent_.values()))}, run);
    }
    /// Calls work(index of the scale, first column, behind the last) for the regions of row r.
    template <class Work>
    void each_region(std::size_t r, Work&& work) const {
        const std::size_t cols = latent_.cols(), width = packed_.whole_tensor ? cols : packed_.group;
        const std::size_t first = packed_.whole_tensor ? 0 : r * packed_.groups_per_row();
        for (std::size_t begin = 0; begin < cols; begin += width)
            work(first + begin / width, begin, std::min(cols, begin + width));
    }
    void nearest_levels(std::size_t r, DType storage, std::span<float> out) const {
        const std::span<const float> w = latent_.row(r);
        each_region(r, [&](std::size_t region, std::size_t first, std::size_t last) {
            const float keep = nearest_keep(learned_[region]);
            const float scale = scale::holds(storage, learned_[region]) ? scale::stored(learned_[region], storage) : learned_[region];
            for (std::size_t c = first; c < last; ++c) {
                const float kept = static_cast<float>(std::abs(w[c]) >= keep);
                out[c] = std::copysign(scale * kept, w[c]);
            }
        });
    }

    std::string name_;
    Rotation rotation_{};
    Matrix<float> latent_;
    Shape shape_;
    TernaryTensor packed_{};  ///< of the latest image; only its geometry where scales are learned
    std::vector<float> learned_{}, scale_slopes_{};
};

}  // namespace bitnet::inline BITNET_ABI
