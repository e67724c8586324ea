#include <bitnet/kernel/kernels.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

#include "weights.hpp"

using namespace bitnet;

namespace {

/// Everything that a table computes from these weights, as bytes.
std::vector<std::uint8_t> everything(const Kernels& kernels, const std::vector<float>& w, std::size_t group) {
    const std::size_t n = w.size(), groups = (n + group - 1) / group;
    std::vector<std::uint8_t> all;
    const auto keep = [&](const void* begin, std::size_t bytes) {
        const auto* p = static_cast<const std::uint8_t*>(begin);
        all.insert(all.end(), p, p + bytes);
    };
    std::vector<double> sums(groups);
    kernels.abs_sums(w.data(), n, group, sums.data());
    keep(sums.data(), 8 * groups);
    std::vector<Grid> grids(groups);
    std::vector<float> scratch(n), alphas(groups);
    for (std::size_t g = 0; g < groups; ++g) {
        const Grid best = kernels.least_squares(&w[g * group], std::min(group, n - g * group), scratch.data());
        keep(&best, sizeof best);
        alphas[g] = static_cast<float>(sums[g] / static_cast<double>(group));
        grids[g] = g % 2 == 0 ? best : Grid{alphas[g], alphas[g] / 2};
    }
    std::vector<std::uint8_t> bytes(n);
    std::vector<std::int8_t> q(n);
    for (std::size_t layout = 0; layout < 3; ++layout) {
        kernels.encode[layout](w.data(), n, grids.data(), group, bytes.data());
        keep(bytes.data(), n);
        kernels.decode[layout](bytes.data(), n, q.data());
        keep(q.data(), n);
    }
    DistortionSums lost;
    kernels.distortion(w.data(), q.data(), alphas.data(), n, group, &lost);
    keep(&lost, sizeof lost);
    kernels.widen_bf16(reinterpret_cast<const std::byte*>(w.data()), scratch.data(), n);
    keep(scratch.data(), 4 * n);
    const SoftmaxSums<float> sums_of = kernels.softmax(w.data(), n, scratch.data());
    keep(&sums_of, sizeof sums_of);
    kernels.silu(scratch.data(), n);
    keep(scratch.data(), 4 * n);
    return all;
}

void check_against_scalar(std::string_view name) {
    const Kernels* kernels = kernels_named(name);
    if (kernels == nullptr) {
        std::printf("skipped: this machine does not run %s\n", std::string(name).c_str());
        return;
    }
    const unsigned seed = 13;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const auto kind : weights::every_kind)
        for (std::size_t n = 1; n <= 2000; n += n < 200 ? 1 : 97)
            for (const std::size_t group : {n, std::size_t{64}, std::size_t{128}, std::size_t{50}}) {
                const auto w = weights::many(random, kind, n);
                INFO(n, " weights in groups of ", group);
                CHECK(everything(*kernels, w, group) == everything(*kernels_named("scalar"), w, group));
            }
}

}  // namespace

TEST_CASE("avx512bw kernels write the same bits as plain loops") { check_against_scalar("avx512bw"); }
TEST_CASE("avx2 kernels write the same bits as plain loops") { check_against_scalar("avx2"); }
TEST_CASE("sse2 kernels write the same bits as plain loops") { check_against_scalar("sse2"); }
TEST_CASE("neon64 kernels write the same bits as plain loops") { check_against_scalar("neon64"); }

TEST_CASE("an Execution names kernels and threads") {
    const Execution plain = execution<arch::Scalar>(3);
    CHECK(plain.kernels->arch == "scalar");
    CHECK(plain.threads == 3);
    CHECK(execution().kernels->arch == arch::name_of<arch::Default>);
}
