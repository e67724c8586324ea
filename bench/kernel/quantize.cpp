// Quantize and pack a matrix: bytes of input per second, beside the bandwidth of a plain read taken in the same run.
//
//     bench_kernel_quantize [--all] [--cpu-time] [--json] [--repetitions N] [--shift BYTES] [--only TEXT]
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

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "../bandwidth.hpp"

using namespace bitnet;

namespace {

enum class Rule { absmean, roundclip, least_squares };

struct Case {
    const Kernels* kernels;
    unsigned threads = 1;
    DType dtype = DType::F32;
    Layout layout = Layout::trit2;
    std::size_t group = 0;  // weights that share a scale; 0: a row, all: the whole matrix
    Rule rule = Rule::absmean;
    std::size_t rows = 0;
    std::size_t cols = 0;
};
constexpr std::size_t whole_tensor = std::numeric_limits<std::size_t>::max();

struct Packed {
    std::vector<Grid> grids;
    std::vector<std::uint8_t> bytes;
    bool operator==(const Packed&) const = default;
};

constexpr std::size_t row_bytes(Layout layout, std::size_t cols) {
    return layout == Layout::int8 ? cols : layout == Layout::trit2 ? (cols + 3) / 4 : (cols + 4) / 5;
}

Grid grid_of(Rule rule, double sum, std::size_t n) {
    const float mean = static_cast<float>(sum / static_cast<double>(n));
    if (rule == Rule::roundclip) {
        const float alpha = std::max(mean, 1e-5f);
        return {alpha, nearest_keep(alpha)};
    }
    const float alpha = std::max(mean, 1e-8f);
    return {alpha, 0.5f * alpha};
}

/// One thread's place for a row of floats and for what belongs to its groups.
struct Workspace {
    std::vector<float> row, scratch;
    std::vector<double> sums;
    explicit Workspace(const Case& c)
        : row(c.dtype == DType::F32 ? 0 : c.cols), scratch(c.rule == Rule::least_squares ? c.cols : 0),
          sums(c.group == 0 || c.group == whole_tensor ? 1 : (c.cols + c.group - 1) / c.group) {}
};

const float* row_of(const Case& c, const std::byte* matrix, std::size_t row, Workspace& space) {
    const std::byte* at = matrix + row * c.cols * bits_of(c.dtype) / 8;
    if (c.dtype == DType::F32) return reinterpret_cast<const float*>(at);
    (c.dtype == DType::F16 ? c.kernels->widen_f16 : c.kernels->widen_bf16)(at, space.row.data(), c.cols);
    return space.row.data();
}

/// Rows that one thread takes at a time, about a megabyte of floats.
std::size_t piece_of(const Case& c) { return std::max<std::size_t>(1, (std::size_t{1} << 18) / c.cols); }

void encode_row(const Case& c, const float* w, std::size_t row, const Grid* grids, std::size_t group, Packed& out) {
    const std::size_t bytes = row_bytes(c.layout, c.cols);
    c.kernels->encode[static_cast<std::size_t>(c.layout)](w, c.cols, grids, group, out.bytes.data() + row * bytes);
}

void quantize_rows(const Case& c, const std::byte* matrix, Packed& out) {
    const std::size_t group = c.group == 0 ? c.cols : c.group;
    const std::size_t groups = (c.cols + group - 1) / group;
    parallel_for(c.rows, piece_of(c), c.threads, [&](std::size_t begin, std::size_t end) {
        Workspace space(c);
        for (std::size_t row = begin; row < end; ++row) {
            const float* w = row_of(c, matrix, row, space);
            Grid* grids = out.grids.data() + row * groups;
            if (c.rule != Rule::least_squares) c.kernels->abs_sums(w, c.cols, group, space.sums.data());
            for (std::size_t g = 0; g < groups; ++g) {
                const std::size_t n = std::min(group, c.cols - g * group);
                grids[g] = c.rule == Rule::least_squares
                               ? c.kernels->least_squares(w + g * group, n, space.scratch.data())
                               : grid_of(c.rule, space.sums[g], n);
            }
            encode_row(c, w, row, grids, group, out);
        }
    });
}

void quantize_whole(const Case& c, const std::byte* matrix, Packed& out) {
    if (c.rule == Rule::least_squares) {
        std::vector<float> scratch(c.rows * c.cols);
        out.grids[0] = c.kernels->least_squares(reinterpret_cast<const float*>(matrix), scratch.size(), scratch.data());
    } else {
        std::vector<double> sums(c.rows);
        parallel_for(c.rows, piece_of(c), c.threads, [&](std::size_t begin, std::size_t end) {
            Workspace space(c);
            for (std::size_t row = begin; row < end; ++row)
                c.kernels->abs_sums(row_of(c, matrix, row, space), c.cols, c.cols, &sums[row]);
        });
        double sum = 0;
        for (const double of_row : sums) sum += of_row;
        out.grids[0] = grid_of(c.rule, sum, c.rows * c.cols);
    }
    parallel_for(c.rows, piece_of(c), c.threads, [&](std::size_t begin, std::size_t end) {
        Workspace space(c);
        for (std::size_t row = begin; row < end; ++row)
            encode_row(c, row_of(c, matrix, row, space), row, out.grids.data(), c.cols, out);
    });
}

void quantize_matrix(const Case& c, const std::byte* matrix, Packed& out) {
    if (c.group == whole_tensor) quantize_whole(c, matrix, out);
    else quantize_rows(c, matrix, out);
}

Packed empty_result(const Case& c) {
    const std::size_t group = c.group == 0 ? c.cols : c.group;
    const std::size_t groups = c.group == whole_tensor ? 1 : c.rows * ((c.cols + group - 1) / group);
    return {std::vector<Grid>(groups), std::vector<std::uint8_t>(c.rows * row_bytes(c.layout, c.cols))};
}

bool agrees_with_scalar(Case c, const std::byte* matrix) {
    c.rows = std::min<std::size_t>(c.rows, 64);
    Packed result = empty_result(c), expected = empty_result(c);
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
    std::string out(c.kernels->arch);
    out += ' ' + std::string(name_of(c.dtype)) + ' ' + std::string(to_string(c.layout)) + ' ';
    out += c.group == 0 ? "row" : c.group == whole_tensor ? "tensor" : "group:" + std::to_string(c.group);
    out += ' ' + std::string(rules[static_cast<std::size_t>(c.rule)]) + ' ' + std::to_string(c.rows) + 'x' +
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
                        for (const std::size_t group : std::array<std::size_t, 4>{0, 64, 128, whole_tensor})
                            for (const Rule rule : {Rule::absmean, Rule::roundclip, Rule::least_squares}) {
                                const bool best = kernels == &best_kernels();
                                const int changed = !best + (dtype != DType::F32) + (layout != Layout::trit2);
                                const bool small = rows * cols < (std::size_t{1} << 20);
                                if (changed > 1 && !options.all) continue;
                                if (changed == 1 && (group != 0 || rule != Rule::absmean) && !options.all) continue;
                                if (small && threads > 1) continue;  // starting a thread takes as long as the work
                                if (rule == Rule::least_squares && group == whole_tensor && dtype != DType::F32)
                                    continue;
                                const Case c{kernels, threads, dtype, layout, group, rule, rows, cols};
                                if (words(c).find(options.only) != std::string::npos) out.push_back(c);
                            }
    return out;
}

/// Median and quartiles of share = time of the read / time of the case, and of both speeds.
void measure(const Case& c, const std::byte* matrix, bench::Read how, const Options& options, bool last) {
    const std::size_t input = c.rows * c.cols * bits_of(c.dtype) / 8;
    const int rounds = input < (std::size_t{1} << 24) ? 50 : 1;  // a time long enough for the clock
    Packed out = empty_result(c);
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
        const bench::Read how = bench::fastest_read(matrix.data(), matrix.size(), first.threads);
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
