/// Random-sign Hadamard rotations: a cheap change of basis that spreads what is large over many coordinates.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <bitnet/core/rng.hpp>

namespace bitnet::inline BITNET_ABI {

/// x·Q and x·Qᵀ, Q orthogonal: blocks of `block` coordinates, in each a sign for every coordinate, then Sylvester's Hadamard
/// matrix over √block. What two vectors' product is, it stays when both are rotated.
///
/// block   0: no rotation; else a power of two that divides the size of every vector
/// seed    the signs follow from it and the coordinate
/// Source  Tseng et al. 2024, "QuIP#", section 3; Ashkboos et al. 2024, "QuaRot"
struct Rotation {
    std::size_t block = 0;
    std::uint64_t seed = 0;

    /// The largest block that suits vectors of that size, at most 128; 0 where that would be a single coordinate.
    static constexpr std::size_t block_for(std::size_t size) noexcept {
        std::size_t block = 1;
        while (block < 128 && size != 0 && size % (2 * block) == 0) block *= 2;
        return block == 1 ? 0 : block;
    }
    explicit operator bool() const noexcept { return block != 0; }

    template <std::floating_point T>
    void apply(std::span<T> x) const noexcept {
        if (block == 0) return;
        flip_signs(x);
        transform(x);
    }
    template <std::floating_point T>
    void undo(std::span<T> x) const noexcept {
        if (block == 0) return;
        transform(x);
        flip_signs(x);
    }
    bool operator==(const Rotation&) const = default;

private:
    template <class T>
    void flip_signs(std::span<T> x) const noexcept {
        for (std::size_t first = 0; first < x.size(); first += 64) {
            const std::uint64_t signs = mix64(seed ^ mix64(first / 64 + 1));
            for (std::size_t c = first; c < x.size() && c < first + 64; ++c)
                if ((signs >> (c - first) & 1) != 0) x[c] = -x[c];
        }
    }
    template <class T>
    void transform(std::span<T> x) const noexcept {
        const T length = 1 / std::sqrt(static_cast<T>(block));
        for (std::size_t first = 0; first + block <= x.size(); first += block) {
            T* const v = x.data() + first;
            for (std::size_t half = 1; half < block; half *= 2)
                for (std::size_t i = 0; i < block; i += 2 * half)
                    for (std::size_t k = i; k < i + half; ++k) {
                        const T a = v[k], b = v[k + half];
                        v[k] = a + b;
                        v[k + half] = a - b;
                    }
            for (std::size_t k = 0; k < block; ++k) v[k] *= length;
        }
    }
};

}  // namespace bitnet::inline BITNET_ABI
