/// How large a model in memory is, how much of it learns, and how much of it is zero.
#pragma once

#include <cstdint>

#include <bitnet/compress/stats.hpp>
#include <bitnet/train/parameter.hpp>

namespace bitnet::inline BITNET_ABI {

struct ParameterCount {
    std::uint64_t total = 0;
    std::uint64_t trainable = 0;  ///< of tensors that learn
    std::uint64_t frozen = 0;     ///< of the others
};

/// Tied tensors are there once, and counted once.
template <class T>
ParameterCount count_parameters(const Parameters<T>& parameters) {
    ParameterCount out;
    for (const Parameter<T>& one : parameters) {
        const std::uint64_t count = one.value.values().size();
        out.total += count;
        (one.learns ? out.trainable : out.frozen) += count;
    }
    return out;
}

/// All values as they lie in memory, in units of 2^20 bytes; gradients are not part of the model.
template <class T>
double calculate_model_size_mb(const Parameters<T>& parameters) {
    return to_mb(count_parameters(parameters).total * sizeof(T));
}

/// Values that are 0, in [0, 1]; 0 where there is none.
template <class T>
double calculate_sparsity_ratio(const Parameters<T>& parameters) {
    std::uint64_t zeros = 0;
    for (const Parameter<T>& one : parameters)
        for (const T value : one.value.values()) zeros += value == 0;
    const std::uint64_t all = count_parameters(parameters).total;
    return all == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(all);
}

}  // namespace bitnet::inline BITNET_ABI
