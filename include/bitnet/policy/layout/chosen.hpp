/// A layout of packed codes that is chosen at run time.
#pragma once

#include <array>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::layout {

/// For programs whose users choose; where the layout is a constant, name its type: pack::Int8, pack::Trit2, pack::Trit5.
///
/// Knobs   layout: int8 (8 bits a code), trit2 (2 bits), trit5 (1.6 bits)
struct Chosen {
    static constexpr Role role = Role::layout;
    static constexpr std::string_view name = "layout";
    Layout layout = Layout::trit2;
    static constexpr void knobs(auto&& visit) {
        visit(Choice{"layout", &Chosen::layout, std::array{Layout::int8, Layout::trit2, Layout::trit5}});
    }
    bool operator==(const Chosen&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::layout
