/// What a decoder layer is made of, whatever its architecture and whatever holds its weights.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/model/architecture/description.hpp>

namespace bitnet::inline BITNET_ABI {

/// A place in a layer where one input goes to one linear layer or several.
enum class Stage {
    attention,         ///< queries, keys and values
    attention_output,
    mlp,               ///< gate and up
    mlp_output,
};
inline constexpr std::array stages{Stage::attention, Stage::attention_output, Stage::mlp, Stage::mlp_output};

/// One layer: x + output(attention(norm(x))), then that + down(act(gate(h))·up(h)) with h its norm.
template <class Norm, class Projection>
struct LayerParts {
    Norm attention_norm{};
    std::vector<Projection> qkv{};  ///< three, or one for all
    std::optional<Norm> attention_sub_norm{};
    Projection attention_output{};
    Norm mlp_norm{};
    std::optional<Projection> gate{};
    Projection up{};
    std::optional<Norm> mlp_sub_norm{};
    Projection down{};

    /// Calls work(projection) for those of one stage.
    template <class Work>
    void each_of_stage(Stage stage, Work&& work) const {
        switch (stage) {
            case Stage::attention:
                for (const Projection& part : qkv) work(part);
                return;
            case Stage::attention_output: return work(attention_output);
            case Stage::mlp:
                if (gate) work(*gate);
                return work(up);
            case Stage::mlp_output: return work(down);
        }
    }
    /// Calls work(projection) for all of them, in the order of their use.
    template <class Work>
    void each_projection(Work&& work) const {
        for (const Stage stage : stages) each_of_stage(stage, work);
    }
};

/// Layer `index` of an architecture: norm(name) and projection(name) make its parts, which are called "h.3.ln_1" and such.
template <class MakeNorm, class MakeProjection>
auto layer_parts(const PartNames& names, std::size_t index, MakeNorm&& norm, MakeProjection&& projection) {
    std::string prefix(names.layer);
    prefix.replace(prefix.find('#'), 1, std::to_string(index));
    const auto named = [&prefix](std::string_view part) { return prefix + std::string(part); };
    LayerParts<decltype(norm(prefix)), decltype(projection(prefix))> out;
    out.attention_norm = norm(named(names.attention_norm));
    for (const std::string_view part : names.qkv)
        if (!part.empty()) out.qkv.push_back(projection(named(part)));
    if (!names.attention_sub_norm.empty()) out.attention_sub_norm = norm(named(names.attention_sub_norm));
    out.attention_output = projection(named(names.attention_output));
    out.mlp_norm = norm(named(names.mlp_norm));
    if (!names.gate.empty()) out.gate = projection(named(names.gate));
    out.up = projection(named(names.up));
    if (!names.mlp_sub_norm.empty()) out.mlp_sub_norm = norm(named(names.mlp_sub_norm));
    out.down = projection(named(names.down));
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
