/// One scale for the whole tensor.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/scale/storage.hpp>

namespace bitnet::inline BITNET_ABI::scale {

/// All weights of a tensor share one scale, as in BitNet b1.58. Two passes over the weights instead of one.
///
/// Knobs   storage: F16, BF16 or F32
struct PerTensor {
    static constexpr Role role = Role::scale;
    static constexpr std::string_view name = "per_tensor";
    static constexpr bool whole_tensor = true;
    DType storage = DType::F16;
    static constexpr void knobs(auto&& visit) { visit(storage_choice(&PerTensor::storage)); }

    constexpr std::size_t group(std::size_t cols) const noexcept { return cols; }
    bool operator==(const PerTensor&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::scale
