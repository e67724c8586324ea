/// The few operations that kernels are written in, for any instruction set. Faster ones for some stand beside this.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include <bitnet/config/macros.hpp>
#include <bitnet/core/half.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/kernel/arch.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

static_assert(std::endian::native == std::endian::little, "bitnet: kernels read several bytes at once as one number");

/// step(0), step(1), ... step(N-1), each index a constant: an array of batches indexed by it lives in registers.
template <std::size_t N, class Step>
BITNET_INLINE constexpr void unroll(Step&& step) {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) __attribute__((always_inline)) {
        (step(std::integral_constant<std::size_t, Index>{}), ...);
    }(std::make_index_sequence<N>{});
}

/// Asks for the cache line at `address` ahead of its use. Nothing is read, so any address is allowed.
BITNET_INLINE void prefetch(std::uintptr_t address) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 3);  // NOLINT(performance-no-int-to-ptr): never read
#else
    static_cast<void>(address);
#endif
}

/// Groups of at least so many weights are read in four streams.
inline constexpr std::size_t streaming_group = 128;

/// What is prefetched while n weights at w are worked on: as many bytes behind their end, in equal parts at `Streams` places
/// at once. Memory gives more to four streams than to one; but short groups take so long for each line that one is better.
/// The first half of every part is for the sums to ask for, the second for the codes, so that memory is rarely idle.
template <std::size_t Streams>
class Ahead {
public:
    enum class Half : std::size_t { sums, codes };
    /// Weights for which lines() asks at once.
    static constexpr std::size_t weights = 32 * Streams;

    BITNET_INLINE Ahead(const float* w, std::size_t n, Half half) noexcept
        : first_(reinterpret_cast<std::uintptr_t>(w) + sizeof(float) * n + (Streams == 1 ? page : n) +
                 static_cast<std::size_t>(half) * (2 * n / Streams)),
          stride_(n * (3 * page / 4 / (n + 1) | 1)) {}  // odd times a part, so that all parts are reached, each in another page

    BITNET_INLINE void lines(std::size_t i) const noexcept {
        for (std::size_t stream = 0; stream < Streams; ++stream) prefetch(first_ + 2 * i / Streams + stream * stride_);
    }
    /// lines() for 64 weights, or with every other call for 128.
    BITNET_INLINE void lines_of_64(std::size_t i) const noexcept {
        if constexpr (weights > 64) {
            if (i % weights == 0) lines(i);
        } else {
            for (std::size_t part = 0; part < 64; part += weights) lines(i + part);
        }
    }

private:
    static constexpr std::size_t page = 4096;
    std::uintptr_t first_;
    std::size_t stride_;
};

/// code(w) = 0 where |w| < keep, else sign(w). Both comparisons hold for w = ±0 where keep = 0; NaN has code 0.
BITNET_INLINE constexpr std::int8_t code_of(float w, float keep) noexcept {
    return static_cast<std::int8_t>(static_cast<int>(w >= keep) - static_cast<int>(w <= -keep));
}

/// Weights that the operations on codes take at a time, with one `keep` for each half of them.
inline constexpr std::size_t code_block = 64;

/// Values that the operations on 16-bit floats take at a time.
inline constexpr std::size_t widen_block = 16;

/// Operations without batches: loops of fixed length, which compilers turn into vectors of whatever width there is.
template <class Arch>
struct PlainOps {
    /// 64 weights -> 64 codes.
    BITNET_INLINE static void codes(const float* w, float keep_0, float keep_1, std::int8_t* q) noexcept {
        for (std::size_t i = 0; i < code_block / 2; ++i) q[i] = code_of(w[i], keep_0);
        for (std::size_t i = code_block / 2; i < code_block; ++i) q[i] = code_of(w[i], keep_1);
    }
    /// 64 weights -> 16 bytes of pack::Trit2.
    BITNET_INLINE static void trit2(const float* w, float keep_0, float keep_1, std::uint8_t* out) noexcept {
        std::int8_t q[code_block];
        codes(w, keep_0, keep_1, q);
        for (std::size_t i = 0; i < code_block / 4; ++i) {
            std::uint32_t four;
            std::memcpy(&four, q + 4 * i, 4);
            four = ((four & 0x03030303u) + 0x01010101u) & 0x03030303u;  // code + 1 in each byte
            out[i] = static_cast<std::uint8_t>(four * 0x01041040u >> 24);  // byte k moves to bits 24 + 2k: no carries
        }
    }
    BITNET_INLINE static void widen_f16(const std::byte* in, float* out) noexcept {
        for (std::size_t i = 0; i < widen_block; ++i) {
            Half x;
            std::memcpy(&x.bits, in + 2 * i, 2);
            out[i] = to_float(x);
        }
    }
    BITNET_INLINE static void widen_bf16(const std::byte* in, float* out) noexcept {
        for (std::size_t i = 0; i < widen_block; ++i) {
            BFloat16 x;
            std::memcpy(&x.bits, in + 2 * i, 2);
            out[i] = to_float(x);
        }
    }
};

/// Batches of xsimd. `value` fills the lanes where a comparison holds, zero the others.
template <class Arch>
struct BatchOps : PlainOps<Arch> {
    using Floats = xsimd::batch<float, Arch>;
    using Doubles = xsimd::batch<double, Arch>;
    static constexpr std::size_t floats = Floats::size;
    static constexpr std::size_t doubles = Doubles::size;

    BITNET_INLINE static Floats load(const float* p) noexcept { return Floats::load_unaligned(p); }
    BITNET_INLINE static Doubles load_double(const float* p) noexcept {
        alignas(64) double wide[doubles];
        for (std::size_t i = 0; i < doubles; ++i) wide[i] = static_cast<double>(p[i]);
        return Doubles::load_aligned(wide);
    }
    BITNET_INLINE static Floats magnitude(const Floats& x) noexcept { return xsimd::abs(x); }
    BITNET_INLINE static Doubles magnitude(const Doubles& x) noexcept { return xsimd::abs(x); }
    template <class Batch>
    BITNET_INLINE static Batch where_above(const Batch& x, const Batch& limit, const Batch& value) noexcept {
        return xsimd::select(x > limit, value, Batch(0));
    }
    template <class Batch>
    BITNET_INLINE static Batch larger(const Batch& x, const Batch& y) noexcept {
        return xsimd::select(x > y, x, y);
    }
    /// 64 weights -> 16 bytes of pack::Trit2 where a batch holds four weights: a byte is the sum of a batch.
    BITNET_INLINE static void trit2(const float* w, float keep_0, float keep_1, std::uint8_t* out) noexcept {
        if constexpr (floats != 4) {
            PlainOps<Arch>::trit2(w, keep_0, keep_1, out);
        } else {
            const float powers[] = {1, 4, 16, 64};
            const Floats digit = load(powers), zero(0.0f);
            using Integers = xsimd::batch<std::int32_t, Arch>;
            const auto row = [&](std::size_t i) {  // the four terms of out[i]
                const Floats x = load(w + 4 * i);
                const Floats keep(i < code_block / 8 ? keep_0 : keep_1);
                return xsimd::select(x >= keep, digit, zero) - xsimd::select(x <= -keep, digit, zero);
            };
            const auto bytes_of = [&](std::size_t i) {  // lane j is out[4j + i] - 85
                const Floats rows[] = {row(i), row(4 + i), row(8 + i), row(12 + i)};
                return xsimd::haddp(rows);
            };
            // Two bytes in a float, four in an integer: all of it exact.
            const Floats lower = bytes_of(0) + bytes_of(1) * Floats(0x1p8f);
            const Floats upper = (bytes_of(2) + bytes_of(3) * Floats(0x1p8f)) * Floats(0x1p16f);
            const Integers bytes = xsimd::to_int(lower) + xsimd::to_int(upper) + Integers(0x55555555);
            std::memcpy(out, &bytes, sizeof bytes);
        }
    }
    /// The magnitudes of one batch that are above `low` and not above `high`, one after the other. Returns how many;
    /// all of out[0 ... floats-1] may be written.
    BITNET_INLINE static std::size_t collect(const float* w, float low, float high, float* out) noexcept {
        std::size_t count = 0;
        for (std::size_t i = 0; i < floats; ++i) {
            const float x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(w[i]) & 0x7fffffffu);
            out[count] = x;
            count += static_cast<std::size_t>((x > low) & !(x > high));
        }
        return count;
    }
    /// Halves on halves: lane i + lane i + size/2, and so on down to one lane.
    template <class Batch>
    BITNET_INLINE static auto fold(const Batch& x) noexcept {
        alignas(64) typename Batch::value_type lane[Batch::size];
        x.store_aligned(lane);
        for (std::size_t half = Batch::size / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) lane[i] = lane[i] + lane[i + half];
        return lane[0];
    }
};

/// What a kernel's inner loops call; specialised where an instruction matters that xsimd does not reach.
template <class Arch>
struct Ops : BatchOps<Arch> {};

/// One lane.
template <>
struct Ops<arch::Scalar> : PlainOps<arch::Scalar> {
    using Floats = float;
    using Doubles = double;
    static constexpr std::size_t floats = 1;
    static constexpr std::size_t doubles = 1;

    BITNET_INLINE static float load(const float* p) noexcept { return *p; }
    BITNET_INLINE static double load_double(const float* p) noexcept { return static_cast<double>(*p); }
    BITNET_INLINE static float magnitude(float x) noexcept {
        return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7fffffffu);
    }
    BITNET_INLINE static double magnitude(double x) noexcept { return x < 0 ? -x : x; }
    template <class Number>
    BITNET_INLINE static Number where_above(Number x, Number limit, Number value) noexcept {
        return x > limit ? value : Number(0);
    }
    template <class Number>
    BITNET_INLINE static Number larger(Number x, Number y) noexcept {
        return x > y ? x : y;
    }
    BITNET_INLINE static std::size_t collect(const float* w, float low, float high, float* out) noexcept {
        *out = magnitude(*w);
        return *out > low && !(*out > high) ? 1 : 0;
    }
    template <class Number>
    BITNET_INLINE static Number fold(Number x) noexcept {
        return x;
    }
};

/// N interleaved lanes of one sum, as many batches as that takes. The order of additions does not depend on Arch:
/// lane j takes the values at i % N = j in order, and total() folds halves on halves.
template <class Arch, class Batch, std::size_t N>
struct Lanes {
    static constexpr std::size_t width = std::is_same_v<Batch, typename Ops<Arch>::Floats> ? Ops<Arch>::floats
                                                                                           : Ops<Arch>::doubles;
    static constexpr std::size_t batches = N / width;
    Batch lane[batches];

    BITNET_INLINE Lanes() noexcept {
        unroll<batches>([&](auto i) { lane[i] = Batch(0); });
    }
    BITNET_INLINE auto total() noexcept {
        for (std::size_t half = batches / 2; half > 0; half /= 2)
            for (std::size_t i = 0; i < half; ++i) lane[i] = lane[i] + lane[i + half];
        return Ops<Arch>::fold(lane[0]);
    }
};

template <class Arch, std::size_t N>
using FloatLanes = Lanes<Arch, typename Ops<Arch>::Floats, N>;
template <class Arch, std::size_t N>
using DoubleLanes = Lanes<Arch, typename Ops<Arch>::Doubles, N>;

}  // namespace bitnet::inline BITNET_ABI::kernel
