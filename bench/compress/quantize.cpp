// Quantize and pack a matrix: bytes of input per second, beside the bandwidth of a plain read taken in the same run.
//
//     bench_compress_quantize [--all] [--cpu-time] [--json] [--repetitions N] [--shift BYTES] [--only TEXT]
//
// Every measurement stands between two reads of the same matrix on as many threads, and its share is its own time
// against theirs: a neighbour that takes memory bandwidth takes it from both. Results are compared with the plain
// loops' (arch::Scalar) before anything is timed. --shift moves the matrix off the cache lines, as a file may.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/compress.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "../timing.hpp"

using namespace bitnet;

namespace {

enum class Rule { absmean, roundclip, least_squares };
enum class Share { row, group64, group128, tensor };

/// One Compressor, by its rule and by what shares a scale.
template <class Quantizer, class Scale>
void compress(TernaryTensor& out, const TensorView& matrix, Layout layout, Execution run) {
    const auto compressor = Compressor<Quantizer, Scale, layout::Chosen>{}.with(layout::Chosen{.layout = layout});
    compressor.compress_into(out, matrix, run);
}
using Compress = void(TernaryTensor&, const TensorView&, Layout, Execution);

template <class Quantizer>
constexpr std::array<Compress*, 4> by_share{compress<Quantizer, scale::PerChannel>, compress<Quantizer, scale::PerGroup<64>>,
                                            compress<Quantizer, scale::PerGroup<128>>, compress<Quantizer, scale::PerTensor>};
constexpr std::array<std::array<Compress*, 4>, 3> compressors{
    by_share<quantizer::AbsMean>, by_share<quantizer::RoundClip>, by_share<quantizer::LeastSquares>};

struct Case {
    const Kernels* kernels;
    unsigned threads = 1;
    DType dtype = DType::F32;
    Layout layout = Layout::trit2;
    Share share = Share::row;
    Rule rule = Rule::absmean;
    std::size_t rows = 0;
    std::size_t cols = 0;
};

void quantize_matrix(const Case& c, const std::byte* matrix, TernaryTensor& out) {
    const TensorView view{"matrix", c.dtype, {c.rows, c.cols}, {matrix, c.rows * c.cols * bits_of(c.dtype) / 8}};
    compressors[static_cast<std::size_t>(c.rule)][static_cast<std::size_t>(c.share)](out, view, c.layout,
                                                                                     {c.kernels, c.threads});
}

bool agrees_with_scalar(Case c, const std::byte* matrix) {
    c.rows = std::min<std::size_t>(c.rows, 64);
    TernaryTensor result, expected;
    quantize_matrix(c, matrix, result);
    c.kernels = kernels_named("scalar");
    c.threads = 1;
    quantize_matrix(c, matrix, expected);
    return result == expected;
}

/// Weights in bytes that begin `shift` bytes behind a cache line.
struct Matrix {
    std::vector<std::byte> memory;
    std::span<std::byte> bytes;
};

Matrix weights(DType dtype, std::size_t n, std::size_t shift) {
    const std::size_t bytes = bits_of(dtype) / 8;
    Matrix matrix{std::vector<std::byte>(n * bytes + 64 + shift), {}};
    const std::size_t past_line = reinterpret_cast<std::uintptr_t>(matrix.memory.data()) % 64;
    const std::span<std::byte> out(matrix.memory.data() + (64 - past_line) % 64 + shift, n * bytes);
    matrix.bytes = out;
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 0.02f);
    constexpr std::size_t period = (std::size_t{1} << 20) + 7;  // more than any row; drawing all would take a minute
    for (std::size_t i = 0; i < std::min(n, period); ++i) {
        const float x = normal(random);
        const std::uint16_t narrow = dtype == DType::F16 ? to_half(x).bits : to_bfloat16(x).bits;
        std::memcpy(&out[i * bytes], dtype == DType::F32 ? static_cast<const void*>(&x) : &narrow, bytes);
    }
    for (std::size_t done = period * bytes; done < out.size(); done += period * bytes)
        std::memcpy(&out[done], out.data(), std::min(period * bytes, out.size() - done));
    return matrix;
}

std::string words(const Case& c) {
    constexpr const char* rules[] = {"absmean", "roundclip", "least_squares"};
    constexpr const char* shares[] = {"row", "group:64", "group:128", "tensor"};
    std::string out(c.kernels->arch);
    out += ' ' + std::string(name_of(c.dtype)) + ' ' + std::string(to_string(c.layout)) + ' ';
    out += std::string(shares[static_cast<std::size_t>(c.share)]) + ' ' + std::string(rules[static_cast<std::size_t>(c.rule)]) + ' ' + std::to_string(c.rows) + 'x' +
           std::to_string(c.cols) + ' ' + std::to_string(c.threads);
    return out;
}

struct Options {
    bool all = false;
    bool json = false;
    int repetitions = 11;
    std::size_t shift = 0;
    std::string only;
};

/// One thing changed at a time, and every granularity with every rule; or, with --all, everything with everything.
std::vector<Case> cases(const Options& options) {
    constexpr DType dtypes[] = {DType::F32, DType::F16, DType::BF16};
    std::vector<Case> out;
    for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{16384, 4096}, {256, 1024}})
        for (const unsigned threads : {1u, 2u})
            for (const Kernels* kernels : available_kernels())
                for (const DType dtype : dtypes)
                    for (const Layout layout : {Layout::trit2, Layout::trit5, Layout::int8})
                        for (const Share share : {Share::row, Share::group64, Share::group128, Share::tensor})
                            for (const Rule rule : {Rule::absmean, Rule::roundclip, Rule::least_squares}) {
                                const bool best = kernels == &best_kernels();
                                const int changed = !best + (dtype != DType::F32) + (layout != Layout::trit2);
                                const bool small = rows * cols < (std::size_t{1} << 20);
                                if (changed > 1 && !options.all) continue;
                                if (changed == 1 && (share != Share::row || rule != Rule::absmean) && !options.all) continue;
                                if (small && threads > 1) continue;  // starting a thread takes as long as the work
                                const Case c{kernels, threads, dtype, layout, share, rule, rows, cols};
                                if (words(c).find(options.only) != std::string::npos) out.push_back(c);
                            }
    return out;
}

/// Median and quartiles of share = time of the read / time of the case, and of both speeds.
void measure(const Case& c, const std::byte* matrix, bench::Read how, const Options& options, bool last) {
    const std::size_t input = c.rows * c.cols * bits_of(c.dtype) / 8;
    const int rounds = input < (std::size_t{1} << 24) ? 50 : 1;  // a time long enough for the clock
    TernaryTensor out;
    quantize_matrix(c, matrix, out);  // pages touched, caches warm
    std::vector<double> share, speed, read_speed;
    const auto read = [&] {
        return bench::seconds([&] { for (int i = 0; i < rounds; ++i) bench::read_all(matrix, input, c.threads, how); });
    };
    double before = read();
    for (int repetition = 0; repetition < options.repetitions; ++repetition) {
        const double time = bench::seconds([&] { for (int i = 0; i < rounds; ++i) quantize_matrix(c, matrix, out); });
        const double after = read();
        const double processors = bench::count_cpu_time ? c.threads : 1;
        const double gigabytes = 1e-9 * static_cast<double>(input) * rounds * processors;
        share.push_back((before + after) / 2 / time);
        speed.push_back(gigabytes / time);
        read_speed.push_back(gigabytes / after);
        before = after;
    }
    const auto of = [](const std::vector<double>& samples, double where) { return bench::quantile(samples, where); };
    if (options.json)
        std::printf("  {\"case\": \"%s\", \"gb_per_s\": %.3f, \"read_gb_per_s\": %.3f, \"share_of_read\": %.4f, "
                    "\"share_quartiles\": [%.4f, %.4f], \"repetitions\": %d}%s\n",
                    words(c).c_str(), of(speed, 0.5), of(read_speed, 0.5), of(share, 0.5), of(share, 0.25),
                    of(share, 0.75), options.repetitions, last ? "" : ",");
    else
        std::printf("%-58s %7.2f %7.2f %6.1f %%  %5.1f-%-5.1f\n", words(c).c_str(), of(speed, 0.5),
                    of(read_speed, 0.5), 100 * of(share, 0.5), 100 * of(share, 0.25), 100 * of(share, 0.75));
    std::fflush(stdout);
}

int run(const Options& options) {
    const std::vector<Case> selected = cases(options);
    if (options.json) std::puts("[");
    else
        std::printf("%-58s %7s %7s %8s  %s\n", "kernels, type, layout, scale, rule, shape, threads", "GB/s", "read",
                    "share", "quartiles");
    for (std::size_t i = 0; i < selected.size();) {
        // One matrix in memory at a time: consecutive cases of one shape and type share it.
        const Case& first = selected[i];
        const Matrix held = weights(first.dtype, first.rows * first.cols, options.shift);
        const std::span<const std::byte> matrix = held.bytes;
        const bench::Read how = bench::fastest_read(matrix.data(), matrix.size(), first.threads).how;
        for (; i < selected.size(); ++i) {
            const Case& c = selected[i];
            if (c.dtype != first.dtype || c.rows != first.rows || c.cols != first.cols || c.threads != first.threads)
                break;
            if (!agrees_with_scalar(c, matrix.data())) {
                std::fprintf(stderr, "%s: differs from the plain loops\n", words(c).c_str());
                return 1;
            }
            measure(c, matrix.data(), how, options, i + 1 == selected.size());
        }
    }
    if (options.json) std::puts("]");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--all") options.all = true;
        else if (option == "--cpu-time") bench::count_cpu_time = true;
        else if (option == "--json") options.json = true;
        else if (option == "--repetitions" && i + 1 < argc) options.repetitions = std::max(1, std::atoi(argv[++i]));
        else if (option == "--shift" && i + 1 < argc) options.shift = 4 * (std::strtoul(argv[++i], nullptr, 10) / 4);
        else if (option == "--only" && i + 1 < argc) options.only = argv[++i];
        else {
            std::fprintf(stderr,
                         "usage: %s [--all] [--cpu-time] [--json] [--repetitions N] [--shift BYTES] [--only TEXT]\n",
                         argv[0]);
            return 2;
        }
    }
    return run(options);
}
