/// Linear layers of a model of one's own, and how they become ternary all at once.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include <bitnet/core/role.hpp>
#include <bitnet/nn/linear.hpp>
#include <bitnet/policy/concepts.hpp>
#include <bitnet/train/bit_linear.hpp>

namespace bitnet::inline BITNET_ABI {

/// A linear layer that is dense until it is replaced. Its name and role are what a preservation policy is asked about.
template <class Compressor>
struct ReplaceableLinear {
    std::string name{};
    TensorRole role = TensorRole::feed_forward;
    std::variant<Linear<float>, BitLinear<Compressor>> layer{};

    bool replaced() const noexcept { return layer.index() == 1; }
    std::size_t outputs() const {
        return std::visit([](const auto& held) { return held.outputs(); }, layer);
    }
    /// x: (T, C)    y: (T, O)
    void forward(MatrixView<const float> x, MatrixView<float> y, Execution run = execution()) {
        if (auto* const dense = std::get_if<Linear<float>>(&layer))
            dense->forward(x, y, run.threads);
        else
            std::get<BitLinear<Compressor>>(layer).forward(x, y, run);
    }
};

/// What became of the linear layers of a model.
struct Replacement {
    std::size_t linears = 0;
    std::size_t replaced = 0;   ///< are BitLinear now, those of an earlier call among them
    std::size_t remaining() const noexcept { return linears - replaced; }
};

/// Makes a BitLinear of every dense layer that the compressor's preservation policy calls ternary; weights are moved, not copied.
/// Errors  those of BitLinear; the layers in front of the bad one are replaced then, and the bad one has no weights any more
template <class Compressor>
Replacement replace_linears(std::span<ReplaceableLinear<Compressor>> layers, const Compressor& compressor, Execution run = execution()) {
    Replacement out{.linears = layers.size()};
    for (ReplaceableLinear<Compressor>& one : layers) {
        if (auto* const dense = std::get_if<Linear<float>>(&one.layer)) {
            const Shape shape{dense->outputs(), dense->inputs()};
            if (compressor.preservation().treatment({one.name, one.role, shape}) == Treatment::ternary)
                one.layer = BitLinear<Compressor>(one.name, std::move(*dense), compressor, run);
        }
        out.replaced += one.replaced();
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
