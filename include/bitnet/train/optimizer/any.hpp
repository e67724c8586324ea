/// An optimizer that is chosen while the program runs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/optimizer/grokfast.hpp>
#include <bitnet/policy/optimizer/sgd.hpp>
#include <bitnet/train/optimizer/mu_grokfast.hpp>
#include <bitnet/train/optimizer/muon.hpp>

namespace bitnet::inline BITNET_ABI::optimizer {

/// One of those that this library has. Which one decides what its state is, so states come from the value: new_state(shape).
struct Any {
    std::variant<AdamW, Sgd, Muon, Grokfast<AdamW>, MuGrokfast> chosen{};

    class State {
    public:
        static void each_field(auto& state, auto&& f) {
            std::visit([&](auto& of_chosen) { bitnet::each_field(of_chosen, f); }, state.chosen_);
        }

    private:
        friend Any;
        using Chosen = std::variant<AdamW::State, Sgd::State, Muon::State, Grokfast<AdamW>::State, MuGrokfast::State>;
        explicit State(Chosen chosen) : chosen_(std::move(chosen)) {}
        Chosen chosen_;
    };

    State new_state(const ParameterShape& shape) const {
        return std::visit([&]<class Optimizer>(const Optimizer&) {
            return State(typename State::Chosen(optimizer_state<Optimizer>(shape)));
        }, chosen);
    }
    void update(std::span<float> w, std::span<const float> g, State& state, float learning_rate) const {
        std::visit([&]<class Optimizer>(const Optimizer& optimizer) {
            optimizer.update(w, g, std::get<typename Optimizer::State>(state.chosen_), learning_rate);
        }, chosen);
    }
};

inline std::string to_string(const Any& any) {
    return std::visit([](const auto& optimizer) { return bitnet::to_string(optimizer); }, any.chosen);
}

/// By name: adamw, sgd, muon, grokfast (AdamW behind the filter), mu_grokfast. Knobs as language models are trained with: beta2
/// of AdamW is 0.95, SGD's momentum 0.9, all others their defaults.
/// Errors  errc::bad_value listing those
inline Any any_named(std::string_view name) {
    if (name == "adamw") return {AdamW{.beta2 = 0.95f}};
    if (name == "sgd") return {Sgd{.momentum = 0.9f}};
    if (name == "muon") return {Muon{}};
    if (name == "grokfast") return {Grokfast<AdamW>{.inner = {.beta2 = 0.95f}}};
    if (name == "mu_grokfast") return {MuGrokfast{}};
    throw error(errc::bad_value, message("optimizer \"", name, "\" is unknown; there are adamw, sgd, muon, grokfast, mu_grokfast"));
}

}  // namespace bitnet::inline BITNET_ABI::optimizer
