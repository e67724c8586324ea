/// Keys and values of the tokens that a model has read.
#pragma once

#include <cstddef>
#include <vector>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// For each layer (tokens, kv_heads·head_dim) keys, rotated already, and values. A value: a copy is a fork of the text.
/// It grows with the text: 2·layers·kv_heads·head_dim·sizeof(T) bytes a token.
template <class T>
class KvCache {
public:
    struct Layer {
        Matrix<T> keys, values;
    };

    KvCache() = default;
    KvCache(std::size_t layers, std::size_t width) : layers_(layers, Layer{Matrix<T>(0, width), Matrix<T>(0, width)}) {}

    /// Tokens read so far.
    std::size_t length() const noexcept { return length_; }
    Layer& layer(std::size_t i) { return layers_[i]; }
    /// Room for `tokens` more, to be filled in layer by layer.
    void grow(std::size_t tokens) {
        length_ += tokens;
        for (Layer& layer : layers_) {
            layer.keys.resize_rows(length_);
            layer.values.resize_rows(length_);
        }
    }

private:
    std::vector<Layer> layers_{};
    std::size_t length_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI
