// Where learning begins: perplexity after some steps through ternary weights, from rounded weights and from calibrated ones.
//
//     bench_quality_start MODEL [STEPS...]
//
// Groups of 64, learned scales, the original as teacher, batches of 4,096 tokens of texts that it writes, tables at 0.3 of twice the
// rate that the program chooses. 400 steps where none are named. Output is a Markdown table.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <bitnet/calibrated.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "../timing.hpp"

using namespace bitnet;

namespace {

using Texts = std::vector<std::vector<std::uint32_t>>;

struct Bench {
    Execution run;
    const ModelWeights& weights;
    Parameters<float> parameters;
    Texts learned, scored;
    Network<float> teacher{weights.config(), parameters, *run.kernels};
    double original = evaluate(teacher, scored, {}, run.threads).perplexity();

    /// The teacher's weights, or those that calibration's codes want, and those codes.
    struct Start {
        const char* name;
        Parameters<float> parameters;
        MadePlanes made{};
    };
    /// fill(start, matrix, made): after each matrix
    template <class Compressor, class Fill>
    Start start_of(const char* name, const Compressor& compressor, const CalibrationOptions& options, Fill&& fill) {
        Start out{name, parameters};
        Network<float> network{weights.config(), parameters, *run.kernels};
        out.made = calibrate(network, teacher, CalibrationSet::from_samples({learned.begin(), learned.begin() + 128}, 16), compressor, options, run);
        for (Parameter<float>& one : out.parameters) {
            const auto made = out.made.find(one.spec.name);
            if (made != out.made.end()) fill(one.value, made->second);
            else one.value = network.parameters()[network.parameters().find(one.spec.name)].value;  // what refinement moved
        }
        return out;
    }
    template <class Scale>
    std::vector<Start> starts(Scale scale) {
        const auto stay = [](Matrix<float>&, const TernaryPlanes&) {};
        const auto to_levels = [&](Matrix<float>& latent, const TernaryPlanes& made) { put_image(made, latent, run); };
        const auto into_cells = [&](Matrix<float>& latent, const TernaryPlanes& made) { move_into_cells(latent, made, run); };
        const Compressor rounding{scale}, descent{quantizer::CoordinateDescent<>{}, scale};
        const RefineOptions refining{.passes = 4, .together = 4};
        std::vector<Start> out;
        out.push_back({"rounded", parameters});
        out.push_back(start_of("calibrated, at the levels", descent, {}, to_levels));
        out.push_back(start_of("calibrated, weights in cells", descent, {}, into_cells));
        out.push_back(start_of("calibrated and refined, weights in cells", descent, {.refine = refining}, into_cells));
        out.push_back(start_of("rotated, rounded", rounding, {.target = Target::own, .rotate = true}, stay));
        out.push_back(start_of("rotated, calibrated, weights in cells", descent, {.rotate = true}, into_cells));
        out.push_back(start_of("rotated, calibrated and refined, weights in cells", descent, {.rotate = true, .refine = refining}, into_cells));
        return out;
    }
    template <class Scale>
    void learn(const char* scales, Scale scale, const Start& start, std::size_t steps, double rate) {
        const Compressor compressor{scale, optimizer::AdamW{.beta2 = 0.95f}, ste::LearnedScale{}};
        const CalibratedStart policies(compressor, start.made);
        const StepOptions options{.steps = steps, .learning_rate = rate, .table_rate = 0.3f};
        Trainer<std::remove_const_t<decltype(policies)>> trainer({weights.config(), start.parameters, *run.kernels}, policies, options, BatchSource(learned, 256, 4096, 1), &teacher, run);
        trainer.finish();
        const double before = evaluate(trainer.network(), scored, {}, run.threads).perplexity() / original;
        const double seconds = bench::seconds([&] {
            while (!trainer.finished()) trainer.step();
        });
        trainer.finish();
        std::printf("| %s | %s | %zu | %.2g | %.3f | %.3f | %.0f |\n", scales, start.name, steps, rate, before, evaluate(trainer.network(), scored, {}, run.threads).perplexity() / original, seconds);
        std::fflush(stdout);
    }
    template <class Scale>
    void operator()(const char* scales, Scale scale, const std::vector<std::size_t>& steps) {
        const std::vector<Start> all = starts(scale);
        const double rate = ternary_learning_rate(parameters, preservation::ByRole{});
        for (const std::size_t count : steps)
            for (const Start& start : all) learn(scales, scale, start, count, 2 * rate);
    }
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) return std::fputs("usage: bench_quality_start MODEL [STEPS...]\n", stderr), 2;
    const Execution run{&best_kernels(), 0};
    const ModelWeights weights(argv[1]);
    std::vector<std::size_t> steps;
    for (int i = 2; i < argc; ++i) steps.push_back(static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)));
    if (steps.empty()) steps.push_back(400);
    const std::size_t texts = std::max<std::size_t>(128, *std::ranges::max_element(steps) * 16);
    const Transformer model(weights, ActivationPrecision::fp32, run);
    Bench bench{run, weights, read_parameters<float>(weights, run), self_text(model, {.texts = std::min<std::size_t>(texts, 5120), .seed = 1}, run),
                self_text(model, {.texts = 512, .seed = 777}, run)};
    std::puts("| scales | start | steps | rate | before | after | seconds |\n|---|---|---|---|---|---|---|");
    bench("groups of 64", scale::PerGroup<64>{}, steps);
    bench("tensor", scale::PerTensor{}, steps);
} catch (const bitnet::error& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
