#include <bitnet/gate/quality_gates.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace bitnet;
using State = GateResult::State;

namespace {

GateFigures good() {
    return {.degradation = 0.08, .dequantization_accuracy = 0.999, .compression_ratio = 9.0, .quantized_share = 0.92, .sparsity = 0.4, .gradient_fault = ""};
}
const GateResult& gate_named(const std::vector<GateResult>& gates, std::string_view name) {
    for (const GateResult& one : gates)
        if (one.name == name) return one;
    throw error(errc::missing, std::string(name));
}

}  // namespace

TEST_CASE("a good model passes every gate, at the limits too") {
    const auto gates = check_gates(good(), {});
    REQUIRE(gates.size() == 6);
    for (const GateResult& one : gates) CHECK(one.state == State::passed);
    CHECK(all_passed(gates));
    const GateLimits limits;
    CHECK(all_passed(check_gates({.degradation = limits.max_degradation, .dequantization_accuracy = limits.min_dequantization_accuracy,
                                  .compression_ratio = limits.min_compression_ratio, .quantized_share = limits.min_quantized_share}, limits)));
}

TEST_CASE("each gate fails by itself, with what was measured and what is asked for in one sentence") {
    const auto failed = [](GateFigures figures, std::string_view name) {
        const auto gates = check_gates(figures, {});
        CHECK_FALSE(all_passed(gates));
        for (const GateResult& one : gates) CHECK((one.state == State::failed) == (one.name == name));
        return gate_named(gates, name).sentence;
    };
    GateFigures figures = good();
    figures.degradation = 0.1234;
    CHECK(failed(figures, "perplexity_degradation") == "the rise of perplexity is 12.34 %, at most 10.00 % is asked for");
    figures = good();
    figures.dequantization_accuracy = 0.99;
    CHECK(failed(figures, "dequantization_accuracy") == "the agreement of both outputs' logits is 99.00 %, at least 99.50 % is asked for");
    figures = good();
    figures.compression_ratio = 4.2;
    CHECK(failed(figures, "compression_ratio") == "the compression ratio is 4.20x, at least 8.00x is asked for");
    figures = good();
    figures.quantized_share = 0.6;
    CHECK(failed(figures, "quantized_share") == "the share of parameters that are ternary is 60.00 %, at least 85.00 % is asked for");
    figures = good();
    figures.gradient_fault = "tensor \"a\": its gradient is zero";
    CHECK(failed(figures, "gradient_flow") == "tensor \"a\": its gradient is zero");
}

TEST_CASE("what is not finite passes nothing, what was not measured fails nothing, and zeros only warn") {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
        GateFigures figures = good();
        figures.degradation = bad;
        CHECK(gate_named(check_gates(figures, {}), "perplexity_degradation").state == State::failed);
        CHECK(to_json(check_gates(figures, {})).as_array().at(0).find("measured") == nullptr);
    }
    const auto nothing = check_gates({}, {});
    for (const GateResult& one : nothing) CHECK(one.state == State::not_measured);
    CHECK(all_passed(nothing));
    CHECK(gate_named(nothing, "compression_ratio").sentence == "the compression ratio was not measured; at least 8.00x is asked for");
    GateFigures sparse = good();
    sparse.sparsity = 0.05;
    const auto gates = check_gates(sparse, {});
    CHECK(gate_named(gates, "sparsity").state == State::warning);
    CHECK(gate_named(gates, "sparsity").sentence == "the share of zeros is 5.00 %, 25.00 % to 45.00 % is usual");
    CHECK(all_passed(gates));
    CHECK(to_json(gates).as_array().at(5).at("state").as_string() == "warning");
}
