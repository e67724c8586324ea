/// Floats as bytes of the narrower types that files keep.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/half.hpp>

namespace bitnet::inline BITNET_ABI {

/// Appends values as F16, BF16 or F32, each rounded to nearest, ties to even. False when a finite value became
/// infinite in the type; the bytes are written all the same.
inline bool narrow(std::span<const float> values, DType type, std::vector<std::byte>& out) {
    const std::size_t element = bits_of(type) / 8;
    const std::size_t begin = out.size();
    out.resize(begin + values.size() * element);
    std::byte* to = out.data() + begin;
    bool fits = true;
    if (type == DType::F32) {
        if (!values.empty()) std::memcpy(to, values.data(), values.size_bytes());
        return true;
    }
    for (const float value : values) {
        const std::uint16_t bits = type == DType::F16 ? to_half(value).bits : to_bfloat16(value).bits;
        const std::uint16_t infinity = type == DType::F16 ? 0x7c00 : 0x7f80;
        fits = fits && (bits & 0x7fff) != infinity;
        std::memcpy(to, &bits, sizeof bits);
        to += sizeof bits;
    }
    return fits;
}

/// Rounds a row to 8-bit integers that share a scale:  s = max|x| / 127,  q = round(x / s), ties to even,  x̂ = s·q.
/// Returns s, 0 for a row of zeros.
inline float narrow_to_int8(std::span<const float> row, std::span<std::int8_t> out) {
    float largest = 0;
    for (const float value : row) largest = std::max(largest, std::fabs(value));
    const float scale = largest / 127.0f;
    for (std::size_t i = 0; i < row.size(); ++i)
        out[i] = scale == 0 ? std::int8_t{0}
                            : static_cast<std::int8_t>(std::clamp(std::nearbyint(row[i] / scale), -127.0f, 127.0f));
    return scale;
}

}  // namespace bitnet::inline BITNET_ABI
