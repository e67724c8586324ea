/// A weight as the sum of several trits, each with a scale of its own.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <bitnet/core/levels.hpp>
#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// The least squared error that alternating between codes and scales finds for
///
///     ŵ = Σ_p α_p·q_p        q_p in {-1, 0, +1}, p < Planes        3^Planes levels, symmetric about 0
///
/// It begins with exact least squares on the weights, then on what the first plane leaves, and so on; then, in turns, all scales
/// become the best for the codes (normal equations) and each weight takes the nearest level, as long as the error falls.
///
/// Shapes  a region of n weights -> Planes scales, Planes times n codes; O(rounds·n·3^Planes)
/// Knobs   rounds in [0, 1000], at most
/// Source  Xiao et al. 2025, "PTQTP: Post-Training Quantization to Trit-Planes"
template <std::size_t Planes>
struct TritPlanes {
    static_assert(Planes >= 1 && Planes <= 4, "bitnet::quantizer::TritPlanes: one plane of trits at least, four at most");
    static constexpr Role role = Role::quantizer;
    static constexpr std::size_t planes = Planes;
    static constexpr std::array<char, 15> name_text{'t', 'r', 'i', 't', '_', 'p', 'l', 'a', 'n', 'e', 's', '<', '0' + Planes, '>', 0};
    static constexpr std::string_view name{name_text.data(), name_text.size() - 1};
    static constexpr bool chooses_its_zeros = true;
    std::uint64_t rounds = 50;
    static constexpr void knobs(auto&& visit) { visit(Knob{"rounds", &TritPlanes::rounds, std::uint64_t{0}, std::uint64_t{1000}}); }

    using Scales = std::array<float, Planes>;
    using Codes = std::array<std::span<std::int8_t>, Planes>;

    /// codes: n of each plane, out
    Scales fit_planes(std::span<const float> w, const Codes& codes, const Kernels& kernels) const {
        Scales scales = greedy(w, codes, kernels);
        double error = assign(w, scales, codes);
        std::array<std::vector<std::int8_t>, Planes> saved;
        for (std::uint64_t round = 0; Planes > 1 && round < rounds; ++round) {
            for (std::size_t p = 0; p < Planes; ++p) saved[p].assign(codes[p].begin(), codes[p].end());
            const Scales better = solve(w, codes, scales);
            const double now = assign(w, better, codes);
            if (!(now < error)) {
                for (std::size_t p = 0; p < Planes; ++p) std::ranges::copy(saved[p], codes[p].begin());
                break;
            }
            error = now;
            scales = better;
        }
        return scales;
    }
    bool operator==(const TritPlanes&) const = default;

private:
    static Scales greedy(std::span<const float> w, const Codes& codes, const Kernels& kernels) {
        std::vector<float> left(w.begin(), w.end()), scratch(w.size());
        Scales scales{};
        for (std::size_t p = 0; p < Planes; ++p) {
            const Grid grid = kernels.least_squares(left.data(), left.size(), scratch.data());
            kernels.codes(left.data(), left.size(), grid.keep, codes[p].data());
            scales[p] = grid.alpha;
            for (std::size_t i = 0; i < left.size(); ++i) left[i] -= grid.alpha * static_cast<float>(codes[p][i]);
        }
        return scales;
    }

    /// The nearest level of each weight; Σ(w - ŵ)².
    static double assign(std::span<const float> w, const Scales& scales, const Codes& codes) {
        double error = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            std::array<std::int8_t, Planes> chosen{};
            const double off = static_cast<double>(w[i] - nearest_level<Planes>(scales, w[i], chosen));
            error += off * off;
            for (std::size_t p = 0; p < Planes; ++p) codes[p][i] = chosen[p];
        }
        return error;
    }

    /// Scales of the least squared error for these codes; a plane whose scale would be negative turns its codes. Planes that
    /// are all 0, or as another one, keep what they have: a little of the diagonal is added to it.
    static Scales solve(std::span<const float> w, const Codes& codes, const Scales& before) {
        std::array<std::array<double, Planes + 1>, Planes> system{};
        for (std::size_t i = 0; i < w.size(); ++i)
            for (std::size_t p = 0; p < Planes; ++p) {
                const double code = codes[p][i];
                for (std::size_t q = 0; q < Planes; ++q) system[p][q] += code * codes[q][i];
                system[p][Planes] += code * static_cast<double>(w[i]);
            }
        const double ridge = 1e-8 * static_cast<double>(w.size());
        for (std::size_t p = 0; p < Planes; ++p) {
            system[p][p] += ridge;
            system[p][Planes] += ridge * static_cast<double>(before[p]);
        }
        for (std::size_t p = 0; p < Planes; ++p)  // positive definite: no pivots
            for (std::size_t r = 0; r < Planes; ++r) {
                if (r == p) continue;
                const double factor = system[r][p] / system[p][p];
                for (std::size_t c = p; c <= Planes; ++c) system[r][c] -= factor * system[p][c];
            }
        Scales out{};
        for (std::size_t p = 0; p < Planes; ++p) out[p] = std::abs(static_cast<float>(system[p][Planes] / system[p][p]));
        return out;
    }
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
