// Weights after every tenth of fifty steps of each optimizer, as JSON: {"name": [[...], ...], ...}.
//
// Start and gradients are whole numbers over 1000, so that another program can make the same ones:
//     u(k) = (k·k mod 2003 - 1001) / 1000
//     w[i] = u(i) before the first step, g[i] = u(1 + i + 1009·step) in step 1 ... 50, rounded to float
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/optimizer/grokfast.hpp>
#include <bitnet/policy/optimizer/sgd.hpp>
#include <bitnet/train/optimizer/mu_grokfast.hpp>
#include <bitnet/train/optimizer/muon.hpp>

namespace {

using namespace bitnet;

float number(std::size_t k) {
    return static_cast<float>((static_cast<double>(k * k % 2003) - 1001.0) / 1000.0);
}

template <class Optimizer>
std::string trajectory(const char* name, const Optimizer& optimizer, const ParameterShape& shape, float learning_rate) {
    std::vector<float> w(shape.size()), g(shape.size());
    auto state = optimizer_state<Optimizer>(shape);
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = number(i);
    std::string out = message("\"", name, "\": [");
    for (std::size_t step = 1; step <= 50; ++step) {
        for (std::size_t i = 0; i < g.size(); ++i) g[i] = number(1 + i + 1009 * step);
        optimizer.update(w, g, state, learning_rate);
        if (step % 10 != 0) continue;
        out += step == 10 ? "[" : ", [";
        for (std::size_t i = 0; i < w.size(); ++i) out += message(i == 0 ? "" : ", ", w[i]);
        out += "]";
    }
    return out + "]";
}

}  // namespace

int main() {
    using namespace bitnet::optimizer;
    const ParameterShape vector{.cols = 40}, tall{.rows = 24, .cols = 8, .block_matrix = true},
        wide{.rows = 8, .cols = 24, .block_matrix = true}, embedding{.rows = 24, .cols = 8};
    const std::vector<std::string> all{
        trajectory("sgd", Sgd{.momentum = 0.9f, .weight_decay = 0.01f}, vector, 0.01f),
        trajectory("adamw", AdamW{}, vector, 0.003f),
        trajectory("adamw, decay", AdamW{.beta1 = 0.8f, .beta2 = 0.95f, .epsilon = 1e-6f, .weight_decay = 0.1f}, vector, 0.01f),
        trajectory("grokfast adamw", Grokfast<AdamW>{.alpha = 0.9f, .lambda = 1.5f}, vector, 0.01f),
        trajectory("muon, tall", Muon{.weight_decay = 0.1f}, tall, 0.02f),
        trajectory("muon, wide", Muon{}, wide, 0.02f),
        trajectory("muon, embedding", Muon{.weight_decay = 0.1f}, embedding, 0.05f),
        trajectory("mu_grokfast", MuGrokfast{}, tall, 0.02f),
    };
    std::string out = "{";
    for (const std::string& one : all) out += (out.size() > 1 ? ",\n" : "") + one;
    std::puts((out + "}").c_str());
}
