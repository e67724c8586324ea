/// Levels about an offset that the weights of a region share.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <bitnet/policy/quantizer/trit_planes.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// The least squared error that alternating between an offset and levels about it finds:
///
///     ŵ = μ + Σ_p α_p·q_p        q_p in {-1, 0, +1}, p < Planes
///
/// In turns the levels are those of TritPlanes for w - μ, and μ moves by the mean of what they leave, as long as the error falls: once
/// from μ = 0 and once from the mean of the weights. An offset takes as many bytes as a scale.
///
/// Shapes  a region of n weights -> Planes scales, one offset, Planes times n codes; O(rounds) times what TritPlanes takes
/// Knobs   rounds in [0, 1000], at most
/// Source  Yan et al. 2025, "PT2-LLM: Post-Training Ternarization for Large Language Models"
template <std::size_t Planes = 1>
struct Asymmetric {
    static constexpr Role role = Role::quantizer;
    static constexpr std::size_t planes = TritPlanes<Planes>::planes;
    static constexpr std::array<char, 14> name_text{'a', 's', 'y', 'm', 'm', 'e', 't', 'r', 'i', 'c', '<', '0' + Planes, '>', 0};
    static constexpr std::string_view name{name_text.data(), name_text.size() - 1};
    static constexpr bool chooses_its_zeros = true;
    std::uint64_t rounds = 20;
    static constexpr void knobs(auto&& visit) { visit(Knob{"rounds", &Asymmetric::rounds, std::uint64_t{0}, std::uint64_t{1000}}); }

    using Codes = std::array<std::span<std::int8_t>, Planes>;

    /// codes: n of each plane, out
    Levels<Planes> fit_levels(std::span<const float> w, const Codes& codes, const Kernels& kernels) const {
        const Fit about_zero = descend(w, 0, codes, kernels);
        if (!(about_zero.squares > 0)) return about_zero.levels;
        double mean = 0;
        for (const float x : w) mean += static_cast<double>(x) / static_cast<double>(w.size());
        Buffers tried(w.size());
        const Fit about_mean = descend(w, static_cast<float>(mean), tried.codes(), kernels);
        if (!(about_mean.squares < about_zero.squares)) return about_zero.levels;
        tried.copy_to(codes);
        return about_mean.levels;
    }
    bool operator==(const Asymmetric&) const = default;

private:
    /// Levels, and what they leave: Σ(w - ŵ) and Σ(w - ŵ)².
    struct Fit {
        Levels<Planes> levels{};
        double sum = 0, squares = 0;
    };
    struct Buffers {
        explicit Buffers(std::size_t n) { planes.fill(std::vector<std::int8_t>(n)); }
        Codes codes() {
            Codes out;
            for (std::size_t p = 0; p < Planes; ++p) out[p] = planes[p];
            return out;
        }
        void copy_to(const Codes& out) const {
            for (std::size_t p = 0; p < Planes; ++p) std::ranges::copy(planes[p], out[p].begin());
        }
        std::array<std::vector<std::int8_t>, Planes> planes{};
    };

    Fit descend(std::span<const float> w, float offset, const Codes& codes, const Kernels& kernels) const {
        Fit best = fit_about(w, offset, codes, kernels);
        Buffers tried(w.size());
        for (std::uint64_t round = 0; round < rounds && best.squares > 0; ++round) {
            const auto mean_left = static_cast<float>(best.sum / static_cast<double>(w.size()));
            const Fit now = fit_about(w, best.levels.offset + mean_left, tried.codes(), kernels);
            if (!(now.squares < best.squares)) break;
            best = now;
            tried.copy_to(codes);
        }
        return best;
    }
    static Fit fit_about(std::span<const float> w, float offset, const Codes& codes, const Kernels& kernels) {
        std::vector<float> about(w.begin(), w.end());
        for (float& x : about) x -= offset;
        Fit out{{TritPlanes<Planes>{}.fit_planes(about, codes, kernels), offset}};
        for (std::size_t i = 0; i < w.size(); ++i) {
            float level = offset;
            for (std::size_t p = 0; p < Planes; ++p) level += out.levels.scales[p] * static_cast<float>(codes[p][i]);
            const double off = static_cast<double>(w[i]) - static_cast<double>(level);
            out.sum += off;
            out.squares += off * off;
        }
        return out;
    }
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
