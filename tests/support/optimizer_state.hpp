/// What tests of optimizers do with states.
#pragma once

#include <bitnet/policy/concepts.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace bitnet_test {

/// The fields of a state, as a checkpoint would hold them.
struct SavedState {
    std::map<std::string, std::vector<float>> floats;
    std::map<std::string, std::uint64_t> counts;

    void operator()(std::string_view name, const std::vector<float>& field) { floats[std::string(name)] = field; }
    void operator()(std::string_view name, const std::uint64_t& field) { counts[std::string(name)] = field; }
};
struct RestoredState {
    const SavedState& saved;

    void operator()(std::string_view name, std::vector<float>& field) const { field = saved.floats.at(std::string(name)); }
    void operator()(std::string_view name, std::uint64_t& field) const { field = saved.counts.at(std::string(name)); }
};

/// A gradient that differs from step to step and from weight to weight.
inline std::vector<float> some_gradient(std::size_t count, int step) {
    std::vector<float> g(count);
    for (std::size_t i = 0; i < count; ++i)
        g[i] = static_cast<float>(std::sin(0.9 * static_cast<double>(i) * static_cast<double>(i) + 1.7 * step));
    return g;
}

/// Whether ten steps end at the same weights when, after five of them, the state moves to a new one by its fields.
template <class Optimizer>
bool survives_a_checkpoint(const Optimizer& optimizer, const bitnet::ParameterShape& shape) {
    std::vector<float> straight(shape.size(), 0.5f), resumed;
    auto state = bitnet::optimizer_state<Optimizer>(shape);
    auto restored = bitnet::optimizer_state<Optimizer>(shape);
    for (int step = 1; step <= 10; ++step) {
        const std::vector<float> g = some_gradient(shape.size(), step);
        optimizer.update(straight, g, state, 0.01f);
        if (step > 5) optimizer.update(resumed, g, restored, 0.01f);
        if (step == 5) {
            SavedState saved;
            const auto& read_only = state;
            bitnet::each_field(read_only, saved);
            bitnet::each_field(restored, RestoredState{saved});
            resumed = straight;
        }
    }
    return straight == resumed;
}

}  // namespace bitnet_test
