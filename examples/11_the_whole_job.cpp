/// A job of one's own for run_pipeline: rounding with one threshold after the other until the gates pass. MODEL: an original; OUT: a new directory.
#include <bitnet/job.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/text/tokenizer.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace bitnet;

/// What an attempt is made with is the threshold below which a weight becomes 0, as a share of the scale.
struct ThresholdJob {
    using Request = float;
    ModelDir model;
    Transformer original;
    JudgedTexts texts;
    Execution run;

    Json make(float threshold, const std::filesystem::path& directory) const {
        const Compressor policies{quantizer::AbsMean{}, sparsity::Fixed{.threshold = threshold}, scale::PerGroup<64>{}};
        return to_json(compress_model(model, policies, prepare_outputs(model, directory, {}), run));
    }
    GateFigures judge(const std::filesystem::path& directory, Json& record) const {
        const OutputQuality quality = measure_output(original, directory, texts, run);
        describe_quality(record, quality, texts);
        GateFigures out = figures_of(quality);
        add_figures(out, record);
        return out;
    }
    std::vector<Rung<float>> ladder() const {
        const auto next = [](const float& best, const Outcome& outcome) {
            return outcome.fails("perplexity_degradation") ? std::optional(best + 0.2f) : std::nullopt;
        };
        return {{"a higher threshold", next}, {"a threshold that is higher still", next}};
    }
    void told(std::string_view attempt) const { std::printf("now: %s\n", std::string(attempt).c_str()); }
};

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) return std::fputs("usage: example_11_the_whole_job MODEL OUT\n", stderr), 2;
    const Execution run{&best_kernels(), 0};
    const Tokenizer tokenizer = Tokenizer::open(argv[1]);
    ThresholdJob job{ModelDir(argv[1]), Transformer(ModelWeights(argv[1]), ActivationPrecision::fp32, run),
                     {.validation = {tokenizer.encode("Mia was a girl who liked to make up songs. One cool morning, she was by the pond. Her aunt gave Mia three pumpkin seeds. Mia pressed them into the soil along the fence.")}, .windows = {64, 64}}, run};
    AtomicDirectory output(argv[2], false, metadata_file_name);
    PipelineResult result = run_pipeline(job, 0.1f, {.limits = {.max_degradation = 0.5}}, output.path());
    for (const Json& rung : result.record.at("rungs").as_array())
        std::printf("%-35s perplexity %.2f, %.2fx smaller\n", rung.at("name").as_string().c_str(), rung.at("perplexity").as_double(), rung.at("ratio").as_double());
    for (const std::string& failure : result.failures()) std::printf("%s\n", failure.c_str());
    save_compression_metadata(output.path(), result.record);
    output.commit();  // a stricter program commits where result.success() alone
    return result.success() ? 0 : 3;
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
