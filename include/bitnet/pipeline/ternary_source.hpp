/// Where compress_model has the ternary tensors of a model from.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include <bitnet/model/model_dir.hpp>
#include <bitnet/model/packed_format.hpp>

namespace bitnet::inline BITNET_ABI {

/// Output channels first, whatever the file does.
inline Shape oriented_shape(const ModelTensor& tensor) {
    return tensor.transposed ? Shape{tensor.shape[1], tensor.shape[0]} : tensor.shape;
}

/// Each tensor is rounded as it comes, by a Compressor that asks for nothing but weights.
template <class Compressor>
struct RoundedTensors {
    const Compressor& compressor;

    Treatment treatment(const ModelTensor& tensor) const {
        return compressor.preservation().treatment({tensor.name, tensor.role, tensor.shape});
    }
    Layout layout() const { return compressor.layout().layout; }
    DType scale_type(const ModelTensor&) const { return compressor.scale().storage; }
    Json policies() const { return policies_to_json(compressor); }
    /// How the tensor will stand in the file: known before it is compressed.
    PackedEntry entry(const ModelTensor& tensor) const {
        PackedEntry out{.shape = oriented_shape(tensor), .whole_tensor = Compressor::Scale::whole_tensor, .transposed = tensor.transposed,
                        .planes = Compressor::planes, .offsets = Compressor::has_offset};
        const std::size_t cols = matrix_shape(out.shape).cols;
        out.group = std::max<std::size_t>(1, out.whole_tensor ? cols : compressor.scale().group(cols));
        return out;
    }
    /// weight: with its outputs first; out: memory to use
    const TernaryPlanes& make(const ModelTensor&, const TensorView& weight, TernaryPlanes& out, Execution run) const {
        compressor.compress_into(out, weight, run);
        return out;
    }
};

/// They have been made already, by calibration for example; `preservation` says which tensors have.
template <class Preservation>
struct MadeTensors {
    Preservation preservation;
    Layout packed_as = Layout::trit2;
    Json how = Json::object();  ///< the policies, for the metadata
    MadePlanes made{};

    Treatment treatment(const ModelTensor& tensor) const { return preservation.treatment({tensor.name, tensor.role, tensor.shape}); }
    Layout layout() const { return packed_as; }
    DType scale_type(const ModelTensor& tensor) const { return find(tensor).planes[0].scale_type; }
    Json policies() const { return how; }
    PackedEntry entry(const ModelTensor& tensor) const { return entry_of(find(tensor), tensor.transposed); }
    const TernaryPlanes& make(const ModelTensor& tensor, const TensorView&, TernaryPlanes&, Execution) const { return find(tensor); }

private:
    /// Errors  errc::missing naming a tensor that was to become ternary and has not
    const TernaryPlanes& find(const ModelTensor& tensor) const {
        const auto found = made.find(tensor.name);
        if (found == made.end())
            throw error(errc::missing, message("tensor ", detail::quote(tensor.name),
                                               ": calibration makes the matrices of a model's layers ternary, and this is none; keep it"));
        return found->second;
    }
};

}  // namespace bitnet::inline BITNET_ABI
