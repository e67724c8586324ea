/// A model learns to live with ternary weights: it listens to what it said itself before they became so. MODEL: an original.
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/text/tokenizer.hpp>
#include <bitnet/train.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) try {
    using namespace bitnet;
    if (argc != 3) return std::fputs("usage: example_05_train_a_model MODEL STEPS\n", stderr), 2;
    const Execution run{&best_kernels(), 0};  // the fastest kernels of this machine, on every core
    const ModelWeights weights(argv[1]);
    const Parameters<float> parameters = read_parameters<float>(weights, run);
    Network<float> teacher(weights.config(), parameters), student(weights.config(), parameters);

    const Transformer speaker(weights, ActivationPrecision::fp32, run);
    const std::uint32_t first = Tokenizer::open(argv[1]).bos().value_or(0);
    auto text = self_text(speaker, {.texts = 64, .tokens = 64, .first = first}, run);
    const auto validation = self_text(speaker, {.texts = 16, .tokens = 64, .first = first, .seed = 1}, run);

    // Any policies: a quantizer, scales, an optimizer, an estimator of gradients, yours among them.
    const Compressor policies{quantizer::RoundClip{}, scale::PerChannel{}, optimizer::AdamW{.beta2 = 0.95f}, ste::Identity{}};
    StepOptions steps;
    steps.steps = static_cast<std::size_t>(std::atoi(argv[2]));
    steps.learning_rate = ternary_learning_rate(parameters, policies.preservation());
    Trainer trainer(std::move(student), policies, steps, BatchSource(std::move(text), 64, 1024, 0), &teacher, run);
    TrainingRun training(trainer, validation, RunOptions{.windows = {64, 64}}, run.threads, [](const TrainingRecord& record) {
        std::printf("step %3llu  loss %.4f\n", static_cast<unsigned long long>(record.step), record.loss);
    });
    const TrainingSummary summary = training.train();
    std::printf("perplexity %.4f after rounding, %.4f after learning\n", summary.first_perplexity, summary.best_perplexity);
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
