# bitnet_add_kernels(<target>): compiles the kernels of every instruction set of the target CPU's family into <target>
# and defines what <bitnet/kernel/dispatch.hpp> declares, which picks the best of them at run time.
#
# The objects are always optimised, in debug builds too: unoptimised, they would export helpers of the standard library
# and of xsimd whose names do not carry the instruction set, and of those the linker keeps any. For the same reason they
# take no flags from <target>, and no sanitizers from anywhere.
set(bitnet_kernel_sources ${CMAKE_CURRENT_LIST_DIR}/kernels)

function(bitnet_kernel_object name)
    add_library(bitnet_kernels_${name} OBJECT EXCLUDE_FROM_ALL ${bitnet_kernel_sources}/${name}.cpp)
    target_link_libraries(bitnet_kernels_${name} PRIVATE bitnet::bitnet)
    # Flags of options come after those of the build type, and the last -O holds.
    target_compile_options(bitnet_kernels_${name} PRIVATE -O3 -DNDEBUG -ffp-contract=off -fno-exceptions
        -fno-sanitize=all ${ARGN})
    # Functions begin with a cache line: where the linker puts them is worth up to a fifth of the speed otherwise.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(bitnet_kernels_${name} PRIVATE -falign-functions=64 -fno-align-loops -fno-align-jumps)
    endif()
    set_target_properties(bitnet_kernels_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

function(bitnet_add_kernels target)
    if(NOT TARGET bitnet_kernels_scalar)
        bitnet_kernel_object(scalar)
        if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|i[3-6]86)$")
            bitnet_kernel_object(sse2)
            bitnet_kernel_object(avx2 -mavx2 -mf16c)
            # g++ 12 takes the undefined registers inside the intrinsics for mistakes.
            bitnet_kernel_object(avx512bw -mavx512f -mavx512cd -mavx512dq -mavx512bw -mavx512vl
                -Wno-uninitialized $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
        elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
            bitnet_kernel_object(neon64)
        endif()
    endif()
    foreach(name IN ITEMS scalar sse2 avx2 avx512bw neon64)
        if(TARGET bitnet_kernels_${name})
            target_sources(${target} PRIVATE $<TARGET_OBJECTS:bitnet_kernels_${name}>)
        endif()
    endforeach()
    # What chooses among them is ordinary code, with the target's own flags.
    target_sources(${target} PRIVATE ${bitnet_kernel_sources}/dispatch.cpp)
endfunction()
