/// No architecture at all: roles from the names and ranks of tensors, for files that nothing else is known about.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/glob.hpp>
#include <bitnet/core/role.hpp>

namespace bitnet::inline BITNET_ABI::architecture {

/// Tensors whose whole name fits `pattern` (see glob_match) have this role.
struct RolePattern {
    std::string pattern;
    TensorRole role = TensorRole::unknown;
    bool operator==(const RolePattern&) const = default;
};

/// What a user writes for an architecture that is not known.
inline constexpr std::string_view generic_name = "generic";

struct DefaultPattern {
    std::string_view pattern;
    TensorRole role;
};

/// The first that fits decides. Norms come before biases and positions before tokens, for they share words.
inline constexpr std::array generic_patterns{DefaultPattern{"*norm*", TensorRole::norm},
                                             DefaultPattern{"ln_*", TensorRole::norm},
                                             DefaultPattern{"*.ln_*", TensorRole::norm},
                                             DefaultPattern{"wpe*", TensorRole::position_embedding},
                                             DefaultPattern{"*.wpe*", TensorRole::position_embedding},
                                             DefaultPattern{"*position_embed*", TensorRole::position_embedding},
                                             DefaultPattern{"*pos_embed*", TensorRole::position_embedding},
                                             DefaultPattern{"*embed*", TensorRole::token_embedding},
                                             DefaultPattern{"wte*", TensorRole::token_embedding},
                                             DefaultPattern{"*.wte*", TensorRole::token_embedding},
                                             DefaultPattern{"*lm_head*", TensorRole::lm_head},
                                             DefaultPattern{"output.*", TensorRole::lm_head},
                                             DefaultPattern{"*.bias", TensorRole::bias}};

/// The role of a tensor by name and shape alone. The first of `patterns` that fits decides, then the first of
/// generic_patterns, then rank and name: vectors are biases, matrices attention where their name says "attn" or
/// "attention" and feed-forward otherwise, anything of a higher rank is a convolution.
///
/// Scalars and types other than F16, BF16, F32 and F64 are unknown, whatever their name.
inline TensorRole generic_role(std::string_view name, DType dtype, std::span<const std::size_t> shape,
                               std::span<const RolePattern> patterns = {}) {
    if (!is_weight_type(dtype) || shape.empty()) return TensorRole::unknown;
    for (const RolePattern& row : patterns)
        if (glob_match(row.pattern, name)) return row.role;
    for (const DefaultPattern& row : generic_patterns)
        if (glob_match(row.pattern, name)) return row.role;
    if (shape.size() == 1) return TensorRole::bias;
    if (shape.size() > 2) return TensorRole::convolution;
    const bool attention = glob_match("*attn*", name) || glob_match("*attention*", name);
    return attention ? TensorRole::attention : TensorRole::feed_forward;
}

}  // namespace bitnet::inline BITNET_ABI::architecture
