/// Keys and values of the tokens that a model has read.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Leaves new numbers as memory has them. Filling a prompt's keys and values with zeros, on one thread, would take a
/// twentieth of the time of reading it.
template <class T>
struct UntouchedMemory : std::allocator<T> {
    template <class U>
    struct rebind {
        using other = UntouchedMemory<U>;
    };
    template <class U>
    void construct(U* place) noexcept {
        ::new (static_cast<void*>(place)) U;
    }
};

}  // namespace detail

/// For each layer (tokens, kv_heads·head_dim) keys, rotated already, and values. A value: a copy is a fork of the text.
/// It grows with the text: 2·layers·kv_heads·head_dim·sizeof(T) bytes a token.
template <class T>
class KvCache {
public:
    /// (length(), kv_heads·head_dim) each; valid until the cache grows.
    struct Layer {
        MatrixView<T> keys, values;
    };

    KvCache() = default;
    KvCache(std::size_t layers, std::size_t width) : rows_(2 * layers), width_(width) {}

    /// Tokens read so far.
    std::size_t length() const noexcept { return length_; }
    Layer layer(std::size_t i) { return {view(rows_[2 * i]), view(rows_[2 * i + 1])}; }
    /// Room for `tokens` more, to be filled in layer by layer: it holds anything until then.
    void grow(std::size_t tokens) {
        length_ += tokens;
        for (Rows& rows : rows_) rows.resize(length_ * width_);
    }

private:
    using Rows = std::vector<T, detail::UntouchedMemory<T>>;
    MatrixView<T> view(Rows& rows) const { return {rows.data(), length_, width_, width_}; }

    std::vector<Rows> rows_{};  ///< keys and values of the first layer, of the second, ...
    std::size_t width_ = 0;
    std::size_t length_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI
