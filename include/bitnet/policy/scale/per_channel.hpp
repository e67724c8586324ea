/// One scale for each output channel.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/scale/storage.hpp>

namespace bitnet::inline BITNET_ABI::scale {

/// Each row of the weight matrix has its scale: 16/cols bits a weight. A vector has one, a convolution one for each
/// index of its first axis.
///
/// Knobs   storage: F16, BF16 or F32
struct PerChannel {
    static constexpr Role role = Role::scale;
    static constexpr std::string_view name = "per_channel";
    static constexpr bool whole_tensor = false;
    DType storage = DType::F16;
    static constexpr void knobs(auto&& visit) { visit(storage_choice(&PerChannel::storage)); }

    constexpr std::size_t group(std::size_t cols) const noexcept { return cols; }
    bool operator==(const PerChannel&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::scale
