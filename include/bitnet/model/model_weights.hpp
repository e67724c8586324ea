/// The weights of a model by their canonical names, whether its directory holds dense or packed ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/compress/float_rows.hpp>
#include <bitnet/core/half_matrix.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/model/hf_bitnet.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/model/packed_model.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>

namespace bitnet::inline BITNET_ABI {

/// A weight with its outputs as rows: dense, in 32 or in 16 bits, or packed.
using AnyWeight = std::variant<Matrix<float>, HalfMatrix, TernaryPlanes>;

/// A model directory of any kind: original or dequantized (see ModelDir), packed by this library (see PackedModel) or by
/// transformers (see hf_bitnet.hpp).
/// Move-only; files are mapped as long as this lives.
///
/// Errors  those of ModelDir and PackedModel; errc::missing and errc::bad_shape where packed tensors contradict config.json
class ModelWeights {
public:
    explicit ModelWeights(const std::filesystem::path& path) : path_(path) {
        if (std::filesystem::is_directory(path / "quantized") && !std::filesystem::exists(path / config_file_name))
            throw error(errc::missing, message(path.string(), ": no ", config_file_name, " here; an output of "
                                               "compression holds two models, quantized/ and dequantized/: name one"));
        if (std::filesystem::exists(path / config_file_name)) config_ = read_model_config(path);
        if (config_.quant_method == packed_quant_method) {
            packed_.emplace(path);
            for (const PackedTensor& tensor : packed_->tensors()) packed_by_name_.emplace(tensor.name, &tensor);
            check_packed();
            tied_head_ = config_.tied_head;
        } else {
            dense_.emplace(path, ModelDirOptions{.hf_bitnet = true});
            config_ = *dense_->config();
            tied_head_ = dense_->tied_head();
            specs_ = architecture_named(config_.architecture).tensors(config_);
        }
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    const ModelConfig& config() const noexcept { return config_; }
    bool tied_head() const noexcept { return tied_head_; }
    /// Whether the files hold codes, by whomever packed.
    bool packed() const noexcept { return config_.packed_weights; }
    /// A model of the transformers library whose layers have ternary weights and always round activations to int8.
    bool hf_bitnet() const noexcept { return config_.quant_method == "bitnet"; }
    /// Whether a ternary layer computes (x·codes + b)·scale, with its bias under the scale, and not x·codes·scale + b.
    bool bias_is_scaled() const noexcept { return hf_bitnet() && packed() && config_.scale_multiplies; }

    /// A vector or a table, whatever its type in the file, as floats in the shape of the file.
    Matrix<float> dense(const std::string& name, Execution run) const {
        if (!packed_) {
            const ModelTensor& tensor = model_tensor(name);
            return tensor.packed() ? dequantized(ternary(tensor, run), run) : floats_of(tensor, run);
        }
        const PackedTensor& tensor = packed_tensor(name);
        if (tensor.kind == PackedKind::ternary) return dequantized(packed_->ternary(tensor, run), run);
        const MatrixShape shape = matrix_shape(tensor.original_shape());
        return {shape.rows, shape.cols, packed_->floats(tensor, run)};
    }
    /// The weight of a linear layer, with its outputs as rows, or an embedding's table; of 16-bit floats where they are.
    AnyWeight linear(const std::string& name, Execution run) const {
        if (packed_) {
            const PackedTensor& tensor = packed_tensor(name);
            if (tensor.kind == PackedKind::ternary) return packed_->ternary(tensor, run);
            if (const auto halves = packed_->halves(tensor)) {
                HalfMatrix out = halves_of(*halves, is_transposed(name));
                packed_->release(tensor);
                return out;
            }
            return turned(dense(name, run), is_transposed(name));
        }
        const ModelTensor& tensor = model_tensor(name);
        if (tensor.packed()) return TernaryPlanes(ternary(tensor, run));
        if (!tensor.hf_bitnet && (tensor.dtype == DType::F16 || tensor.dtype == DType::BF16)) {
            HalfMatrix halves = halves_of(dense_->view(tensor), tensor.transposed);
            dense_->release(tensor);
            return halves;
        }
        Matrix<float> weight = turned(floats_of(tensor, run), tensor.transposed);
        if (!tensor.hf_bitnet) return weight;
        const Compressor<quantizer::RoundClip, scale::PerTensor> online{quantizer::RoundClip{},
                                                                        scale::PerTensor{.storage = DType::F32}};
        const std::span<const float> values(weight.values());
        return TernaryPlanes(online.compress(TensorView{name, DType::F32, {weight.rows(), weight.cols()}, std::as_bytes(values)}, run));
    }

    /// Any weight as floats with its outputs as rows, a vector as one row: what training begins with.
    Matrix<float> oriented(const std::string& name, Execution run) const {
        const bool turn = packed_ ? packed_tensor(name).kind != PackedKind::ternary && is_transposed(name)
                                  : model_tensor(name).transposed;
        return turned(dense(name, run), turn);
    }

    /// Tensors that the architecture does not know, as they are stored; a packed layer's scales are not among them. The
    /// views live as long as this.
    std::vector<TensorView> unknown() const {
        std::vector<TensorView> out;
        if (packed_) {
            for (const PackedTensor& tensor : packed_->tensors())
                if (spec_of(tensor.name) == nullptr && tensor.scales == nullptr) {
                    out.push_back(packed_->file().view(*tensor.data));
                    out.back().name = tensor.name;
                }
        } else {
            for (const ModelTensor& tensor : dense_->tensors())
                if (tensor.role == TensorRole::unknown && spec_of(tensor.name) == nullptr && !(tensor.buffer && hf_bitnet()))
                    out.push_back(dense_->view(tensor));
        }
        return out;
    }

private:
    template <class T>
    static Matrix<T> turned(Matrix<T> stored, bool transposed) {
        if (!transposed) return stored;
        Matrix<T> out(stored.cols(), stored.rows());
        for (std::size_t r = 0; r < stored.rows(); ++r)
            for (std::size_t c = 0; c < stored.cols(); ++c) out(c, r) = stored(r, c);
        return out;
    }
    static HalfMatrix halves_of(const TensorView& view, bool transposed) {
        const MatrixShape shape = matrix_shape(view.shape);
        Matrix<std::uint16_t> bits(shape.rows, shape.cols);
        if (!view.bytes.empty()) std::memcpy(bits.data(), view.bytes.data(), view.bytes.size());
        return {view.dtype, turned(std::move(bits), transposed)};
    }
    const TensorSpec* spec_of(std::string_view name) const {
        const auto found = std::ranges::find(specs_, name, &TensorSpec::name);
        return found == specs_.end() ? nullptr : &*found;
    }
    bool is_transposed(std::string_view name) const {
        const TensorSpec* const spec = spec_of(name);
        return spec != nullptr && spec->transposed;
    }
    static Matrix<float> dequantized(const TernaryPlanes& ternary, Execution run) {
        Matrix<float> out(ternary.rows(), ternary.cols());
        put_image(ternary, out, run);
        return out;
    }
    TernaryTensor ternary(const ModelTensor& codes, Execution run) const {
        const ModelTensor& scale = model_tensor(hf_bitnet_scale_name(codes.name));
        TernaryTensor out = read_hf_bitnet(dense_->view(codes), dense_->view(scale), config_.scale_multiplies,
                                           dense_->files()[codes.file].path().string(), run);
        dense_->release(codes);
        return out;
    }
    Matrix<float> floats_of(const ModelTensor& tensor, Execution run) const {
        const FloatRows rows(dense_->view(tensor), *run.kernels);
        Matrix<float> out(rows.rows(), rows.cols());
        std::vector<float> buffer;
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const std::span<const float> row = rows.row(r, buffer);
            std::copy(row.begin(), row.end(), out.row(r).begin());
        }
        dense_->release(tensor);
        return out;
    }
    const ModelTensor& model_tensor(const std::string& name) const {
        if (const ModelTensor* const tensor = dense_->find(name)) return *tensor;
        throw error(errc::missing, message(path_.string(), ": tensor ", detail::quote(name), " is missing"));
    }
    const PackedTensor& packed_tensor(const std::string& name) const {
        const auto found = packed_by_name_.find(name);
        if (found != packed_by_name_.end()) return *found->second;
        throw error(errc::missing, message(path_.string(), ": tensor ", detail::quote(name), " is missing"));
    }
    void check_packed() {
        specs_ = architecture_named(config_.architecture).tensors(config_);
        for (const TensorSpec& spec : specs_) {
            if (spec.optional && !packed_by_name_.contains(spec.name)) continue;
            const Shape shape = packed_tensor(spec.name).original_shape();
            const bool vocabulary = spec.role == TensorRole::token_embedding || spec.role == TensorRole::lm_head;
            if (shape == spec.shape || (vocabulary && shape.size() == 2 && shape[1] == spec.shape[1])) continue;
            throw error(errc::bad_shape, message(path_.string(), ": tensor ", detail::quote(spec.name), ": shape ",
                                                 to_string(shape), ", expected ", to_string(spec.shape), " = ",
                                                 spec.extents, " of ", config_file_name));
        }
    }

    std::filesystem::path path_;
    ModelConfig config_{};
    std::optional<ModelDir> dense_{};
    std::optional<PackedModel> packed_{};
    std::map<std::string, const PackedTensor*, std::less<>> packed_by_name_{};
    std::vector<TensorSpec> specs_{};
    bool tied_head_ = false;
};

}  // namespace bitnet::inline BITNET_ABI
