/// What becomes of every tensor of a model, and the two files that will hold it: known before a byte is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/model/packed_planes.hpp>
#include <bitnet/pipeline/ternary_source.hpp>

namespace bitnet::inline BITNET_ABI {

/// Names of tensors that 16 bits are too few for: a weight beyond their range, or a scale. Only reading them tells.
using WideTensors = std::set<std::string, std::less<>>;

namespace detail {

constexpr DType kept_type(Treatment treatment) noexcept {
    return treatment == Treatment::fp32 ? DType::F32 : treatment == Treatment::bf16 ? DType::BF16 : DType::F16;
}

/// A tensor's file, and what the file calls it: how errors about it begin.
inline std::string place_of(const ModelDir& model, const ModelTensor& tensor) {
    return message(model.files()[tensor.file].path().string(), ": tensor ", quote(tensor.stored_name));
}

}  // namespace detail

/// The plan of a packed file and of a dense one, for a model and a source of its ternary tensors (see ternary_source.hpp).
///
/// Keeps references to all three: they must outlive it. Treatments are those of the moment when it was made; types follow
/// `wide` as it grows.
template <class Source>
class ModelPlan {
public:
    ModelPlan(const ModelDir& model, const Source& source, const WideTensors& wide) : model_(model), source_(source), wide_(wide) {
        treatments_.reserve(model.tensors().size());
        for (const ModelTensor& tensor : model.tensors()) treatments_.push_back(treatment_of(tensor));
    }

    /// i: place in ModelDir::tensors()
    Treatment treatment(std::size_t i) const { return treatments_[i]; }
    /// In the packed file, scales included.
    std::uint64_t stored_bytes(std::size_t i) const {
        std::vector<PlannedTensor> parts;
        plan_packed(i, parts);
        std::uint64_t sum = 0;
        for (const PlannedTensor& part : parts) sum += element_count(part.shape, part.name) * bits_of(part.dtype) / 8;
        return sum;
    }
    /// Of a tensor in the dense file.
    DType trainable_type(const ModelTensor& tensor, Treatment treatment) const {
        if (treatment == Treatment::unchanged) return tensor.dtype;
        return is_wide(tensor) ? DType::F32 : DType::F16;
    }

    std::vector<PlannedTensor> quantized() const {
        std::vector<PlannedTensor> plan;
        for (std::size_t i = 0; i < treatments_.size(); ++i) plan_packed(i, plan);
        return plan;
    }
    std::vector<PlannedTensor> dequantized() const {
        std::vector<PlannedTensor> plan;
        for (std::size_t i = 0; i < treatments_.size(); ++i) {
            const ModelTensor& tensor = model_.tensors()[i];
            plan.push_back({tensor.name, trainable_type(tensor, treatments_[i]), tensor.shape});
        }
        return plan;
    }
    /// Of the packed file.
    std::map<std::string, std::string> metadata() const {
        PackedMetadata packed{.layout = source_.layout(), .policies = source_.policies()};
        for (std::size_t i = 0; i < treatments_.size(); ++i) {
            const ModelTensor& tensor = model_.tensors()[i];
            if (treatments_[i] == Treatment::ternary)
                packed.tensors.emplace(tensor.name, source_.entry(tensor));
            else if (treatments_[i] == Treatment::int8_rows)
                packed.int8_rows.insert(tensor.name);
            else if (treatments_[i] == Treatment::unchanged)
                packed.unchanged.insert(tensor.name);
        }
        return {{std::string(packed_metadata_key), to_text(packed)}};
    }

private:
    bool is_wide(const ModelTensor& tensor) const { return wide_.contains(tensor.name); }

    Treatment treatment_of(const ModelTensor& tensor) const {
        const Treatment wanted = source_.treatment(tensor);
        if (tensor.buffer) return Treatment::unchanged;
        if (wanted != Treatment::ternary && !is_weight_type(tensor.dtype)) return Treatment::unchanged;
        if (is_wide(tensor) && wanted != Treatment::ternary && wanted != Treatment::int8_rows) return Treatment::fp32;
        return wanted;
    }

    void plan_packed(std::size_t i, std::vector<PlannedTensor>& plan) const {
        const ModelTensor& tensor = model_.tensors()[i];
        if (treatments_[i] == Treatment::ternary) {
            plan_ternary(tensor, plan);
        } else if (treatments_[i] == Treatment::int8_rows) {
            plan.push_back({int8_name(tensor.name), DType::I8, tensor.shape});
            plan.push_back({int8_scales_name(tensor.name), DType::F32, {matrix_shape(tensor.shape).rows}});
        } else {
            plan.push_back({tensor.name, treatments_[i] == Treatment::unchanged ? tensor.dtype : detail::kept_type(treatments_[i]), tensor.shape});
        }
    }

    void plan_ternary(const ModelTensor& tensor, std::vector<PlannedTensor>& plan) const {
        plan_planes(tensor.name, source_.entry(tensor), source_.layout(), is_wide(tensor) ? DType::F32 : source_.scale_type(tensor), plan);
    }

    const ModelDir& model_;
    const Source& source_;
    const WideTensors& wide_;
    std::vector<Treatment> treatments_;
};

}  // namespace bitnet::inline BITNET_ABI
