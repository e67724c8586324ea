#include <bitnet/policy/concepts.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/least_squares.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/sparsity/target_fraction.hpp>

static_assert(bitnet::QuantizerPolicy<bitnet::quantizer::AbsMean> && bitnet::MeanQuantizer<bitnet::quantizer::AbsMean>);
static_assert(bitnet::GridQuantizer<bitnet::quantizer::LeastSquares>);
static_assert(!bitnet::QuantizerPolicy<bitnet::sparsity::Fixed>);
static_assert(bitnet::RegionSparsity<bitnet::sparsity::TargetFraction> && bitnet::ScaleSparsity<bitnet::sparsity::Fixed>);
static_assert(!bitnet::chooses_its_zeros<bitnet::quantizer::AbsMean>);
static_assert(bitnet::chooses_its_zeros<bitnet::quantizer::RoundClip>);
static_assert(bitnet::chooses_its_zeros<bitnet::quantizer::LeastSquares>);
static_assert(!bitnet::Policy<int>);

namespace {

struct ByShape {  // an optimizer that asks what it moves
    static constexpr bitnet::Role role = bitnet::Role::optimizer;
    static constexpr std::string_view name = "by_shape";
    struct State {
        explicit State(const bitnet::ParameterShape& of) : shape(of), sums(of.rows) {}
        bitnet::ParameterShape shape;
        std::vector<float> sums;
        std::uint64_t step = 0;
        static void each_field(auto& state, auto&& f) {
            f("sums", state.sums);
            f("step", state.step);
        }
    };
    void update(std::span<float>, std::span<const float>, State&, float) const {}
    bool operator==(const ByShape&) const = default;
};
struct ByCount {  // one that does not, and keeps nothing that could be saved
    static constexpr bitnet::Role role = bitnet::Role::optimizer;
    static constexpr std::string_view name = "by_count";
    struct State {
        explicit State(std::size_t n) : count(n) {}
        std::size_t count;
    };
    void update(std::span<float>, std::span<const float>, State&, float) const {}
    bool operator==(const ByCount&) const = default;
};
struct Homeless {
    static constexpr bitnet::Role role = bitnet::Role::optimizer;
    static constexpr std::string_view name = "homeless";
    struct State {};  // made from nothing
    void update(std::span<float>, std::span<const float>, State&, float) const {}
    bool operator==(const Homeless&) const = default;
};
static_assert(bitnet::OptimizerPolicy<ByShape> && bitnet::OptimizerPolicy<ByCount> && !bitnet::OptimizerPolicy<Homeless>);
static_assert(bitnet::CheckpointedState<ByShape::State> && !bitnet::CheckpointedState<ByCount::State>);

}  // namespace

TEST_CASE("a state is made from a tensor's shape or from its count of weights") {
    const bitnet::ParameterShape shape{.rows = 3, .cols = 5, .block_matrix = true};
    CHECK(bitnet::optimizer_state<ByShape>(shape).shape == shape);
    CHECK(bitnet::optimizer_state<ByCount>(shape).count == 15);
    CHECK(bitnet::ParameterShape{.cols = 7}.size() == 7);
}

TEST_CASE("each field of a state is visited under its name, to be read or to be filled") {
    ByShape::State state({.rows = 3, .cols = 5});
    std::vector<std::string> names;
    bitnet::each_field(state, [&](std::string_view name, auto& field) {
        names.emplace_back(name);
        field = {};
    });
    CHECK(names == std::vector<std::string>{"sums", "step"});
    CHECK(state.sums.empty());
    CHECK(bitnet::state_bytes(ByShape::State({.rows = 3, .cols = 5})) == 3 * 4 + 8);
}

TEST_CASE("every treatment has a name of its own") {
    using bitnet::Treatment;
    std::set<std::string_view> names;
    for (const Treatment treatment : {Treatment::ternary, Treatment::fp16, Treatment::bf16, Treatment::fp32,
                                      Treatment::int8_rows, Treatment::unchanged})
        names.insert(bitnet::to_string(treatment));
    CHECK(names.size() == 6);
    CHECK(bitnet::to_string(static_cast<Treatment>(99)) == "unchanged");
}
