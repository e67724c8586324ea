/// Finding policies by role in a list of any order.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/sparsity/optimal.hpp>

namespace bitnet::inline BITNET_ABI {

/// Whether P is a policy of that role; false for a type that is no policy at all.
template <class P, Role wanted>
inline constexpr bool has_role = [] {
    if constexpr (Policy<P>)
        return P::role == wanted;
    else
        return false;
}();

/// How many policies of that role are in the list.
template <Role wanted, class... Policies>
inline constexpr std::size_t count_of = (std::size_t{0} + ... + (has_role<Policies, wanted> ? 1 : 0));

namespace detail {
template <Role wanted, class Default, class... Policies>
struct PolicyOf {
    using type = Default;
};
template <Role wanted, class Default, class First, class... Rest>
struct PolicyOf<wanted, Default, First, Rest...>
    : std::conditional_t<has_role<First, wanted>, std::type_identity<First>, PolicyOf<wanted, Default, Rest...>> {};
}  // namespace detail

/// The policy of that role, or the default when the list has none.
template <Role wanted, class Default, class... Policies>
using policy_of = typename detail::PolicyOf<wanted, Default, Policies...>::type;

/// Its value out of the given ones, or a default-constructed one.
template <class Wanted, class... Policies>
constexpr Wanted value_of(const std::tuple<Policies...>& given) {
    if constexpr ((std::same_as<Wanted, Policies> || ...))
        return std::get<Wanted>(given);
    else
        return Wanted{};
}

namespace detail {
template <class Quantizer>
struct DefaultSparsity {
    using type = sparsity::Optimal;
};
template <class Quantizer>
    requires requires { typename Quantizer::default_sparsity; }
struct DefaultSparsity<Quantizer> {
    using type = typename Quantizer::default_sparsity;
};
}  // namespace detail

/// The sparsity that a quantizer comes with: its own default_sparsity, else Optimal.
template <class Quantizer>
using default_sparsity = typename detail::DefaultSparsity<Quantizer>::type;

}  // namespace bitnet::inline BITNET_ABI
