/// The best ternary grid of one region in the sense of least squares, exactly, without sorting it.
#pragma once

#include <algorithm>

#include <bitnet/core/grid.hpp>
#include <bitnet/kernel/abs_sums.hpp>
#include <bitnet/kernel/arch/ops.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Σ and number of the magnitudes above a threshold.
struct Above {
    double sum = 0;
    std::size_t count = 0;
};

/// Magnitudes on both sides of the best threshold: those above `high` are surely rounded to ±alpha, those not above
/// `low` surely to zero.
struct Bracket {
    float low = 0;
    float high = 0;
};

/// How far sums in float may be off (68 additions, 4e-6), with a margin; and where floats become subnormal.
inline constexpr double bracket_margin = 0x1p-16;
inline constexpr double bracket_floor = 0x1p-125;

/// Thresholds a little below, and a little beyond, half the mean of some magnitudes.
BITNET_INLINE float below_half_mean(const Above& magnitudes) noexcept {
    const double half = magnitudes.sum / static_cast<double>(magnitudes.count) / 2;
    return static_cast<float>(std::max(half * (1 - bracket_margin) - bracket_floor, 0.0));
}
BITNET_INLINE float beyond_half_mean(const Above& magnitudes) noexcept {
    const double half = magnitudes.sum / static_cast<double>(magnitudes.count) / 2;
    return static_cast<float>(half * (1 + bracket_margin) + bracket_floor);
}

/// Σ and number of magnitudes above each threshold: 16 float lanes over blocks of 1,024. Zeros at the end do not
/// count, as neither threshold is negative.
template <class Arch>
BITNET_INLINE void sum_above(const float* w, std::size_t n, Bracket bracket, Above& low, Above& high) noexcept {
    using O = Ops<Arch>;
    using Floats = typename O::Floats;
    const Floats low_limit(bracket.low);
    const Floats high_limit(bracket.high);
    const Floats one(1.0f);
    for (std::size_t begin = 0; begin < n; begin += sum_block) {
        const std::size_t length = std::min(sum_block, n - begin);
        FloatLanes<Arch, 16> low_sum, low_count, high_sum, high_count;
        const auto add = [&](const float* p) {
            unroll<FloatLanes<Arch, 16>::batches>([&](auto i) {
                const Floats x = O::magnitude(O::load(p + i * O::floats));
                low_sum.lane[i] = low_sum.lane[i] + O::where_above(x, low_limit, x);
                low_count.lane[i] = low_count.lane[i] + O::where_above(x, low_limit, one);
                high_sum.lane[i] = high_sum.lane[i] + O::where_above(x, high_limit, x);
                high_count.lane[i] = high_count.lane[i] + O::where_above(x, high_limit, one);
            });
        };
        const std::size_t whole = length - length % 16;
        for (std::size_t i = begin; i < begin + whole; i += 16) add(w + i);
        if (whole != length) {
            float rest[16] = {};
            std::memcpy(rest, w + begin + whole, sizeof(float) * (length - whole));
            add(rest);
        }
        low.sum += static_cast<double>(low_sum.total());
        low.count += static_cast<std::size_t>(low_count.total());
        high.sum += static_cast<double>(high_sum.total());
        high.count += static_cast<std::size_t>(high_count.total());
    }
}

/// Σ and number of the magnitudes above a threshold, in eight double lanes: for the result itself.
template <class Arch>
BITNET_INLINE Above exactly_above(const float* w, std::size_t n, float threshold) noexcept {
    using O = Ops<Arch>;
    using Doubles = typename O::Doubles;
    const Doubles limit(static_cast<double>(threshold));
    const Doubles one(1.0);
    DoubleLanes<Arch, 8> sum, count;
    const auto add = [&](const float* p) {
        unroll<DoubleLanes<Arch, 8>::batches>([&](auto i) {
            const Doubles x = O::magnitude(O::load_double(p + i * O::doubles));
            sum.lane[i] = sum.lane[i] + O::where_above(x, limit, x);
            count.lane[i] = count.lane[i] + O::where_above(x, limit, one);
        });
    };
    const std::size_t whole = n - n % 8;
    for (std::size_t i = 0; i < whole; i += 8) add(w + i);
    if (whole != n) {
        float rest[8] = {};
        std::memcpy(rest, w + whole, sizeof(float) * (n - whole));
        add(rest);
    }
    return {sum.total(), static_cast<std::size_t>(count.total())};
}

/// Up to four steps of both iterations on magnitudes x, when `sure` are those above x's.
template <class Arch>
BITNET_INLINE void narrow(const float* x, std::size_t n, const Above& sure, Bracket& bracket) noexcept {
    for (int step = 0; step < 4; ++step) {
        Above low = sure, high = sure;
        sum_above<Arch>(x, n, bracket, low, high);
        if (low.count - high.count <= 8) return;
        // Half the mean of what is above; the tests keep an empty set from dividing by zero.
        if (low.count > 0) bracket.low = std::max(bracket.low, below_half_mean(low));
        if (high.count > 0) bracket.high = std::min(bracket.high, beyond_half_mean(high));
    }
}

/// Σ|w| in 16 float lanes over blocks of 1,024, and the largest |w|.
template <class Arch>
BITNET_INLINE double sum_and_largest(const float* w, std::size_t n, float& largest) noexcept {
    using O = Ops<Arch>;
    using Floats = typename O::Floats;
    FloatLanes<Arch, 16> most;
    double sum = 0;
    for (std::size_t begin = 0; begin < n; begin += sum_block) {
        const std::size_t length = std::min(sum_block, n - begin);
        FloatLanes<Arch, 16> lanes;
        const auto add = [&](const float* p) {
            unroll<FloatLanes<Arch, 16>::batches>([&](auto i) {
                const Floats x = O::magnitude(O::load(p + i * O::floats));
                lanes.lane[i] = lanes.lane[i] + x;
                most.lane[i] = O::larger(x, most.lane[i]);
            });
        };
        const std::size_t whole = length - length % 16;
        for (std::size_t i = begin; i < begin + whole; i += 16) add(w + i);
        if (whole != length) {
            float rest[16] = {};
            std::memcpy(rest, w + begin + whole, sizeof(float) * (length - whole));
            add(rest);
        }
        sum += static_cast<double>(lanes.total());
    }
    float lane[16];
    std::memcpy(lane, most.lane, sizeof lane);
    largest = 0;
    for (const float x : lane) largest = x > largest ? x : largest;
    return sum;
}

/// A type of its own for each Arch, so that the symbols of std::sort carry it.
template <class Arch>
struct Descending {
    BITNET_INLINE constexpr bool operator()(float a, float b) const noexcept { return a > b; }
};

/// In place. Up to 16 numbers, none negative, without a branch that depends on them.
template <class Arch>
BITNET_INLINE void sort_descending(float* x, std::size_t n) noexcept {
    constexpr std::size_t few = 16;
    if (n > few) return std::sort(x, x + n, Descending<Arch>{});
    float value[few];
    for (std::size_t i = 0; i < few; ++i) value[i] = -1;
    std::memcpy(value, x, sizeof(float) * n);
    std::int32_t rank[few] = {};
    for (std::int32_t j = 0; j < static_cast<std::int32_t>(few); ++j)
        for (std::int32_t i = 0; i < static_cast<std::int32_t>(few); ++i)
            rank[i] += (value[j] > value[i]) | ((value[j] == value[i]) & (j < i));
    for (std::size_t i = 0; i < n; ++i) x[rank[i]] = value[i];
}

/// The magnitudes inside the bracket, to `out`, which may be `w` itself. Returns how many there are.
template <class Arch>
BITNET_INLINE std::size_t collect(const float* w, std::size_t n, Bracket bracket, float* out) noexcept {
    std::size_t count = 0;
    const std::size_t whole = n - n % Ops<Arch>::floats;
    for (std::size_t i = 0; i < whole; i += Ops<Arch>::floats)
        count += Ops<Arch>::collect(w + i, bracket.low, bracket.high, out + count);
    for (std::size_t i = whole; i < n; ++i)
        count += Ops<arch::Scalar>::collect(w + i, bracket.low, bracket.high, out + count);
    return count;
}

/// The grid of the smallest k that maximises S_k²/k, where the first sure.count magnitudes are above all of the n
/// sorted ones and surely not zero.
template <class Arch>
BITNET_INLINE Grid best_of_sorted(const Above& sure, const float* sorted, std::size_t n) noexcept {
    Above above = sure;
    double alpha = sure.count > 0 ? sure.sum / static_cast<double>(sure.count) : 0;
    double gain = sure.sum * alpha;
    for (std::size_t i = 0; i < n; ++i) {
        above.sum += static_cast<double>(sorted[i]);
        const double mean = above.sum / static_cast<double>(++above.count);
        const bool better = above.sum * mean > gain;
        alpha = better ? mean : alpha;
        gain = better ? above.sum * mean : gain;
    }
    return {static_cast<float>(alpha), nearest_keep(static_cast<float>(alpha))};
}

/// alpha = S_k / k of the k largest magnitudes, where k is the smallest that maximises S_k² / k; S_k their sum.
///
/// The nearest-level grid {-alpha, 0, alpha} minimises Σ(w - alpha·q)² over all alpha and all codes q: for the k
/// weights that are not zero the error is Σw² - S_k²/k. All weights zero, or none: Grid{}.
///
/// At the optimum, c = alpha / 2 is a fixed point of c -> mean(|w| : |w| > c) / 2, which never falls as c grows. From
/// below all fixed points it climbs to the lowest, from above all it sinks to the highest, and what lies outside these
/// two needs no sorting; most often nothing lies between. Steps are made a little too short, so that rounding of the
/// sums cannot make one too long. O(n log n) at worst, a dozen passes as a rule.
/// w: n finite weights; scratch: n floats, which may not overlap w. Every Arch returns the same bits.
/// Source  Li et al. 2016, "Ternary Weight Networks", section 2, whose objective is solved exactly here
template <class Arch>
Grid least_squares(const float* w, std::size_t n, float* scratch) noexcept {
    float largest = 0;
    const double sum = sum_and_largest<Arch>(w, n, largest);
    if (!(largest > 0)) return {};
    const bool sums_fit = largest < 0x1p100f;  // else float sums may overflow: then everything is sorted
    Bracket bracket;
    if (sums_fit) bracket = {below_half_mean({sum, n}), beyond_half_mean({static_cast<double>(largest), 1})};
    else bracket = {0, largest};
    Above sure;
    const float* x = w;
    for (std::size_t before = n;; before = n) {
        if (sums_fit) narrow<Arch>(x, n, sure, bracket);
        const Above more = exactly_above<Arch>(x, n, bracket.high);
        sure = {sure.sum + more.sum, sure.count + more.count};
        n = collect<Arch>(x, n, bracket, scratch);
        x = scratch;
        if (n <= 16 || n > before / 2) break;
    }
    sort_descending<Arch>(scratch, n);
    return best_of_sorted<Arch>(sure, scratch, n);
}

}  // namespace bitnet::inline BITNET_ABI::kernel
