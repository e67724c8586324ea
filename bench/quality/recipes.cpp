// What every way of making a model ternary without training costs: perplexity as a multiple of the original's, divergence from its
// predictions, zeros, bits on disk, seconds.
//
//     bench_quality_recipes MODEL [--sequences N] [--text NAME=FILE]... [--only PART]... [--json FILE] [--chart FILE]
//
// The model writes texts itself, 256 tokens each: N (128) to calibrate, 512 others to score. It is scored on 128 windows of each
// further text too, a .jsonl by its field "text". Bits are those of codes, five in a byte, and FP16 scales, over the weights that
// became ternary. Output is a Markdown table, a row as soon as it is known; the chart is an SVG.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/calibrated.hpp>
#include <bitnet/io/mapped_file.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/text/documents.hpp>

#include "../timing.hpp"
#include "chart.hpp"

using namespace bitnet;
using quantizer::Asymmetric;
using quantizer::CoordinateDescent;
using quantizer::Gptq;
using quantizer::LeastSquares;
using quantizer::TritPlanes;
using quantizer::WeightedLeastSquares;

namespace {

using Texts = std::vector<std::vector<std::uint32_t>>;

struct Arguments {
    std::string model{}, json{}, chart{};
    std::size_t sequences = 128;
    std::vector<std::pair<std::string, std::string>> texts{};
    std::vector<std::string> only{};
};

bool read_arguments(int argc, char** argv, Arguments& out) {
    if (argc < 2 || argc % 2 != 0) return false;
    out.model = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string_view flag = argv[i], value = argv[i + 1];
        const std::size_t equals = value.find('=');
        if (flag == "--sequences") out.sequences = static_cast<std::size_t>(std::strtoull(argv[i + 1], nullptr, 10));
        else if (flag == "--only") out.only.emplace_back(value);
        else if (flag == "--json") out.json = value;
        else if (flag == "--chart") out.chart = value;
        else if (flag == "--text" && equals != value.npos) out.texts.emplace_back(value.substr(0, equals), value.substr(equals + 1));
        else return false;
    }
    return true;
}

/// 128 windows of 256 tokens, spread over the text.
Texts windows_of(const std::string& path, const Tokenizer& tokenizer) {
    const MappedFile file(path);
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    const std::vector<std::string> documents = documents_of(text, path.ends_with(".jsonl") ? Split::jsonl : Split::none, path);
    Texts out = CalibrationSet::from_text(documents, tokenizer, {.samples = 128, .tokens = 256}).samples();
    std::erase_if(out, [](const auto& window) { return window.size() < 2; });
    return out;
}

/// Zeros and bytes of all that became ternary.
struct Stored {
    std::size_t weights = 0, codes = 0, zeros = 0, bytes = 0;

    void add(const TernaryPlanes& made, Execution run) {
        weights += made.rows() * made.cols();
        bytes += made.stored_bytes();
        std::vector<std::int8_t> row(made.cols());
        for (const TernaryTensor& plane : made.planes)
            for (std::size_t r = 0; r < plane.rows(); ++r) {
                plane.codes_of_row(r, row, run);
                zeros += static_cast<std::size_t>(std::ranges::count(row, std::int8_t{0}));
                codes += row.size();
            }
    }
};

struct Scored {
    std::string name;
    Texts texts;
    double original = 0;
};

class Bench {
public:
    Bench(const Arguments& arguments, Execution run)
        : arguments_(arguments), run_(run), weights_(arguments.model), parameters_(read_parameters<float>(weights_, run)),
          original_(weights_.config(), parameters_, *run.kernels) {
        const Transformer model(weights_, ActivationPrecision::fp32, run);
        calibrating_ = CalibrationSet::from_samples(self_text(model, {.texts = arguments.sequences, .seed = 1}, run), 16);
        scored_.push_back({"self-text", self_text(model, {.texts = 512, .seed = 777}, run)});
        for (const auto& [name, path] : arguments.texts) scored_.push_back({name, windows_of(path, Tokenizer::open(arguments.model))});
        for (Scored& scored : scored_) scored.original = evaluate(original_, scored.texts, {}, run.threads).perplexity();
        print_head();
    }

    /// Rounding alone.
    template <class Compressor>
    void plain(const std::string& name, const Compressor& compressor) {
        measure(name, "weights", [&](Network<float>& network, Stored& stored) {
            for (Parameter<float>& one : network.parameters()) {
                if (!becomes_ternary(one, compressor.preservation())) continue;
                TernaryPlanes made;
                compressor.compress_into(made, TensorView{one.spec.name, DType::F32, Shape{one.value.rows(), one.value.cols()},
                                                          std::as_bytes(std::span<const float>(one.value.values()))}, run_);
                put_image(made, one.value, run_);
                stored.add(made, run_);
            }
        });
    }
    template <class Compressor>
    void calibrated(const std::string& name, const Compressor& compressor, Target target, bool rotate = false, std::size_t passes = 0, std::size_t together = 0) {
        measure(name, std::string(to_string(target)), [&](Network<float>& network, Stored& stored) {
            const CalibrationOptions options{.target = target, .rotate = rotate, .refine = {.passes = passes, .together = together}};
            for (const auto& [matrix, made] : calibrate(network, original_, calibrating_, compressor, options, run_)) stored.add(made, run_);
        });
    }
    void write_files() const {
        if (!arguments_.json.empty()) write_file(arguments_.json, to_text(Json::object({{"model", arguments_.model}, {"rows", Json::array(rows_)}})) + "\n");
        if (!arguments_.chart.empty()) write_file(arguments_.chart, bench::chart_of(points_));
    }

private:
    void print_head() const {
        std::printf("%zu sequences to calibrate. Perplexity before:", arguments_.sequences);
        for (const Scored& scored : scored_) std::printf(" %s %.3f", scored.name.c_str(), scored.original);
        std::printf("\n\n| recipe | aim | zeros | bits |");
        for (const Scored& scored : scored_) std::printf(" %s | KL |", scored.name.c_str());
        std::printf(" seconds |\n|---|---|---|---|");
        for (std::size_t i = 0; i < scored_.size(); ++i) std::printf("---|---|");
        std::puts("---|");
    }
    template <class Make>
    void measure(const std::string& name, const std::string& aim, Make&& make) {
        const auto named = [&](const std::string& part) { return (name + ", " + aim).find(part) != std::string::npos; };
        if (!arguments_.only.empty() && std::ranges::none_of(arguments_.only, named)) return;
        Network<float> network(weights_.config(), parameters_, *run_.kernels);
        Stored stored;
        const double seconds = bench::seconds([&] { make(network, stored); });
        const double zeros = static_cast<double>(stored.zeros) / static_cast<double>(stored.codes);
        const double bits = 8 * static_cast<double>(stored.bytes) / static_cast<double>(stored.weights);
        Json row = Json::object({{"recipe", name}, {"aim", aim}, {"zeros", zeros}, {"bits_per_weight", bits}, {"seconds", seconds}});
        std::printf("| %s | %s | %.1f %% | %.2f |", name.c_str(), aim.c_str(), 100 * zeros, bits);
        for (const Scored& scored : scored_) {
            const Perplexity now = evaluate(network, scored.texts, {}, run_.threads, &original_);
            const double ratio = now.perplexity() / scored.original;
            row.set(scored.name, Json::object({{"perplexity", now.perplexity()}, {"ratio", ratio}, {"kl", now.mean_divergence()}}));
            std::printf(" %.3f | %.3f |", ratio, now.mean_divergence());
            if (&scored == &scored_.front()) points_.push_back({name, aim, bits, ratio});
        }
        std::printf(" %.1f |\n", seconds);
        std::fflush(stdout);
        rows_.push_back(std::move(row));
    }

    const Arguments& arguments_;
    Execution run_;
    ModelWeights weights_;
    Parameters<float> parameters_;
    Network<float> original_;
    CalibrationSet calibrating_ = CalibrationSet::from_samples({{0}});
    std::vector<Scored> scored_{};
    Json::Array rows_{};
    std::vector<bench::Point> points_{};
};

constexpr std::size_t refining = 8;  // passes

/// every: the quantizers that the others consist of, too
template <class Scale>
void one_plane(Bench& bench, const std::string& scales, Scale scale, bool every) {
    const pack::Trit5 five{};
    bench.plain(scales, Compressor{LeastSquares{}, scale, five});
    bench.plain(scales + ", asymmetric", Compressor{Asymmetric<>{}, scale, five});
    if (every) {
        bench.calibrated(scales + ", weighted", Compressor{WeightedLeastSquares{}, scale, five}, Target::own);
        bench.calibrated(scales + ", GPTQ", Compressor{Gptq<>{}, scale, five}, Target::own);
        bench.calibrated(scales + ", GPTQ from weighted", Compressor{Gptq<WeightedLeastSquares>{}, scale, five}, Target::own);
        bench.calibrated(scales + ", CD", Compressor{CoordinateDescent<LeastSquares>{}, scale, five}, Target::own);
        bench.calibrated(scales + ", GPTQ", Compressor{Gptq<>{}, scale, five}, Target::stream);
        bench.calibrated(scales + ", CD", Compressor{CoordinateDescent<LeastSquares>{}, scale, five}, Target::stream);
    }
    for (const Target target : {Target::own, Target::original, Target::stream})
        bench.calibrated(scales + ", GPTQ, CD", Compressor{CoordinateDescent<>{}, scale, five}, target);
    bench.calibrated(scales + ", GPTQ, CD, asymmetric", Compressor{CoordinateDescent<Gptq<Asymmetric<>>>{}, scale, five}, Target::stream);
    bench.calibrated(scales + ", GPTQ, CD, refined", Compressor{CoordinateDescent<>{}, scale, five}, Target::stream, false, refining);
    if (every)
        bench.calibrated(scales + ", GPTQ, CD, refined, all together", Compressor{CoordinateDescent<>{}, scale, five}, Target::stream, false, refining, refining);
    bench.calibrated(scales + ", GPTQ, CD, rotated", Compressor{CoordinateDescent<>{}, scale, five}, Target::stream, true);
    bench.calibrated(scales + ", GPTQ, CD, rotated, refined", Compressor{CoordinateDescent<>{}, scale, five}, Target::stream, true, refining);
    if (every)
        bench.calibrated(scales + ", GPTQ, CD, rotated, refined, all together", Compressor{CoordinateDescent<>{}, scale, five}, Target::stream, true, refining, refining);
}

template <class Scale>
void two_planes(Bench& bench, const std::string& scales, Scale scale) {
    const pack::Trit5 five{};
    const std::string name = "two planes, " + scales;
    bench.plain(name, Compressor{TritPlanes<2>{}, scale, five});
    bench.calibrated(name + ", GPTQ", Compressor{Gptq<TritPlanes<2>>{}, scale, five}, Target::own);
    for (const Target target : {Target::own, Target::original, Target::stream})
        bench.calibrated(name + ", GPTQ, CD", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, five}, target);
    bench.calibrated(name + ", GPTQ, CD, asymmetric", Compressor{CoordinateDescent<Gptq<Asymmetric<2>>>{}, scale, five}, Target::stream);
    bench.calibrated(name + ", GPTQ, CD, refined", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, five}, Target::stream, false, refining);
    bench.calibrated(name + ", GPTQ, CD, refined, all together", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, five}, Target::stream, false, refining, refining);
    bench.calibrated(name + ", GPTQ, CD, rotated", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, five}, Target::stream, true);
    bench.calibrated(name + ", GPTQ, CD, rotated, refined", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, five}, Target::stream, true, refining);
    bench.calibrated(name + ", GPTQ, CD, rotated, refined, all together", Compressor{CoordinateDescent<Gptq<TritPlanes<2>>>{}, scale, five}, Target::stream, true, refining, refining);
}

}  // namespace

int main(int argc, char** argv) try {
    Arguments arguments;
    if (!read_arguments(argc, argv, arguments))
        return std::fputs("usage: bench_quality_recipes MODEL [--sequences N] [--text NAME=FILE]... [--only PART]... [--json FILE] [--chart FILE]\n", stderr), 2;
    Bench bench(arguments, {&best_kernels(), 0});
    one_plane(bench, "tensor", scale::PerTensor{}, false);
    one_plane(bench, "row", scale::PerChannel{}, true);
    one_plane(bench, "groups of 128", scale::PerGroup<128>{}, true);
    one_plane(bench, "groups of 64", scale::PerGroup<64>{}, false);
    two_planes(bench, "groups of 128", scale::PerGroup<128>{});
    bench.write_files();
} catch (const bitnet::error& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
