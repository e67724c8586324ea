// How long one large layer takes to calibrate, beside what its mathematics cannot do without: a Cholesky factor in double and one
// product of as many rows, columns and inputs in float, both by BLAS and LAPACK in the same run.
//
//     bench_quality_layer [SIZE [THREADS]]
//
// Weights and inputs are random: SIZE x SIZE (4096), groups of 128. Output is a Markdown table.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <bitnet/calibrated.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/nn/linear.hpp>

#include "../timing.hpp"

using namespace bitnet;
using quantizer::CoordinateDescent;

namespace {

Matrix<float> random_matrix(std::size_t rows, std::size_t cols, std::uint64_t seed, unsigned threads) {
    Matrix<float> out(rows, cols);
    each_row(rows, threads, [&](std::size_t r) {
        Random random(mix64(seed ^ r));
        for (float& value : out.row(r)) value = random.normal();
    });
    return out;
}

/// Channels that have much in common, as those of a model have.
Matrix<float> random_inputs(std::size_t tokens, std::size_t channels, unsigned threads) {
    const Matrix<float> hidden = random_matrix(tokens, channels / 8, 1, threads), mixing = random_matrix(channels, channels / 8, 2, threads);
    Matrix<float> out = random_matrix(tokens, channels, 3, threads), common(tokens, channels);
    multiply_nt<float>(hidden, mixing, common, threads);
    each_row(tokens, threads, [&](std::size_t t) {
        for (std::size_t c = 0; c < channels; ++c) out(t, c) += 0.1f * common(t, c);
    });
    return out;
}

}  // namespace

int main(int argc, char** argv) try {
    const std::size_t size = argc > 1 ? static_cast<std::size_t>(std::strtoull(argv[1], nullptr, 10)) : 4096;
    const Execution run{&best_kernels(), argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 0};
    const Matrix<float> w = random_matrix(size, size, 4, run.threads), x = random_inputs(2 * size, size, run.threads);
    InputMoments moments(size);
    const double gathering = bench::seconds([&] { moments.add(x, run.threads); });

    Matrix<double> factor = moments.second();
    for (std::size_t i = 0; i < size; ++i) factor(i, i) += moments.mean_diagonal();
    Matrix<float> product(size, size);
    const double least = bench::seconds([&] { cholesky(factor); }) + bench::seconds([&] { multiply_nt<float>(w, w, product, run.threads); });

    PreparedMoments prepared;
    const double preparing = bench::seconds([&] { prepared = prepare(moments, 0.1, "layer"); });
    std::printf("%zu x %zu: Cholesky and product %.2f s; moments of %zu tokens %.2f s, prepared in %.2f s\n\n", size, size, least, 2 * size, gathering,
                preparing);
    std::puts("| passes | seconds | times Cholesky and product, with the preparation | output error |\n|---|---|---|---|");
    const TensorView view{"layer", DType::F32, Shape{size, size}, std::as_bytes(std::span(w.values()))};
    const auto measure = [&](const char* name, const auto& quantizer) {
        TernaryTensor out;
        const double seconds = bench::seconds([&] { out = compress(Compressor{quantizer, scale::PerGroup<128>{}}, view, prepared, run).planes[0]; });
        Matrix<float> image(size, size);
        each_row(size, run.threads, [&](std::size_t r) { out.dequantize_row(r, image.row(r), run); });
        std::printf("| %s | %.2f | %.1f | %.5f |\n", name, seconds, (seconds + preparing) / least, output_error(w, image, prepared, run.threads));
        std::fflush(stdout);
    };
    measure("GPTQ alone", quantizer::Gptq<>{});
    measure("1", CoordinateDescent<>{.passes = 1});
    measure("3", CoordinateDescent<>{.passes = 3});
    measure("until no code changes", CoordinateDescent<>{.passes = 20});
} catch (const bitnet::error& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
