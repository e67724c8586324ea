/// Models as the transformers library packs them, for tests.
#pragma once

#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <bitnet/model/model_weights.hpp>
#include <bitnet/model/random_model.hpp>

#include "../pipeline/models.hpp"

namespace bitnet_test {

/// One byte for four rows that are a quarter of all rows apart.
inline StoredTensor packed_by_transformers(const std::vector<std::vector<int>>& codes) {
    const std::size_t rows = codes.size() / 4, cols = codes.at(0).size();
    StoredTensor out = zeros(bitnet::DType::U8, {rows, cols});
    for (std::size_t r = 0; r < codes.size(); ++r)
        for (std::size_t c = 0; c < cols; ++c)
            out.bytes[r % rows * cols + c] |= static_cast<std::byte>((codes[r][c] + 1) << (2 * (r / rows)));
    return out;
}

inline bitnet::Json quantization_config(const std::string& linear_class, const std::string& mode) {
    return bitnet::Json::object({{"quant_method", "bitnet"}, {"linear_class", linear_class}, {"quantization_mode", mode}});
}

/// Writes a random model that makes its weights ternary as it runs into `online`, and into `offline` the same with these
/// weights packed, for layers of that class.
inline void write_packed_by_transformers(const std::filesystem::path& online, const std::filesystem::path& offline,
                                         bitnet::RandomModel model, const std::string& linear_class) {
    const bitnet::Json::Object keys = model.keys;
    model.keys.push_back({"quantization_config", quantization_config("autobitlinear", "online")});
    bitnet::write_random_model(online, model);
    const bitnet::ModelWeights weights(online);
    Weights stored = read_weights(online / "model.safetensors");
    for (const auto& spec : bitnet::expected_tensors(weights.config())) {
        if (!bitnet::is_hf_bitnet_layer(weights.config(), spec)) continue;
        const auto ternary = std::get<bitnet::TernaryPlanes>(weights.linear(spec.name, bitnet::execution())).planes.at(0);
        std::vector<std::vector<int>> codes;
        std::vector<std::int8_t> row(ternary.cols());
        for (std::size_t r = 0; r < ternary.rows(); ++r) {
            ternary.codes_of_row(r, row, bitnet::execution());
            codes.emplace_back(row.begin(), row.end());
        }
        stored[spec.name] = packed_by_transformers(codes);
        const float alpha = ternary.scales[0], scale = linear_class == "autobitlinear" ? alpha : 1.0f / alpha;
        stored[spec.name + "_scale"] = floats({1}, std::span(&scale, 1));
    }
    model.keys = keys;
    model.keys.push_back({"quantization_config", quantization_config(linear_class, "offline")});
    std::filesystem::create_directories(offline);
    write_text(offline / "config.json", bitnet::to_text(bitnet::random_model_config(model)));
    write_weights(offline / "model.safetensors", stored);
}

}  // namespace bitnet_test
