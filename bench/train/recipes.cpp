// What training settings are worth: perplexity after learning through ternary weights, over that of the model as it was.
//
//     bench_train_recipes MODEL [STEPS [TEXTS [PART_OF_A_NAME...]]]
//
// The model writes the texts itself, 256 tokens each: TEXTS to learn from, 512 others to score. Each recipe begins with the
// same weights and sees the same batches of 4,096 tokens; it learns the original's predictions with AdamW at 3e-3 and cosine
// to 0, while tables stay. A row says what differs from that. Output is a Markdown table, a row as soon as it is known.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/train.hpp>

#include "../timing.hpp"

using namespace bitnet;
using optimizer::AdamW;
using optimizer::Muon;

namespace {

using Texts = std::vector<std::vector<std::uint32_t>>;

StepOptions rate(double learning_rate) { return {.learning_rate = learning_rate, .table_rate = 0}; }

struct Bench {
    Execution run;
    const ModelWeights& weights;
    Parameters<float> parameters;
    Texts learned, scored;
    std::size_t steps;
    std::vector<std::string_view> only;  ///< parts of the names of recipes to run; none: all
    Network<float> teacher{weights.config(), parameters, *run.kernels};
    double original = evaluate(teacher, scored, {}, run.threads).perplexity();

    template <class Compressor>
    void operator()(std::string_view name, const Compressor& compressor, StepOptions options = rate(3e-3)) {
        const auto named = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
        if (!only.empty() && std::ranges::none_of(only, named)) return;
        options.steps = steps;
        Trainer<Compressor> trainer({weights.config(), parameters, *run.kernels}, compressor, options,
                                    BatchSource(learned, 256, 4096, 1), &teacher, run);
        trainer.finish();
        const double before = evaluate(trainer.network(), scored, {}, run.threads).perplexity() / original;
        const double seconds = bench::seconds([&] {
            while (!trainer.finished()) trainer.step();
        });
        trainer.finish();
        const double after = evaluate(trainer.network(), scored, {}, run.threads).perplexity() / original;
        std::printf("| %s | %g | %.2f | %.3f | %.0f |\n", std::string(name).c_str(), options.learning_rate, before, after, seconds);
        std::fflush(stdout);
    }
};

StepOptions tables(StepOptions options, float share) {
    options.table_rate = share;
    return options;
}

StepOptions loss(StepOptions options, LossShares shares) {
    options.loss = shares;
    return options;
}

StepOptions decay(StepOptions options, ScheduleKind kind) {
    options.schedule.kind = kind;
    return options;
}

void estimators(Bench& bench, const AdamW& adam) {
    const quantizer::RoundClip rounds{};
    const quantizer::LeastSquares fits{};
    const scale::PerChannel rows{};
    bench("rows, RoundClip", Compressor{rounds, rows, adam});
    bench("rows, LeastSquares", Compressor{fits, rows, adam});
    bench("rows, Clipped 1.5", Compressor{rounds, rows, adam, ste::Clipped{.reach = 1.5f}});
    bench("rows, Progressive", Compressor{rounds, rows, adam, ste::Progressive{}});
    bench("rows, LearnedScale", Compressor{fits, rows, adam, ste::LearnedScale{}});
    bench("groups of 128, RoundClip", Compressor{rounds, scale::PerGroup<128>{}, adam});
    bench("groups of 128, LearnedScale", Compressor{fits, scale::PerGroup<128>{}, adam, ste::LearnedScale{}});
    bench("groups of 64, RoundClip", Compressor{rounds, scale::PerGroup<64>{}, adam});
}

void settings(Bench& bench, const AdamW& adam) {
    const Compressor row{quantizer::RoundClip{}, scale::PerChannel{}, adam};
    bench("rows, rate 1e-3", row, rate(1e-3));
    bench("rows, rate 6e-3", row, rate(6e-3));
    bench("rows, rate 1e-2", row, rate(1e-2));
    bench("rows, rate 2e-2", row, rate(2e-2));
    bench("rows, tables at 0.1", row, tables(rate(3e-3), 0.1f));
    bench("rows, tables at 0.3", row, tables(rate(3e-3), 0.3f));
    bench("rows, tables at 1", row, tables(rate(3e-3), 1));
    bench("rows, linear decay", row, decay(rate(3e-3), ScheduleKind::linear));
    bench("rows, targets 1 and KL 1", row, loss(rate(3e-3), {.targets = 1}));
    bench("rows, KL at temperature 2", row, loss(rate(3e-3), {.temperature = 2}));
    bench("rows, KL and hidden states", row, loss(rate(3e-3), {.hidden = 1}));
    bench("rows, KL and relations", row, loss(rate(3e-3), {.relations = 1}));
}

void optimizers(Bench& bench, const AdamW& adam) {
    const quantizer::RoundClip rounds{};
    const scale::PerChannel rows{};
    bench("rows, AdamW 0.9, 0.999", Compressor{rounds, rows, AdamW{}});
    bench("rows, Muon", Compressor{rounds, rows, Muon{}}, rate(0.05));
    bench("rows, Muon, rate 0.02", Compressor{rounds, rows, Muon{.rest_rate = 0.15f}}, rate(0.02));
    bench("rows, Grokfast AdamW", Compressor{rounds, rows, optimizer::Grokfast<AdamW>{.inner = adam}});
    bench("rows, MuGrokfast", Compressor{rounds, rows, optimizer::MuGrokfast{}}, rate(0.05));
    bench("rows, MuGrokfast, 1e-5 after 50 steps", Compressor{rounds, rows, optimizer::MuGrokfast{}},
          {.learning_rate = 1e-5, .schedule = {.kind = ScheduleKind::constant, .warmup = 50}, .table_rate = 0});
}

/// What helped alone, together. The first is what the program does by itself.
void combined(Bench& bench, const AdamW& adam) {
    const quantizer::RoundClip rounds{};
    const quantizer::LeastSquares fits{};
    const scale::PerChannel rows{};
    const scale::PerGroup<128> groups{};
    const Compressor chosen{fits, scale::PerGroup<64>{}, adam, ste::LearnedScale{}};
    const double suits = ternary_learning_rate(bench.parameters, chosen.preservation());
    bench("by default: groups of 64, LearnedScale, tables at 0.3", chosen, tables(rate(suits), 0.3f));
    bench("groups of 64, LearnedScale, high rate, tables at 0.3", chosen, tables(rate(1e-2), 0.3f));
    bench("rows, RoundClip, rate and tables by default", Compressor{rounds, rows, adam}, tables(rate(suits), 0.3f));
    bench("rows, RoundClip, high rate, tables at 0.1", Compressor{rounds, rows, adam}, tables(rate(1e-2), 0.1f));
    bench("rows, RoundClip, high rate, tables at 0.3", Compressor{rounds, rows, adam}, tables(rate(1e-2), 0.3f));
    bench("rows, LearnedScale of any reach, high rate", Compressor{fits, rows, adam, ste::LearnedScale{.reach = 100}}, rate(1e-2));
    bench("groups of 128, RoundClip, high rate, tables at 0.3", Compressor{rounds, groups, adam}, tables(rate(1e-2), 0.3f));
    bench("groups of 128, LearnedScale of any reach, high rate, tables at 0.3", Compressor{fits, groups, adam, ste::LearnedScale{.reach = 100}},
          tables(rate(1e-2), 0.3f));
}

std::size_t number(int argc, char** argv, int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc < 2) return std::fputs("usage: bench_train_recipes MODEL [STEPS [TEXTS [PART_OF_A_NAME...]]]\n", stderr), 2;
    const Execution run{&best_kernels(), 0};
    const ModelWeights weights(argv[1]);
    const std::size_t texts = number(argc, argv, 3, 2560);
    Texts scored, learned;
    const double writing = bench::seconds([&] {
        const Transformer model(weights, ActivationPrecision::fp32, run);
        scored = self_text(model, {.texts = 512, .seed = 777}, run);
        learned = self_text(model, {.texts = texts, .seed = 1}, run);
    });
    Bench bench{run, weights, read_parameters<float>(weights, run), learned, scored, number(argc, argv, 2, 400), {}};
    for (int i = 4; i < argc; ++i) bench.only.push_back(argv[i]);
    std::printf("%s, perplexity %.3f; %zu steps, %zu texts written in %.0f s\n\n", argv[1], bench.original, bench.steps, texts + 512, writing);
    std::puts("| recipe | rate | perplexity before, times the original's | after | seconds |\n|---|---|---|---|---|");
    const AdamW adam{.beta1 = 0.9f, .beta2 = 0.95f};
    estimators(bench, adam);
    settings(bench, adam);
    optimizers(bench, adam);
    combined(bench, adam);
} catch (const bitnet::error& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
