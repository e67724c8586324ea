/// Learning that begins where calibration ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI {

/// Latent weights whose nearest levels are given codes: each weight stays where it is if its code is what it is rounded to, else it
/// moves to the border of that code's cell, a twentieth of a scale inside. What made a code differ from plain rounding is then soon
/// undone by a gradient that wants it undone, and nothing else is forgotten.
///
///     code 0: |w| <= 0.45·α        code ±1: ±w >= 0.55·α        α = 0: as it is
///
/// weights: (O, C), in and out, in their own basis    made: one plane of them, whose cells are in the basis of its rotation
inline void move_into_cells(MatrixView<float> weights, const TernaryPlanes& made, Execution run) {
    const TernaryTensor& plane = made.planes.at(0);
    parallel_for(weights.rows, 16, run.threads, [&](std::size_t begin, std::size_t end) {
        std::vector<std::int8_t> codes(weights.cols);
        for (std::size_t r = begin; r < end; ++r) {
            plane.codes_of_row(r, codes, run);
            made.rotation.apply(weights.row(r));
            for (std::size_t c = 0; c < codes.size(); ++c) {
                const float alpha = plane.scale(r, c);
                float& w = weights(r, c);
                if (alpha <= 0) continue;
                if (codes[c] == 0) w = std::clamp(w, -0.45f * alpha, 0.45f * alpha);
                else if (codes[c] > 0) w = std::max(w, 0.55f * alpha);
                else w = std::min(w, -0.55f * alpha);
            }
            made.rotation.undo(weights.row(r));
        }
    });
}

/// A Compressor's policies for a Trainer whose scales learn: a tensor that calibration made begins with that tensor's codes and
/// scales, in its basis, every other as the Compressor says. The latent weights are those of move_into_cells.
template <class Compressor>
class CalibratedStart {
public:
    using Ste = typename Compressor::Ste;
    using Optimizer = typename Compressor::Optimizer;
    static_assert(ScaleLearningSte<Ste>,
        "bitnet::CalibratedStart: this estimator fits scales anew at each step and would forget calibration; use ste::LearnedScale");

    /// made: by name, of one plane each, without offsets
    /// Errors  errc::bad_value naming a tensor of several planes or with offsets
    CalibratedStart(Compressor compressor, MadePlanes made)
        : compressor_(std::move(compressor)), made_(std::move(made)) {
        for (const auto& [name, planes] : made_)
            if (planes.planes.size() != 1 || !planes.offsets.empty())
                throw error(errc::bad_value, message(name, ": learning begins with one plane of trits without offsets"));
    }

    void compress_into(TernaryTensor& out, const TensorView& weight, Execution run) const {
        if (const auto found = made_.find(weight.name); found != made_.end())
            out = found->second.planes.at(0);
        else
            compressor_.compress_into(out, weight, run);
    }
    /// Of the columns of a weight: the basis that it becomes ternary in.
    Rotation rotation(std::string_view name) const {
        const auto found = made_.find(name);
        return found == made_.end() ? Rotation{} : found->second.rotation;
    }
    const auto& scale() const { return compressor_.scale(); }
    const auto& preservation() const { return compressor_.preservation(); }
    const auto& optimizer() const { return compressor_.optimizer(); }
    const auto& ste() const { return compressor_.ste(); }

private:
    Compressor compressor_;
    MadePlanes made_;
};

}  // namespace bitnet::inline BITNET_ABI
