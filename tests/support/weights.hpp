/// Safetensors and JSON files as values, so that a test can damage a sound model in one line.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors.hpp>
#include <bitnet/io/safetensors_writer.hpp>

#include <support/temp_dir.hpp>

namespace bitnet_test {

struct StoredTensor {
    bitnet::DType dtype = bitnet::DType::F32;
    bitnet::Shape shape;
    std::vector<std::byte> bytes;
    bool operator==(const StoredTensor&) const = default;
};
using Weights = std::map<std::string, StoredTensor>;

inline StoredTensor zeros(bitnet::DType dtype, bitnet::Shape shape) {
    const std::size_t bytes = bitnet::element_count(shape) * bitnet::bits_of(dtype) / 8;
    return {dtype, std::move(shape), std::vector<std::byte>(bytes)};
}

inline Weights read_weights(const std::filesystem::path& path) {
    const bitnet::SafetensorsFile file(path);
    Weights out;
    for (const auto& entry : file.tensors()) {
        const auto bytes = file.view(entry).bytes;
        out[entry.name] = {entry.dtype, entry.shape, {bytes.begin(), bytes.end()}};
    }
    return out;
}

/// Creates the file or replaces it.
inline void write_weights(const std::filesystem::path& path, const Weights& weights) {
    std::filesystem::remove(path);
    std::vector<bitnet::PlannedTensor> plan;
    for (const auto& [name, tensor] : weights) plan.push_back({name, tensor.dtype, tensor.shape});
    bitnet::SafetensorsWriter writer(path, plan);
    for (const auto& [name, tensor] : weights) writer.write(name, tensor.bytes);
    writer.finish();
}

/// Reads, lets `change` at the map or the document, and writes it back.
template <class Change>
void edit_weights(const std::filesystem::path& path, Change&& change) {
    Weights weights = read_weights(path);
    change(weights);
    write_weights(path, weights);
}
template <class Change>
void edit_json(const std::filesystem::path& path, Change&& change) {
    bitnet::Json json = bitnet::read_json_file(path);
    change(json);
    write_text(path, bitnet::to_text(json));
}

}  // namespace bitnet_test
