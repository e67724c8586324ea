// Weights for the tests of kernels: every distribution and every value that has a trap in it.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace weights {

enum class Kind { normal, uniform, laplace, heavy_tailed, quantised, two_clusters, subnormal, huge };
inline constexpr Kind every_kind[] = {Kind::normal,    Kind::uniform,      Kind::laplace,   Kind::heavy_tailed,
                                      Kind::quantised, Kind::two_clusters, Kind::subnormal, Kind::huge};

inline float one(std::mt19937& random, Kind kind) {
    const double u = std::uniform_real_distribution<double>(-1, 1)(random);
    const double sign = u < 0 ? -1 : 1;
    switch (kind) {
        case Kind::normal: return std::normal_distribution<float>(0, 0.02f)(random);
        case Kind::uniform: return static_cast<float>(u);
        case Kind::laplace: return static_cast<float>(-sign * std::log(1 - std::abs(u)));
        // P(|w| > x) = x^-2: mean(|w| : |w| > c) is 2c for every c, so that any threshold looks as good as another.
        case Kind::heavy_tailed: return static_cast<float>(sign / std::sqrt(1 - std::abs(u)));
        case Kind::quantised: return static_cast<float>(std::round(4 * u) / 4);
        case Kind::two_clusters: return static_cast<float>(sign * (std::abs(u) < 0.5 ? 1 : 4) + 0.01 * u);
        case Kind::subnormal: return static_cast<float>(u) * 0x1p-140f;
        case Kind::huge: return static_cast<float>(u) * std::numeric_limits<float>::max();
    }
    return 0;
}

inline std::vector<float> many(std::mt19937& random, Kind kind, std::size_t n) {
    std::vector<float> w(n);
    for (float& x : w) x = one(random, kind);
    return w;
}

/// Finite values at the edges of the format.
inline constexpr float edges[] = {0.0f,
                                  -0.0f,
                                  1.0f,
                                  -1.0f,
                                  std::numeric_limits<float>::denorm_min(),
                                  -std::numeric_limits<float>::denorm_min(),
                                  std::numeric_limits<float>::min(),
                                  std::numeric_limits<float>::max(),
                                  std::numeric_limits<float>::lowest(),
                                  0x1p-126f - 0x1p-149f};

}  // namespace weights
