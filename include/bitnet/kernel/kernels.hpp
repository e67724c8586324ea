/// The kernels of one instruction set as a table of functions, so that a program is compiled once and they once a set.
#pragma once

#include <array>

#include <bitnet/kernel/abs_sums.hpp>
#include <bitnet/kernel/decode.hpp>
#include <bitnet/kernel/distortion.hpp>
#include <bitnet/kernel/encode.hpp>
#include <bitnet/kernel/float_product.hpp>
#include <bitnet/kernel/half_product.hpp>
#include <bitnet/kernel/least_squares.hpp>
#include <bitnet/kernel/silu.hpp>
#include <bitnet/kernel/softmax.hpp>
#include <bitnet/kernel/ternary_product.hpp>
#include <bitnet/kernel/widen.hpp>

namespace bitnet::inline BITNET_ABI {

/// What each function does stands at the function of the same name in kernel/. All take any n and any alignment, none
/// throws or allocates, and for equal input every table's functions write equal bits.
struct Kernels {
    using Widen = void(const std::byte* in, float* out, std::size_t n) noexcept;
    using Encode = void(const float* w, std::size_t n, const Grid* grids, std::size_t group,
                        std::uint8_t* out) noexcept;
    using Decode = void(const std::uint8_t* bytes, std::size_t n, std::int8_t* q) noexcept;

    template <class Activations>
    using Prepare = void(const float* x, std::size_t first, std::size_t last, Activations& out) noexcept;
    template <class Activations>
    using Product = void(const TernaryMatrix& w, std::size_t first, std::size_t last, const Activations& x, float* y,
                         std::size_t stride) noexcept;

    using HalfProduct = void(const std::uint16_t* w, std::size_t cols, std::size_t first, std::size_t last, const float* x,
                             std::size_t tokens, float* y, std::size_t stride) noexcept;

    std::string_view arch;
    Widen* widen_f16;
    Widen* widen_bf16;
    void (*abs_sums)(const float* w, std::size_t n, std::size_t group, double* sums) noexcept;
    void (*codes)(const float* w, std::size_t n, float keep, std::int8_t* q) noexcept;
    std::array<Encode*, 3> encode;  ///< by Layout: one row, quantized and packed
    std::array<Decode*, 3> decode;  ///< by Layout: one row
    Grid (*least_squares)(const float* w, std::size_t n, float* scratch) noexcept;
    void (*distortion)(const float* w, const std::int8_t* q, const float* alphas, std::size_t n, std::size_t group,
                       DistortionSums* sums) noexcept;
    Prepare<Int8Activations>* int8_activations;
    Prepare<FloatActivations>* float_activations;
    std::array<Product<Int8Activations>*, 3> int8_product;    ///< by Layout
    std::array<Product<FloatActivations>*, 3> float_product;  ///< by Layout
    HalfProduct* half_product_f16;
    HalfProduct* half_product_bf16;
    SoftmaxSums<float> (*softmax)(const float* x, std::size_t n, float* p) noexcept;
    void (*silu)(float* x, std::size_t n) noexcept;
};

/// Compiled wherever it is named, with that file's flags: name only what arch::available says the machine has.
template <class Arch>
inline constexpr Kernels kernels_of{
    .arch = arch::name_of<Arch>,
    .widen_f16 = kernel::widen<Arch, Half>,
    .widen_bf16 = kernel::widen<Arch, BFloat16>,
    .abs_sums = kernel::abs_sums<Arch>,
    .codes = kernel::codes<Arch>,
    .encode = {kernel::encode<Arch, pack::Int8>, kernel::encode<Arch, pack::Trit2>, kernel::encode<Arch, pack::Trit5>},
    .decode = {kernel::decode<Arch, pack::Int8>, kernel::decode<Arch, pack::Trit2>, kernel::decode<Arch, pack::Trit5>},
    .least_squares = kernel::least_squares<Arch>,
    .distortion = kernel::distortion<Arch>,
    .int8_activations = kernel::int8_activations<Arch>,
    .float_activations = kernel::float_activations<Arch>,
    .int8_product = {kernel::int8_product<Arch, pack::Int8>, kernel::int8_product<Arch, pack::Trit2>,
                     kernel::int8_product<Arch, pack::Trit5>},
    .float_product = {kernel::float_product<Arch, pack::Int8>, kernel::float_product<Arch, pack::Trit2>,
                      kernel::float_product<Arch, pack::Trit5>},
    .half_product_f16 = kernel::half_product<Arch, Half>,
    .half_product_bf16 = kernel::half_product<Arch, BFloat16>,
    .softmax = kernel::softmax<Arch, float>,
    .silu = kernel::silu<Arch, float>,
};

/// With which kernels, and on how many threads (0: every core). Results depend on neither.
struct Execution {
    const Kernels* kernels;
    unsigned threads;
};

template <class Arch = arch::Default>
Execution execution(unsigned threads = 0) noexcept {
    return {&kernels_of<Arch>, threads};
}

}  // namespace bitnet::inline BITNET_ABI
