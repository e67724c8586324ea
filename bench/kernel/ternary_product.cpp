// Products of packed trits: bytes of weights (packed codes and their scales) per second, beside the bandwidth of a plain
// read of the codes taken in the same run, and multiplications per second.
//
//     bench_kernel_ternary_product [--all] [--cpu-time] [--json] [--repetitions N] [--only TEXT]
//
// Every measurement stands between two plain reads, and its share is its own time against theirs: a neighbour that
// takes memory bandwidth takes it from both. Results are compared with the plain loops' (arch::Scalar) before anything
// is timed. The time of preparing activations is part of a product's.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/kernel/multiply.hpp>

#include "../timing.hpp"

using namespace bitnet;

namespace {

enum class Type { int8, fp32 };

struct Case {
    const Kernels* kernels;
    Type type = Type::int8;
    Layout layout = Layout::trit2;
    std::size_t group = 0;  // 0: the row
    std::size_t tokens = 1;
    std::size_t rows = 0;
    std::size_t cols = 0;
};

/// Codes and scales for every group size.
struct Memory {
    std::vector<std::uint8_t> codes;
    std::vector<float> scales;
    std::vector<float> activations;
};

TernaryMatrix matrix(const Case& c, const Memory& memory) {
    TernaryMatrix w{c.layout, c.rows, c.cols, c.group == 0 ? c.cols : c.group, false, {}, {}};
    w.codes = std::span(memory.codes).first(detail::packed_bytes(w));
    w.scales = std::span(memory.scales).first(c.rows * w.groups());
    return w;
}

/// Bytes that the layout may write; a period that is no multiple of a row keeps the rows different.
Memory fill(Layout layout, std::size_t rows, std::size_t cols, std::size_t tokens) {
    TernaryMatrix w{layout, rows, cols, 32, false, {}, {}};
    Memory memory{std::vector<std::uint8_t>(detail::packed_bytes(w)), std::vector<float>(rows * w.groups()),
                  std::vector<float>(tokens * cols)};
    std::mt19937 random(1);
    constexpr std::size_t period = (std::size_t{1} << 18) + 7;
    const auto trit = [&] { return static_cast<unsigned>(random() % 3); };
    for (std::size_t i = 0; i < memory.codes.size(); ++i) {
        if (i >= period) memory.codes[i] = memory.codes[i - period];
        else if (layout == Layout::int8) memory.codes[i] = static_cast<std::uint8_t>(trit() - 1);
        else if (layout == Layout::trit2)
            memory.codes[i] = static_cast<std::uint8_t>(trit() | trit() << 2 | trit() << 4 | trit() << 6);
        else memory.codes[i] = static_cast<std::uint8_t>((256 * (random() % 243) + 242) / 243);
    }
    for (float& scale : memory.scales) scale = 0.01f + 0.0001f * static_cast<float>(random() % 100);
    for (float& x : memory.activations) x = std::normal_distribution<float>(0, 1)(random);
    return memory;
}

/// What is kept from product to product, as a program would.
struct Work {
    Int8Activations int8;
    FloatActivations floats;
    std::vector<float> y;
};

void product(const Case& c, const Memory& memory, Work& work) {
    const TernaryMatrix w = matrix(c, memory);
    const std::span<const float> x = std::span(memory.activations).first(c.tokens * c.cols);
    work.y.resize(c.tokens * c.rows);
    if (c.type == Type::int8) {
        prepare(work.int8, x, w, *c.kernels);
        multiply(w, 0, c.rows, work.int8, work.y, *c.kernels);
    } else {
        prepare(work.floats, x, w, *c.kernels);
        multiply(w, 0, c.rows, work.floats, work.y, *c.kernels);
    }
}

bool agrees_with_scalar(Case c, const Memory& memory) {
    c.rows = std::min<std::size_t>(c.rows, 37);
    Work result, expected;
    product(c, memory, result);
    c.kernels = kernels_named("scalar");
    product(c, memory, expected);
    return result.y == expected.y;
}

std::string words(const Case& c) {
    return std::string(c.kernels->arch) + (c.type == Type::int8 ? " int8 " : " fp32 ") + std::string(to_string(c.layout)) +
           (c.group == 0 ? std::string(" row") : " group:" + std::to_string(c.group)) + ' ' + std::to_string(c.rows) +
           'x' + std::to_string(c.cols) + " tokens:" + std::to_string(c.tokens);
}

struct Options {
    bool all = false;
    bool json = false;
    int repetitions = 7;
    std::string only;
};

std::vector<Case> cases(const Options& options) {
    std::vector<Case> out;
    // 256 MiB of trit2 codes, far out of any cache; and 1 MiB, which stays in one.
    for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{262144, 4096}, {1024, 4096}})
        for (const Layout layout : {Layout::trit2, Layout::trit5, Layout::int8})
            for (const Kernels* kernels : available_kernels())
                for (const Type type : {Type::int8, Type::fp32})
                    for (const std::size_t group : std::to_array<std::size_t>({0, 64, 128, 100}))
                        for (const std::size_t tokens : std::to_array<std::size_t>({1, 8, 64})) {
                            const bool plain = kernels != &best_kernels();
                            const bool large = rows > 1024;
                            const int changed = plain + (layout != Layout::trit2) + (group == 100);
                            const bool slow = large && (tokens > 8 || (tokens > 1 && (changed > 0 || type == Type::fp32)));
                            if ((changed > 1 || slow || (plain && large)) && !options.all) continue;
                            const Case c{kernels, type, layout, group, tokens, rows, cols};
                            if (words(c).find(options.only) != std::string::npos) out.push_back(c);
                        }
    return out;
}

/// Medians; share = speed of the product / speed of the plain read, with its quartiles.
void measure(const Case& c, const Memory& memory, bench::Read how, const Options& options, bool last) {
    const TernaryMatrix w = matrix(c, memory);
    const std::size_t bytes = w.codes.size();
    const double weights_to_codes = 1 + static_cast<double>(w.scales.size_bytes()) / static_cast<double>(bytes);
    const auto* p = reinterpret_cast<const std::byte*>(memory.codes.data());
    Work work;
    product(c, memory, work);  // pages touched, caches warm
    const double once = bench::seconds([&] { product(c, memory, work); });
    const int rounds = once > 0.01 ? 1 : static_cast<int>(0.01 / once) + 1;
    const int reads = bytes > (std::size_t{1} << 24) ? 1 : 100;
    const auto read = [&] {
        return bench::seconds([&] { for (int i = 0; i < reads; ++i) bench::read_all(p, bytes, 1, how); }) / reads;
    };
    std::vector<double> share, speed, read_speed, operations;
    double before = read();
    for (int repetition = 0; repetition < options.repetitions; ++repetition) {
        const double time =
            bench::seconds([&] { for (int i = 0; i < rounds; ++i) product(c, memory, work); }) / rounds;
        const double after = read();
        share.push_back((before + after) / 2 / time * weights_to_codes);
        speed.push_back(1e-9 * static_cast<double>(bytes) * weights_to_codes / time);
        read_speed.push_back(1e-9 * static_cast<double>(bytes) / after);
        operations.push_back(1e-9 * static_cast<double>(c.rows * c.cols * c.tokens) / time);
        before = after;
    }
    const auto of = [](const std::vector<double>& samples, double where) { return bench::quantile(samples, where); };
    if (options.json)
        std::printf("  {\"case\": \"%s\", \"gb_per_s\": %.3f, \"read_gb_per_s\": %.3f, \"share_of_read\": %.4f, "
                    "\"share_quartiles\": [%.4f, %.4f], \"multiplications_per_s\": %.4ge9, \"repetitions\": %d}%s\n",
                    words(c).c_str(), of(speed, 0.5), of(read_speed, 0.5), of(share, 0.5), of(share, 0.25),
                    of(share, 0.75), of(operations, 0.5), options.repetitions, last ? "" : ",");
    else
        std::printf("%-50s %7.2f %7.2f %6.1f %%  %5.1f-%-5.1f %8.1f\n", words(c).c_str(), of(speed, 0.5),
                    of(read_speed, 0.5), 100 * of(share, 0.5), 100 * of(share, 0.25), 100 * of(share, 0.75),
                    of(operations, 0.5));
    std::fflush(stdout);
}

int run(const Options& options) {
    const std::vector<Case> selected = cases(options);
    if (options.json) std::puts("[");
    else
        std::printf("%-50s %7s %7s %8s  %-11s %8s\n", "kernels, activations, layout, scale, shape", "GB/s", "read", "share",
                    "quartiles", "G mul/s");
    for (std::size_t i = 0; i < selected.size();) {
        // One matrix in memory at a time: consecutive cases of one shape and layout share it.
        const Case& first = selected[i];
        const Memory memory = fill(first.layout, first.rows, first.cols, 64);
        const auto* codes = reinterpret_cast<const std::byte*>(memory.codes.data());
        const bench::Read how = bench::fastest_read(codes, memory.codes.size(), 1).how;
        for (; i < selected.size(); ++i) {
            const Case& c = selected[i];
            if (c.layout != first.layout || c.rows != first.rows || c.cols != first.cols) break;
            if (!agrees_with_scalar(c, memory)) {
                std::fprintf(stderr, "%s: differs from the plain loops\n", words(c).c_str());
                return 1;
            }
            measure(c, memory, how, options, i + 1 == selected.size());
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
        else if (option == "--only" && i + 1 < argc) options.only = argv[++i];
        else {
            std::fprintf(stderr, "usage: %s [--all] [--cpu-time] [--json] [--repetitions N] [--only TEXT]\n", argv[0]);
            return 2;
        }
    }
    return run(options);
}
