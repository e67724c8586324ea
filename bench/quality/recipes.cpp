// What calibration is worth: perplexity of a model whose matrices were made ternary without any training, over that of the
// model as it was.
//
//     bench_quality_recipes MODEL [SEQUENCES [PART_OF_A_NAME...]]
//
// The model writes the texts itself, 256 tokens each: SEQUENCES (128) to calibrate, 512 others to score. Bits are those of codes
// at 2 bits and FP16 scales, over the weights that became ternary. Output is a Markdown table, a row as soon as it is known.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/calibrated.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "../timing.hpp"

using namespace bitnet;
using quantizer::CoordinateDescent;
using quantizer::Gptq;
using quantizer::LeastSquares;

namespace {

using Texts = std::vector<std::vector<std::uint32_t>>;

/// Zeros and bytes of all that became ternary.
struct Stored {
    std::size_t weights = 0, zeros = 0, bytes = 0;

    void add(const TernaryTensor& tensor, Execution run) {
        std::vector<std::int8_t> codes(tensor.cols());
        for (std::size_t r = 0; r < tensor.rows(); ++r) {
            tensor.codes_of_row(r, codes, run);
            zeros += static_cast<std::size_t>(std::ranges::count(codes, std::int8_t{0}));
        }
        bytes += tensor.stored_bytes();
    }
};

struct Bench {
    Execution run;
    const ModelWeights& weights;
    Parameters<float> parameters;
    CalibrationSet calibrating;
    Texts scored;
    std::vector<std::string_view> only;  ///< parts of the names of recipes to run; none: all
    Network<float> original{weights.config(), parameters, *run.kernels};
    double before = evaluate(original, scored, {}, run.threads).perplexity();

    template <class Compressor>
    void operator()(std::string_view name, const Compressor& compressor, Target target, bool rotate = false) {
        const auto named = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
        if (!only.empty() && std::ranges::none_of(only, named)) return;
        Network<float> network{weights.config(), parameters, *run.kernels};
        Stored stored;
        const double seconds = bench::seconds([&] {
            calibrate(network, original, calibrating, compressor, {.target = target, .rotate = rotate}, run,
                      [&](const CalibratedMatrix&, const TernaryPlanes& made) {
                          stored.weights += made.rows() * made.cols();
                          for (const TernaryTensor& plane : made.planes) stored.add(plane, run);
                      });
        });
        const auto count = static_cast<double>(stored.weights);
        std::printf("| %s | %s | %.1f %% | %.2f | %.3f | %.1f |\n", std::string(name).c_str(), std::string(to_string(target)).c_str(),
                    100 * static_cast<double>(stored.zeros) / count, 8 * static_cast<double>(stored.bytes) / count,
                    evaluate(network, scored, {}, run.threads).perplexity() / before, seconds);
        std::fflush(stdout);
    }
    template <class Scale>
    void recipes(const std::string& granularity, Scale scale) {
        for (const Target target : {Target::own, Target::original, Target::stream}) {
            (*this)(granularity + ", GPTQ", Compressor{Gptq<>{}, scale}, target);
            (*this)(granularity + ", coordinate descent", Compressor{CoordinateDescent<LeastSquares>{}, scale}, target);
            (*this)(granularity + ", GPTQ, coordinate descent", Compressor{CoordinateDescent<>{}, scale}, target);
            (*this)(granularity + ", rotated, GPTQ, coordinate descent", Compressor{CoordinateDescent<>{}, scale}, target, true);
        }
    }
    template <class Scale>
    void planes(const std::string& granularity, Scale scale) {
        using quantizer::TritPlanes;
        for (const Target target : {Target::own, Target::original, Target::stream}) {
            (*this)(granularity + ", GPTQ", Compressor{Gptq<TritPlanes<2>>{}, scale, pack::Trit5{}}, target);
            (*this)(granularity + ", GPTQ, coordinate descent", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, pack::Trit5{}}, target);
            (*this)(granularity + ", rotated, GPTQ, coordinate descent", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, pack::Trit5{}}, target, true);
        }
    }
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) return std::fputs("usage: bench_quality_recipes MODEL [SEQUENCES [PART_OF_A_NAME...]]\n", stderr), 2;
    const Execution run{&best_kernels(), 0};
    const ModelWeights weights(argv[1]);
    const std::size_t sequences = argc > 2 ? static_cast<std::size_t>(std::strtoull(argv[2], nullptr, 10)) : 128;
    const Transformer model(weights, ActivationPrecision::fp32, run);
    Bench bench{run, weights, read_parameters<float>(weights, run), CalibrationSet::from_samples(self_text(model, {.texts = sequences, .seed = 1}, run), 16),
                self_text(model, {.texts = 512, .seed = 777}, run), {}};
    for (int i = 3; i < argc; ++i) bench.only.push_back(argv[i]);
    std::printf("%s, perplexity %.3f; %zu sequences to calibrate\n\n", argv[1], bench.before, sequences);
    std::puts("| recipe | target | zeros | bits a weight | times the original's perplexity | seconds |\n|---|---|---|---|---|---|");
    bench.planes("two planes, row", scale::PerChannel{});
    bench.planes("two planes, groups of 128", scale::PerGroup<128>{});
    bench.recipes("tensor", scale::PerTensor{});
    bench.recipes("row", scale::PerChannel{});
    bench.recipes("groups of 128", scale::PerGroup<128>{});
    bench.recipes("groups of 64", scale::PerGroup<64>{});
} catch (const bitnet::error& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
