/// How much was multiplied, for profiles.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace bitnet::inline BITNET_ABI {

namespace detail {
inline std::atomic<std::uint64_t> products_made{0};
}  // namespace detail

/// Multiplications with an addition each that products of matrices took since the program began: BLAS's, and those of the kernels of
/// packed and of 16-bit weights, on every thread.
inline std::uint64_t products_so_far() noexcept { return detail::products_made.load(std::memory_order_relaxed); }

/// Where a product of matrices is made: (rows, depth) times (depth, cols).
inline void count_products(std::size_t rows, std::size_t cols, std::size_t depth) noexcept {
    detail::products_made.fetch_add(static_cast<std::uint64_t>(rows) * cols * depth, std::memory_order_relaxed);
}

}  // namespace bitnet::inline BITNET_ABI
