/// Small models and packed files for tests of the pipeline.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/compress/recipes.hpp>
#include <bitnet/core/half.hpp>
#include <bitnet/model/random_model.hpp>
#include <bitnet/pipeline/compress_model.hpp>
#include <bitnet/model/packed_model.hpp>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

namespace bitnet_test {

/// Error code and sentence of what action() throws; an empty sentence when it throws nothing.
template <class Action>
std::pair<bitnet::errc, std::string> refusal(const Action& action) {
    try {
        action();
    } catch (const bitnet::error& problem) {
        return {problem.code(), problem.what()};
    }
    return {};
}

inline StoredTensor floats(bitnet::Shape shape, std::span<const float> values) {
    StoredTensor out{bitnet::DType::F32, std::move(shape), std::vector<std::byte>(values.size_bytes())};
    if (!values.empty()) std::memcpy(out.bytes.data(), values.data(), values.size_bytes());
    return out;
}

inline StoredTensor normal(bitnet::Shape shape, unsigned seed, float sigma = 1.0f) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value(0.0f, sigma);
    std::vector<float> values(bitnet::element_count(shape));
    for (float& x : values) x = value(random);
    return floats(std::move(shape), values);
}

inline std::vector<float> floats_of(const StoredTensor& tensor) {
    std::vector<float> buffer;
    const bitnet::TensorView view{"tensor", tensor.dtype, tensor.shape, tensor.bytes};
    const auto values = bitnet::FloatRows(view, *bitnet::execution().kernels).all(buffer);
    return {values.begin(), values.end()};
}

/// Both files of a compression, in a directory of their own.
struct Compressed {
    TempDir dir;
    bitnet::CompressionStats stats;
    std::filesystem::path quantized() const { return dir / "quantized.safetensors"; }
    std::filesystem::path dequantized() const { return dir / "dequantized.safetensors"; }
};

template <class Compressor>
void compress_into(Compressed& out, const bitnet::ModelDir& model, const Compressor& compressor,
                   bitnet::Execution run = bitnet::execution()) {
    out.stats = bitnet::compress_model(model, compressor, {out.quantized(), out.dequantized()}, run);
}

/// A generic model of these tensors and what became of it.
template <class Compressor>
void compress_weights(Compressed& out, const Weights& weights, const Compressor& compressor) {
    write_weights(out.dir / "original.safetensors", weights);
    const bitnet::ModelDir model(out.dir / "original.safetensors", {.architecture = "generic"});
    compress_into(out, model, compressor);
}

inline const bitnet::TensorReport& report_of(const Compressed& compressed, std::string_view name) {
    for (const auto& tensor : compressed.stats.tensors)
        if (tensor.name == name) return tensor;
    throw std::runtime_error("no report of that tensor");
}

inline const bitnet::PackedTensor& packed_tensor(const bitnet::PackedModel& packed, std::string_view name) {
    for (const auto& tensor : packed.tensors())
        if (tensor.name == name) return tensor;
    throw std::runtime_error("no packed tensor of that name");
}

}  // namespace bitnet_test
