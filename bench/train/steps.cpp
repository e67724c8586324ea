// Tokens a second of training, beside what the same threads multiply in large dense products.
//
//     bench_train_steps MODEL [THREADS [TOKENS_A_STEP [CONTEXT [STEPS]]]]
//
// Texts are random ids: speed does not depend on what is learned. FLOP a token: 6 for each weight of a matrix, 2 of them forward,
// and 12·layers·width·context/2 for causal attention; a teacher adds a third. For the same with PyTorch, take a model of the same
// configuration, cross entropy and torch.optim.AdamW.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/train.hpp>

#include "../timing.hpp"

using namespace bitnet;

namespace {

struct Run {
    unsigned threads = 2;
    std::size_t tokens = 4096, context = 256, steps = 5;
};

BatchSource random_texts(const ModelConfig& config, const Run& run) {
    Random random(1);
    std::vector<std::vector<std::uint32_t>> texts(run.tokens / run.context * 4);
    for (auto& text : texts)
        for (std::size_t t = 0; t < run.context; ++t) text.push_back(static_cast<std::uint32_t>(random.below(config.vocab_size)));
    return {std::move(texts), run.context, run.tokens, 1};
}

/// G multiply-adds a second of products as large as a layer's, on so many threads.
double product_speed(const Run& run) {
    const Matrix<float> a(run.tokens, 1024, std::vector<float>(run.tokens * 1024, 0.5f)), b(1024, 1024, std::vector<float>(1024 * 1024, 0.25f));
    Matrix<float> c(run.tokens, 1024);
    double best = 0;
    for (int i = 0; i < 5; ++i) {
        const double seconds = bench::seconds([&] { multiply_nt<float>(a, b, c, run.threads); });
        best = std::max(best, static_cast<double>(run.tokens) * 1024 * 1024 / seconds * 1e-9);
    }
    return best;
}

double flop_per_token(const ModelConfig& config, const Parameters<float>& parameters, const Run& run) {
    std::size_t weights = 0;
    for (const Parameter<float>& one : parameters)
        if (one.value.rows() > 1 && (one.spec.role != TensorRole::token_embedding || config.tied_head)) weights += one.value.values().size();
    return 6 * static_cast<double>(weights) + 6 * static_cast<double>(config.layers * config.heads * config.head_dim * run.context);
}

template <class Compressor>
void measure(const char* what, const ModelWeights& weights, const Compressor& compressor, StepOptions options, bool distilled, const Run& run,
             double peak) {
    const Execution execution{&best_kernels(), run.threads};
    const Parameters<float> parameters = read_parameters<float>(weights, execution);
    Network<float> teacher(weights.config(), parameters, *execution.kernels);
    options.steps = 1000;
    options.loss = distilled ? LossShares{} : LossShares{.targets = 1, .distillation = 0};
    Trainer<Compressor> trainer({weights.config(), parameters, *execution.kernels}, compressor, options, random_texts(weights.config(), run),
                                distilled ? &teacher : nullptr, execution);
    trainer.step();  // makes its buffers
    std::vector<double> speeds;
    for (std::size_t i = 0; i < run.steps; ++i) {
        StepResult result;
        const double seconds = bench::seconds([&] { result = trainer.step(); });
        speeds.push_back(static_cast<double>(run.tokens) / seconds);
    }
    const double median = bench::quantile(speeds, 0.5), flop = flop_per_token(weights.config(), parameters, run) * (distilled ? 4.0 / 3 : 1);
    std::printf("%-44s %8.0f tokens/s (best %8.0f)   %5.1f %% of the products\n", what, median, bench::quantile(speeds, 1),
                100 * median * flop * 0.5e-9 / peak);
}

std::size_t number(int argc, char** argv, int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) return std::fputs("usage: bench_train_steps MODEL [THREADS [TOKENS_A_STEP [CONTEXT [STEPS]]]]\n", stderr), 2;
    Run run;
    run.threads = static_cast<unsigned>(number(argc, argv, 2, run.threads));
    run.tokens = number(argc, argv, 3, run.tokens);
    run.context = number(argc, argv, 4, run.context);
    run.steps = number(argc, argv, 5, run.steps);
    const ModelWeights weights(argv[1]);
    const double peak = product_speed(run);
    std::printf("%s, %u threads, %zu tokens a step in texts of %zu; products of %zu x 1024 x 1024: %.1f G mul/s\n", argv[1], run.threads, run.tokens,
                run.context, run.tokens, peak);
    const Compressor row{quantizer::RoundClip{}, scale::PerChannel{}};
    const Compressor dense{preservation::ByPattern{.keep = "*"}};
    StepOptions all;
    all.table_rate = 1;
    measure("dense, cross entropy", weights, dense, all, false, run, peak);
    measure("ternary, cross entropy", weights, row, all, false, run, peak);
    measure("ternary, distilled, tables kept", weights, row, {.table_rate = 0}, true, run, peak);
    measure("ternary, distilled, learned scales", weights, Compressor{scale::PerChannel{}, ste::LearnedScale{}}, {}, true, run, peak);
    StepOptions again = all;
    again.keep = Keep::inputs;
    measure("dense, activations computed again", weights, dense, again, false, run, peak);
    again.keep = Keep::rounded;
    measure("dense, activations kept in BF16", weights, dense, again, false, run, peak);
    rusage use{};
    ::getrusage(RUSAGE_SELF, &use);
    std::printf("peak memory %.0f MiB of all together\n", static_cast<double>(use.ru_maxrss) / 1024);
} catch (const bitnet::error& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
