/// Matrices become ternary; embeddings, norms, biases and the head stay.
#pragma once

#include <array>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::preservation {

inline constexpr std::array kept_precisions{Treatment::fp16, Treatment::bf16, Treatment::fp32, Treatment::int8_rows};

/// Attention, feed-forward and convolution weights become ternary; everything else that the architecture knows is
/// kept in `precision`. Tensors that it does not know stay byte for byte.
///
/// Knobs   precision: fp16, bf16, fp32, or int8_rows (one absmax scale a row; vectors then stay fp16)
///         embeddings, head: false makes them ternary as well, which costs far more quality than it saves bytes
struct ByRole {
    static constexpr Role role = Role::preservation;
    static constexpr std::string_view name = "by_role";
    Treatment precision = Treatment::fp16;
    bool embeddings = true;
    bool head = true;
    static constexpr void knobs(auto&& visit) {
        visit(Choice{"precision", &ByRole::precision, kept_precisions},
              Choice{"embeddings", &ByRole::embeddings, std::array{false, true}},
              Choice{"head", &ByRole::head, std::array{false, true}});
    }

    constexpr Treatment kept(const TensorInfo& tensor) const noexcept {
        return precision == Treatment::int8_rows && tensor.shape.size() < 2 ? Treatment::fp16 : precision;
    }
    constexpr Treatment treatment(const TensorInfo& tensor) const noexcept {
        switch (tensor.role) {
            case TensorRole::attention:
            case TensorRole::feed_forward:
            case TensorRole::convolution: return Treatment::ternary;
            case TensorRole::token_embedding:
            case TensorRole::position_embedding: return embeddings ? kept(tensor) : Treatment::ternary;
            case TensorRole::lm_head: return head ? kept(tensor) : Treatment::ternary;
            case TensorRole::norm:
            case TensorRole::bias: return kept(tensor);
            case TensorRole::unknown: return Treatment::unchanged;
        }
        return Treatment::unchanged;
    }
    bool operator==(const ByRole&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::preservation
