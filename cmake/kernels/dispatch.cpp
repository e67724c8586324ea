// Compiled with the flags of any machine of this family.
#include <array>

#include <bitnet/kernel/dispatch.hpp>

#include "kernels.hpp"

namespace bitnet::inline BITNET_ABI {
namespace {

struct Available {
    std::array<const Kernels*, 4> tables{};
    std::size_t count = 0;

    template <class Arch>
    void add() {
        if (arch::available<Arch>()) tables[count++] = kernel::compiled<Arch>();
    }
    Available() {
#if defined(__x86_64__)
        add<xsimd::avx512bw>();
        add<xsimd::avx2>();
        add<xsimd::sse2>();
#elif defined(__aarch64__)
        add<xsimd::neon64>();
#endif
        add<arch::Scalar>();
    }
};

}  // namespace

std::span<const Kernels* const> available_kernels() {
    static const Available available;
    return {available.tables.data(), available.count};
}

const Kernels& best_kernels() { return *available_kernels().front(); }

const Kernels* kernels_named(std::string_view name) {
    for (const Kernels* table : available_kernels())
        if (table->arch == name) return table;
    return nullptr;
}

}  // namespace bitnet::inline BITNET_ABI
