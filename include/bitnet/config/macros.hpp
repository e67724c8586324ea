/// The macros of the library besides the version; nothing outside config/ defines one.
#pragma once

/// A function that never becomes a symbol of its own. Kernels are compiled once per instruction set, and of two
/// compilations of one inline function the linker keeps either: what a kernel calls is a template on Arch or this.
#if defined(__GNUC__) || defined(__clang__)
#define BITNET_INLINE [[gnu::always_inline]] inline
#else
#define BITNET_INLINE inline
#endif

/// Callable from host and device when a CUDA compiler reads the header; nothing otherwise.
#if defined(__CUDACC__)
#define BITNET_HD __host__ __device__
#else
#define BITNET_HD
#endif
