/// What is added up to say how far rounded weights are from the weights.
#pragma once

#include <bitnet/config/abi.hpp>
#include <bitnet/config/macros.hpp>

namespace bitnet::inline BITNET_ABI {

/// Sums over weights w and what they are rounded to, ŵ = alpha·code. Zeros make the empty sum; parts are added with
/// +=, in one order when figures must be equal to the last bit.
struct DistortionSums {
    double weights = 0;        ///< Σ w²
    double errors = 0;         ///< Σ (w - ŵ)²
    double products = 0;       ///< Σ w·ŵ
    double levels = 0;         ///< Σ ŵ²
    double largest_error = 0;  ///< max |w - ŵ|

    BITNET_INLINE constexpr DistortionSums& operator+=(const DistortionSums& other) noexcept {
        weights += other.weights;
        errors += other.errors;
        products += other.products;
        levels += other.levels;
        largest_error = other.largest_error > largest_error ? other.largest_error : largest_error;
        return *this;
    }
    bool operator==(const DistortionSums&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI
