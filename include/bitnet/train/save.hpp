/// A network as a model directory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include <bitnet/core/narrow.hpp>
#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/model/config.hpp>
#include <bitnet/model/weight_files.hpp>
#include <bitnet/train/parameter.hpp>

namespace bitnet::inline BITNET_ABI {

/// Writes config.json and model.safetensors into a directory that exists, under the names and in the shapes that
/// transformers expects. `config` is that of the model they began as; its type is replaced, other keys are kept.
/// dtype: F32, F16 or BF16; others: tensors beside the parameters, written byte for byte
inline void write_model(const std::filesystem::path& directory, const Json& config, bool tied_head,
                        const Parameters<float>& parameters, DType dtype, std::span<const TensorView> others = {}) {
    std::vector<PlannedTensor> plan;
    for (const Parameter<float>& one : parameters) {
        Shape shape = one.spec.shape;  // a table may have more rows than the configuration says
        if (shape.size() == 2) shape = one.spec.transposed ? Shape{one.value.cols(), one.value.rows()} : Shape{one.value.rows(), one.value.cols()};
        plan.push_back({one.spec.name, dtype, std::move(shape)});
    }
    for (const TensorView& other : others) plan.push_back({std::string(other.name), other.dtype, other.shape});
    SafetensorsWriter writer(directory / weights_file_name, std::move(plan));
    for (const Parameter<float>& one : parameters) {
        std::vector<float> values = one.value.values();
        if (one.spec.transposed)
            for (std::size_t r = 0; r < one.value.rows(); ++r)
                for (std::size_t c = 0; c < one.value.cols(); ++c) values[c * one.value.rows() + r] = one.value(r, c);
        std::vector<std::byte> bytes;
        if (!narrow(values, dtype, bytes))
            throw error(errc::not_finite, message("tensor ", detail::quote(one.spec.name), " holds values that ", name_of(dtype), " cannot"));
        writer.write(one.spec.name, bytes);
    }
    for (const TensorView& other : others) writer.write(other.name, other.bytes);
    writer.finish();
    Json out = Json::object();
    for (const auto& [key, value] : config.as_object())
        if (key != "quantization_config") out.set(key, value);
    const char* const name = dtype == DType::F32 ? "float32" : dtype == DType::F16 ? "float16" : "bfloat16";
    out.set(out.find("torch_dtype") != nullptr && out.find("dtype") == nullptr ? "torch_dtype" : "dtype", name);
    out.set("tie_word_embeddings", tied_head);
    write_file(directory / config_file_name, to_text(out) + "\n");
}

}  // namespace bitnet::inline BITNET_ABI
