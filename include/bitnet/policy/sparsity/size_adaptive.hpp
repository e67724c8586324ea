/// The threshold grows with the model.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI {

/// Size classes of models and what they aim at.
struct SizeClass {
    std::string_view name;
    std::uint64_t below;         ///< parameters; the class holds models smaller than this
    float threshold;             ///< of the sparsity policy
    double compression_ratio;    ///< FP32 bytes over bytes on disk
};

inline constexpr std::array size_classes{
    SizeClass{"tiny", 50'000'000, 0.05f, 6.0},
    SizeClass{"small", 500'000'000, 0.10f, 8.0},
    SizeClass{"medium", 2'000'000'000, 0.15f, 10.0},
    SizeClass{"large", ~std::uint64_t{0}, 0.20f, 12.0},
};

constexpr const SizeClass& size_class(std::uint64_t parameters) noexcept {
    for (const SizeClass& row : size_classes)
        if (parameters < row.below) return row;
    return size_classes.back();
}

namespace sparsity {

/// Fixed with the threshold of the model's size class: 0.05, 0.10, 0.15 or 0.20.
///
/// Knobs   parameters: how many the whole model has, tied ones counted once; whoever reads a model sets it
struct SizeAdaptive {
    static constexpr Role role = Role::sparsity;
    static constexpr std::string_view name = "size_adaptive";
    std::uint64_t parameters = 0;
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"parameters", &SizeAdaptive::parameters, std::uint64_t{0}, ~std::uint64_t{0}});
    }

    constexpr float threshold() const noexcept { return size_class(parameters).threshold; }
    constexpr float keep(float alpha) const noexcept { return threshold() * alpha; }
    bool operator==(const SizeAdaptive&) const = default;
};

}  // namespace sparsity
}  // namespace bitnet::inline BITNET_ABI
