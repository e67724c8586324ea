#include <bitnet/compress.hpp>
#include <cstdio>
#include <vector>

bitnet::TernaryTensor plain(const bitnet::TensorView& weight);
bitnet::TernaryTensor wide(const bitnet::TensorView& weight);

int main() {
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        std::puts("skipped: this machine has no AVX2");
        return 0;
    }
#endif
    constexpr std::size_t rows = 7, cols = 131;  // a ragged last group, and a tail for every vector width
    std::vector<float> w;
    for (std::size_t i = 0; i < rows * cols; ++i) w.push_back(static_cast<float>((i * 7919) % 1009) / 509.0f - 0.991f);
    const bitnet::TensorView weight{"w", bitnet::DType::F32, {rows, cols}, std::as_bytes(std::span(w))};
    const bitnet::TernaryTensor first = plain(weight), second = wide(weight);
    std::puts(first == second ? "equal" : "the two objects disagree");
    return first == second ? 0 : 1;
}
