/// What a type must look like to be a policy of each role. docs/policies/ shows one of each being written.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/grid.hpp>
#include <bitnet/core/levels.hpp>
#include <bitnet/core/role.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/kernel/kernels.hpp>
#include <bitnet/pack/layout.hpp>

namespace bitnet::inline BITNET_ABI {

/// A small regular value that says which question it answers and how it is called in metadata.
template <class P>
concept Policy = std::regular<P> && requires {
    { P::role } -> std::convertible_to<Role>;
    { P::name } -> std::convertible_to<std::string_view>;
};

// ---- quantizers: one function on the weights that share one scale. Any one of the first three shapes will do. ----

/// α from the mean magnitude of the region; the sparsity policy says where zero ends. Runs at full kernel speed.
template <class Q>
concept MeanQuantizer = requires(const Q q, double mean_magnitude) {
    { q.alpha(mean_magnitude) } -> std::same_as<float>;
};

/// Levels and threshold from the weights themselves. `scratch` holds as many floats as there are weights.
template <class Q>
concept GridQuantizer = requires(const Q q, std::span<const float> w, const Kernels& kernels, std::span<float> scratch) {
    { q.fit(w, kernels, scratch) } -> std::same_as<Grid>;
};

/// Codes and scale by any rule: fills `codes` with {-1, 0, +1} and returns α >= 0. The shape to start with.
template <class Q>
concept CodeQuantizer = requires(const Q q, std::span<const float> w, std::span<std::int8_t> codes) {
    { q.quantize(w, codes) } -> std::same_as<float>;
};

/// Codes in several planes of trits, whose sum stands for the weights, and the scale of each plane, all >= 0.
template <class Q>
concept PlanesQuantizer = requires(const Q q, std::span<const float> w, const Kernels& kernels,
                                   const std::array<std::span<std::int8_t>, Q::planes>& codes) {
    { q.fit_planes(w, codes, kernels) } -> std::same_as<std::array<float, Q::planes>>;
};

/// The same, and an offset that all weights of the region share: levels that need not lie about 0.
template <class Q>
concept OffsetQuantizer = requires(const Q q, std::span<const float> w, const Kernels& kernels,
                                   const std::array<std::span<std::int8_t>, Q::planes>& codes) {
    { q.fit_levels(w, codes, kernels) } -> std::same_as<Levels<Q::planes>>;
};

/// Codes and scales of some rows from their weights and the second moments of their inputs, in one plane of trits or more:
/// calibrate/quantizer/ has them, and says what they are given.
template <class Q>
concept MomentQuantizer = requires(const Q q) {
    { Q::planes } -> std::convertible_to<std::size_t>;
    { q.feedback_damping() } -> std::same_as<double>;
};

namespace quantizer {

/// Planes of trits that a quantizer gives to each weight: one, unless it says otherwise.
template <class Q>
inline constexpr std::size_t planes_of = [] {
    if constexpr (requires { Q::planes; })
        return std::size_t{Q::planes};
    else
        return std::size_t{1};
}();

/// Whether its levels have offsets.
template <class Q>
inline constexpr bool has_offset = [] {
    if constexpr (requires { Q::has_offset; })
        return bool{Q::has_offset};
    else
        return OffsetQuantizer<Q>;
}();

}  // namespace quantizer

template <class Q>
concept QuantizerPolicy = Policy<Q> && (MeanQuantizer<Q> || GridQuantizer<Q> || CodeQuantizer<Q> || PlanesQuantizer<Q> || OffsetQuantizer<Q> || MomentQuantizer<Q>);

/// True when the quantizer decides by itself which weights become zero, so that no sparsity policy can.
template <class Q>
inline constexpr bool chooses_its_zeros = [] {
    if constexpr (requires { Q::chooses_its_zeros; })
        return bool{Q::chooses_its_zeros};
    else
        return !MeanQuantizer<Q>;
}();

// ---- sparsity ----

/// Where zero ends as a function of the scale alone.
template <class S>
concept ScaleSparsity = requires(const S s, float alpha) {
    { s.keep(alpha) } -> std::same_as<float>;
};

/// Where zero ends as a function of the region's weights. `scratch` holds as many floats as there are weights.
template <class S>
concept RegionSparsity = requires(const S s, std::span<const float> w, std::span<float> scratch) {
    { s.keep(w, scratch) } -> std::same_as<float>;
};

template <class S>
concept SparsityPolicy = Policy<S> && (ScaleSparsity<S> || RegionSparsity<S>);

// ---- scale ----

/// group(cols): how many consecutive weights of a row share a scale, whole_tensor: all weights share one;
/// storage: F16, BF16 or F32.
template <class S>
concept ScalePolicy = Policy<S> && requires(const S s, std::size_t cols) {
    { s.group(cols) } -> std::convertible_to<std::size_t>;
    { S::whole_tensor } -> std::convertible_to<bool>;
    { s.storage } -> std::convertible_to<DType>;
};

// ---- preservation ----

/// What happens to one tensor of a model.
enum class Treatment { ternary, fp16, bf16, fp32, int8_rows, unchanged };

constexpr std::string_view to_string(Treatment treatment) noexcept {
    switch (treatment) {
        case Treatment::ternary: return "ternary";
        case Treatment::fp16: return "fp16";
        case Treatment::bf16: return "bf16";
        case Treatment::fp32: return "fp32";
        case Treatment::int8_rows: return "int8_rows";
        case Treatment::unchanged: return "unchanged";
    }
    return "unchanged";
}

/// A tensor as preservation policies see it.
struct TensorInfo {
    std::string_view name;
    TensorRole role = TensorRole::unknown;
    std::span<const std::size_t> shape;
};

template <class P>
concept PreservationPolicy = Policy<P> && requires(const P p, const TensorInfo& tensor) {
    { p.treatment(tensor) } -> std::same_as<Treatment>;
};

// ---- training ----

/// What an optimizer may know of the tensor that it moves.
struct ParameterShape {
    std::size_t rows = 1;  ///< outputs; a vector is one row
    std::size_t cols = 0;
    /// A 2-D weight inside a decoder block: attention or feed-forward. False for embeddings, the head, norms, biases and
    /// learned scales.
    bool block_matrix = false;

    constexpr std::size_t size() const noexcept { return rows * cols; }
    bool operator==(const ParameterShape&) const = default;
};

/// update(w, g, state, lr) moves the weights w of one tensor by one step along their gradient g. State holds the buffers of
/// that tensor, zero at first; it is made from the count of weights, or from the ParameterShape where that matters.
template <class O>
concept OptimizerPolicy = Policy<O> &&
    (std::constructible_from<typename O::State, std::size_t> ||
     std::constructible_from<typename O::State, const ParameterShape&>) &&
    requires(const O o, std::span<float> w, std::span<const float> g, typename O::State& state, float learning_rate) {
        { o.update(w, g, state, learning_rate) } -> std::same_as<void>;
    };

/// The state of a tensor before its first step, whichever way the optimizer makes one.
template <OptimizerPolicy O>
typename O::State optimizer_state(const ParameterShape& shape) {
    using State = typename O::State;
    if constexpr (std::constructible_from<State, const ParameterShape&>)
        return State(shape);
    else
        return State(shape.size());
}

namespace detail {
struct AnyField {
    void operator()(std::string_view, const std::vector<float>&) const {}
    void operator()(std::string_view, const std::uint64_t&) const {}
};
}  // namespace detail

/// A state that can be saved and restored. `static void each_field(auto& state, auto&& f)` calls f(name, field) for each
/// std::vector<float> and std::uint64_t that the next step depends on, in an order of its own and under names that differ;
/// fields of a const state are const. Sizes are those of a new state: whoever restores one fills it.
template <class S>
concept CheckpointedState = requires(S state, const S saved, detail::AnyField f) {
    S::each_field(state, f);
    S::each_field(saved, f);
};

/// f(name, field) for each field of a state, const or not.
template <class State, class F>
    requires CheckpointedState<std::remove_const_t<State>>
void each_field(State& state, F&& f) {
    std::remove_const_t<State>::each_field(state, f);
}

/// Bytes of the fields: what one tensor adds to memory and to a checkpoint.
template <CheckpointedState State>
std::size_t state_bytes(const State& state) {
    std::size_t bytes = 0;
    each_field(state, [&]<class Field>(std::string_view, const Field& field) {
        if constexpr (std::same_as<Field, std::uint64_t>)
            bytes += sizeof field;
        else
            bytes += field.size() * sizeof(float);
    });
    return bytes;
}

/// slope(w, alpha): the factor between the gradient at the quantized weight and the one that the latent weight gets.
template <class S>
concept StePolicy = Policy<S> && requires(const S s, float w, float alpha) {
    { s.slope(w, alpha) } -> std::same_as<float>;
};

/// One that reaches the ternary weight gradually: blend(progress) is the share of it, the rest being the latent weight, when
/// `progress` of the steps, 0 ... 1, are done.
template <class S>
concept BlendingSte = StePolicy<S> && requires(const S s, double progress) {
    { s.blend(progress) } -> std::same_as<float>;
};

/// One that learns the scales too: scale_slope(w, scale) is what dŵ/dscale is taken for, `rate` the scales' learning rate
/// as a multiple of the weights'.
template <class S>
concept ScaleLearningSte = StePolicy<S> && requires(const S s, float w, float scale) {
    { s.scale_slope(w, scale) } -> std::same_as<float>;
    { s.rate } -> std::convertible_to<float>;
};

// ---- layout ----

/// `layout` names how codes are packed: a constant of the types in pack/, a member of layout::Chosen.
template <class L>
concept LayoutPolicy = Policy<L> && requires(const L l) {
    { l.layout } -> std::convertible_to<Layout>;
};

}  // namespace bitnet::inline BITNET_ABI
