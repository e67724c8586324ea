/// Random numbers that are the same on every machine, compiler and instruction set.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// A bijection of 64-bit words under which neighbours become unrelated.
/// Source  Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", the finaliser of SplitMix64
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/// A seed for one named thing out of the seed of the whole: the values of a tensor then depend on its name and not
/// on what was drawn before it.
constexpr std::uint64_t derived_seed(std::uint64_t seed, std::string_view name) noexcept {
    for (const char letter : name) seed = mix64(seed ^ static_cast<unsigned char>(letter));
    return mix64(seed);
}

/// The SplitMix64 sequence: word i is mix64(seed + (i + 1)·γ), so any word can be computed without those before it.
/// Serves the standard library's distributions too, but those differ between its implementations: use the members.
class Random {
public:
    using result_type = std::uint64_t;

    explicit constexpr Random(std::uint64_t seed) noexcept : state_(seed) {}

    static constexpr result_type min() noexcept { return 0; }
    static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }
    constexpr result_type operator()() noexcept { return mix64(state_ += gamma); }

    /// Uniform in [0, 1), a multiple of 2^-53.
    constexpr double uniform() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }

    /// Uniform in {0, ..., count - 1}; count >= 1.
    constexpr std::uint64_t below(std::uint64_t count) noexcept {
        // The words past the last whole multiple of count would make small results more frequent.
        const std::uint64_t excess = (max() % count + 1) % count;
        for (;;) {
            const std::uint64_t word = (*this)();
            if (word <= max() - excess) return word % count;
        }
    }

    /// Normal with mean 0 and standard deviation 1, at most 8.3 in magnitude.
    ///
    ///     z = (number of ones among 64 bits - 32 + u - v) / sqrt(16 + 1/6)        u, v uniform in [0, 1)
    ///
    /// A binomial distribution whose steps are joined by straight lines: variance exactly 1, excess kurtosis -0.03.
    /// Integers and one product, because logarithms and sines differ between libraries in their last bit.
    constexpr float normal() noexcept {
        const int ones = std::popcount((*this)());
        const std::uint64_t pair = (*this)();
        const std::int64_t joined = (static_cast<std::int64_t>(ones) - 32) * (std::int64_t{1} << 32) +
                                    static_cast<std::int64_t>(pair >> 32) -
                                    static_cast<std::int64_t>(pair & 0xffffffffu);
        constexpr double unit = 0x1p-32 / 4.020779360604940;  // sqrt(97/6)
        return static_cast<float>(static_cast<double>(joined) * unit);
    }

private:
    static constexpr std::uint64_t gamma = 0x9e3779b97f4a7c15u;
    std::uint64_t state_;
};

}  // namespace bitnet::inline BITNET_ABI
