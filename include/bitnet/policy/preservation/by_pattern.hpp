/// Roles decide, and name patterns overrule them.
#pragma once

#include <bitnet/core/glob.hpp>
#include <bitnet/policy/preservation/by_role.hpp>

namespace bitnet::inline BITNET_ABI::preservation {

/// As ByRole, except for the tensors whose names match a pattern. Patterns are separated by commas, `*` stands for any
/// characters, `?` for one; `keep` wins where both match.
///
/// Knobs   keep: these stay, e.g. "model.layers.0.*"      ternary: these become ternary, e.g. "*extra_head.weight"
///         precision, embeddings, head: as in ByRole
struct ByPattern {
    static constexpr Role role = Role::preservation;
    static constexpr std::string_view name = "by_pattern";
    std::string keep{};
    std::string ternary{};
    Treatment precision = Treatment::fp16;
    bool embeddings = true;
    bool head = true;
    static constexpr void knobs(auto&& visit) {
        visit(Text{"keep", &ByPattern::keep},
              Text{"ternary", &ByPattern::ternary},
              Choice{"precision", &ByPattern::precision, kept_precisions},
              Choice{"embeddings", &ByPattern::embeddings, std::array{false, true}},
              Choice{"head", &ByPattern::head, std::array{false, true}});
    }

    Treatment treatment(const TensorInfo& tensor) const {
        const ByRole roles{.precision = precision, .embeddings = embeddings, .head = head};
        if (glob_match_any(keep, tensor.name))
            return tensor.role == TensorRole::unknown ? Treatment::unchanged : roles.kept(tensor);
        return glob_match_any(ternary, tensor.name) ? Treatment::ternary : roles.treatment(tensor);
    }
    bool operator==(const ByPattern&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::preservation
