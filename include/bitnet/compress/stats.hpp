/// Sizes, ratios and zeros of what was compressed, and the speed that they promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>

namespace bitnet::inline BITNET_ABI {

/// Bytes in units of 2^20.
constexpr double to_mb(std::uint64_t bytes) noexcept { return static_cast<double>(bytes) / (1 << 20); }

/// original / compressed, both in the same unit.
/// Errors  errc::bad_value unless the original's size is finite and not negative, and the compressed one's above 0
inline double calculate_compression_ratio(double original_size_mb, double compressed_size_mb) {
    if (!is_finite(original_size_mb) || !is_finite(compressed_size_mb) || original_size_mb < 0 || compressed_size_mb <= 0)
        throw error(errc::bad_value, message("a compression ratio of ", original_size_mb, " MB over ", compressed_size_mb,
                                             " MB: the first is at least 0, the second above 0"));
    return original_size_mb / compressed_size_mb;
}

/// Zeros among the codes of all planes, in [0, 1]; 0 where there is no code.
inline double calculate_sparsity_ratio(const TernaryPlanes& weight, Execution run) {
    std::uint64_t zeros = 0, all = 0;
    for (const TernaryTensor& plane : weight.planes) {
        std::vector<std::int8_t> codes(plane.rows() == 0 ? 0 : plane.cols());
        for (std::size_t r = 0; r < (codes.empty() ? 0 : plane.rows()); ++r) {
            plane.codes_of_row(r, codes, run);
            for (const std::int8_t code : codes) zeros += code == 0;
            all += codes.size();
        }
    }
    return all == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(all);
}
template <class Arch = arch::Default>
double calculate_sparsity_ratio(const TernaryPlanes& weight) {
    return calculate_sparsity_ratio(weight, execution<Arch>());
}

/// What a prediction of speed is made from.
struct SpeedAssumptions {
    double original_bytes = 0;    ///< of weights that a token reads, before; > 0
    double compressed_bytes = 0;  ///< and after; > 0
    double bytes_per_second = 0;  ///< that the machine reads from memory, > 0; `bitnet bench` measures it
    double other_seconds = 0;     ///< of a token, for everything that compression does not touch; >= 0
};

/// How many times faster the next token may come. A prediction for planning, not a measurement: generation is taken to wait for
/// memory alone, weights are read once a token, and unpacking costs nothing.
///
///     seconds(bytes) = bytes / bytes_per_second + other_seconds        predicted = seconds(original) / seconds(compressed)
///
/// `bitnet bench` measures instead.
/// Errors  errc::bad_value for a number that is not finite or outside its range
inline double predict_speedup(const SpeedAssumptions& of) {
    for (const double positive : {of.original_bytes, of.compressed_bytes, of.bytes_per_second})
        if (!is_finite(positive) || positive <= 0)
            throw error(errc::bad_value, message("a prediction of speed from ", of.original_bytes, " and ", of.compressed_bytes, " bytes at ",
                                                 of.bytes_per_second, " bytes a second: each is above 0"));
    if (!is_finite(of.other_seconds) || of.other_seconds < 0)
        throw error(errc::bad_value, message("a prediction of speed with ", of.other_seconds, " other seconds: at least 0"));
    const auto seconds = [&](double bytes) { return bytes / of.bytes_per_second + of.other_seconds; };
    return seconds(of.original_bytes) / seconds(of.compressed_bytes);
}

}  // namespace bitnet::inline BITNET_ABI
