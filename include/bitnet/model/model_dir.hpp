/// A model directory, checked: every tensor by its canonical name, with its role, where the files hold it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/glob.hpp>
#include <bitnet/core/role.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/io/safetensors.hpp>
#include <bitnet/model/architecture.hpp>
#include <bitnet/model/companions.hpp>
#include <bitnet/model/config.hpp>
#include <bitnet/model/hf_bitnet.hpp>
#include <bitnet/model/weight_files.hpp>

namespace bitnet::inline BITNET_ABI {

/// How to read a model that does not speak for itself.
struct ModelDirOptions {
    /// Name of an architecture to use instead of the one in config.json; "generic" needs no config.json.
    std::string architecture = {};
    /// With "generic": looked at before the default patterns, in order.
    std::vector<architecture::RolePattern> patterns = {};
    /// Also open a model whose layers transformers has packed (see hf_bitnet.hpp). Without this it is refused, as nothing
    /// is left to compress in it.
    bool hf_bitnet = false;
};

/// One tensor of a model. Dtype and shape are those of the file: a packed weight has a quarter of its rows there.
struct ModelTensor {
    std::string name;         ///< canonical: without the prefixes that only some files have
    std::string stored_name;  ///< in the file
    TensorRole role = TensorRole::unknown;
    bool transposed = false;  ///< columns are the output channels
    bool buffer = false;      ///< unknown because it is no weight: a scale, or a mask or a table of an older version
    bool hf_bitnet = false;   ///< weight of a layer that transformers makes ternary, packed when it is U8: hf_bitnet.hpp
    DType dtype = DType::F32;
    Shape shape;
    std::size_t file = 0;                ///< index into ModelDir::files()
    const TensorEntry* entry = nullptr;  ///< there

    bool packed() const noexcept { return hf_bitnet && dtype == DType::U8; }
    /// Weights, which are four a byte when packed.
    std::size_t count() const { return checked_product(element_count(shape, name), packed() ? 4 : 1, name); }
};

/// The tensors and the configuration of a model directory, or of one file of weights with architecture "generic".
/// Files are mapped and stay so as long as this lives; no tensor is read here, except both of a tied pair.
///
/// Tied embeddings are one tensor: the input embedding. If only lm_head.weight is stored, it is that tensor under its
/// canonical name; if both are and hold the same bytes, lm_head.weight is left out. If they differ, both stay and a
/// note says so. An embedding or a head with another number of rows than vocab_size, as a resized vocabulary leaves
/// them, stays with the role `unknown` and a note.
///
/// Move-only. const calls are safe from several threads.
/// Errors  those of read_model_config and WeightFiles; errc::missing for a tensor that the configuration asks for;
///         errc::bad_shape for one of another shape; errc::unsupported for compressed weights, for integers where
///         weights should be and for fused projections; errc::bad_file for one tensor under two names
class ModelDir {
public:
    explicit ModelDir(const std::filesystem::path& path, ModelDirOptions options = {})
        : path_(path), options_(std::move(options)), config_(read_config()), weights_(path) {
        if (config_)
            match_architecture();
        else
            match_patterns();
        for (const WeightFile& file : files())
            for (std::string& note : file.notes()) notes_.push_back(std::move(note));
        companions_ = bitnet::companion_files(path_);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    /// Nothing for architecture "generic".
    const std::optional<ModelConfig>& config() const noexcept { return config_; }
    const std::vector<WeightFile>& files() const noexcept { return weights_.files(); }
    /// In the order of the forward pass, then those that the architecture does not know in the order of the files.
    const std::vector<ModelTensor>& tensors() const noexcept { return tensors_; }
    /// Whether the output projection is the input embedding.
    bool tied_head() const noexcept { return tied_head_; }
    /// Names of the files to copy byte for byte beside a model that is written: tokenizer and generation settings.
    const std::vector<std::string>& companion_files() const noexcept { return companions_; }
    /// What somebody should know about this model, one line each.
    const std::vector<std::string>& notes() const noexcept { return notes_; }

    /// The tensor of that canonical name, or null.
    const ModelTensor* find(std::string_view name) const noexcept {
        const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                        [name](const ModelTensor& tensor) { return tensor.name == name; });
        return found == tensors_.end() ? nullptr : &*found;
    }
    /// Its bytes, under its canonical name. A view of a tensor that torch.save left in another order than row-major ends
    /// when the tensor is released: see WeightFile.
    TensorView view(const ModelTensor& tensor) const {
        TensorView out = files()[tensor.file].view(*tensor.entry);
        out.name = tensor.name;
        return out;
    }
    /// Says that the tensor is not needed soon, so that its pages stop counting as memory in use.
    void release(const ModelTensor& tensor) const { files()[tensor.file].release(*tensor.entry); }

    /// Elements of all tensors but buffers, tied ones once.
    std::map<TensorRole, std::size_t> parameters_by_role() const {
        std::map<TensorRole, std::size_t> out;
        for (const ModelTensor& tensor : tensors_)
            if (!tensor.buffer) out[tensor.role] += tensor.count();
        return out;
    }
    std::size_t parameter_count() const {
        std::size_t sum = 0;
        for (const auto& [role, count] : parameters_by_role()) sum += count;
        return sum;
    }
    /// What compression ratios are measured against: 4 bytes for each parameter, whatever the files hold.
    std::size_t original_bytes_fp32() const { return checked_product(parameter_count(), 4, "bytes at FP32"); }

private:
    struct Stored {
        std::size_t file = 0;
        const TensorEntry* entry = nullptr;
    };
    using StoredByName = std::map<std::string, Stored, std::less<>>;

    template <class... Parts>
    [[noreturn]] void refuse(errc code, const Parts&... parts) const {
        throw error(code, message(weights_.path().string(), ": ", parts...));
    }

    std::optional<ModelConfig> read_config() const {
        std::error_code ignored;
        if (!std::filesystem::exists(path_, ignored))
            throw error(errc::missing, message(path_.string(), ": no such file or directory"));
        if (options_.architecture == architecture::generic_name) return std::nullopt;
        if (!options_.patterns.empty())
            throw error(errc::bad_value, "role patterns need the architecture \"generic\": others know their tensors");
        if (!std::filesystem::is_directory(path_, ignored))
            throw error(errc::unsupported, message(path_.string(),
                                                   ": a file alone does not tell its architecture; give the directory "
                                                   "with its config.json, or the architecture \"generic\""));
        ModelConfig config = read_model_config(path_, options_.architecture);
        if (config.packed_weights && !(options_.hf_bitnet && config.quant_method == "bitnet"))
            throw error(errc::unsupported,
                        message((path_ / config_file_name).string(), ": quantization_config.quant_method \"",
                                config.quant_method, "\": the weights are compressed already; start from the original "
                                "or from an uncompressed copy"));
        return config;
    }

    void match_patterns() {
        for (std::size_t file = 0; file < files().size(); ++file)
            for (const TensorEntry& entry : files()[file].tensors())
                add(entry.name, {file, &entry},
                    architecture::generic_role(entry.name, entry.dtype, entry.shape, options_.patterns));
        notes_.push_back("the architecture is generic: roles come from name patterns, and nothing can be evaluated");
    }

    void match_architecture() {
        const Architecture& family = architecture_named(config_->architecture);
        StoredByName stored = stored_tensors(family);
        resolve_tied_head(family, stored);
        const std::vector<TensorSpec> specs = family.tensors(*config_);
        require_all(specs, stored);
        for (const TensorSpec& spec : specs) {
            const auto found = stored.find(spec.name);
            if (found == stored.end()) continue;
            const bool ternary = is_hf_bitnet_layer(*config_, spec);
            if (ternary && config_->packed_weights) {
                add_packed(spec, found->second, stored);
            } else {
                ModelTensor& tensor = add(spec.name, found->second, checked_role(spec, *found->second.entry));
                tensor.transposed = spec.transposed;
                tensor.hf_bitnet = ternary;
            }
            stored.erase(found);
        }
        note_packed();
        add_unknown(family, stored);
    }

    /// A packed weight and, taken out of `stored`, its scale.
    void add_packed(const TensorSpec& spec, Stored codes, StoredByName& stored) {
        const auto scale = stored.find(hf_bitnet_scale_name(spec.name));
        const std::string file = files()[codes.file].path().string();
        if (scale == stored.end())
            refuse(errc::missing, "tensor ", detail::quote(hf_bitnet_scale_name(spec.name)), ", the scale of the packed ",
                   detail::quote(spec.name), ", is missing");
        check_hf_bitnet(*codes.entry, *scale->second.entry, spec.shape, message(spec.extents, " of ", config_file_name), file);
        add(spec.name, codes, spec.role).hf_bitnet = true;
        add(scale->first, scale->second, TensorRole::unknown).buffer = true;
        stored.erase(scale);
    }

    void note_packed() {
        const auto count = std::count_if(tensors_.begin(), tensors_.end(),
                                         [](const ModelTensor& tensor) { return tensor.packed(); });
        if (count > 0)
            notes_.push_back(message(count, " matrices are ternary, packed four rows a byte; their scales ",
                                     config_->scale_multiplies ? "multiply" : "divide"));
    }

    ModelTensor& add(std::string name, Stored stored, TensorRole role) {
        tensors_.push_back({.name = std::move(name),
                            .stored_name = stored.entry->name,
                            .role = role,
                            .dtype = stored.entry->dtype,
                            .shape = stored.entry->shape,
                            .file = stored.file,
                            .entry = stored.entry});
        return tensors_.back();
    }

    StoredByName stored_tensors(const Architecture& family) const {
        StoredByName out;
        for (std::size_t file = 0; file < files().size(); ++file)
            for (const TensorEntry& entry : files()[file].tensors()) {
                std::string_view name = entry.name;
                if (name.starts_with(family.optional_prefix)) name.remove_prefix(family.optional_prefix.size());
                if (!out.emplace(name, Stored{file, &entry}).second)
                    refuse(errc::bad_file, "tensor ", detail::quote(name), " is stored with and without \"",
                           family.optional_prefix, "\" in front");
                for (const std::string_view fused : {"*.qkv_proj.*", "*.gate_up_proj.*"})
                    if (glob_match(fused, name))
                        refuse(errc::unsupported, "tensor ", detail::quote(name), ": fused projections are not of ",
                               family.class_name);
            }
        return out;
    }

    /// Leaves in `stored` what will be tensors of the model.
    void resolve_tied_head(const Architecture& family, StoredByName& stored) {
        const auto head = stored.find(lm_head_name);
        if (!config_->tied_head) {
            if (head == stored.end())
                refuse(errc::missing, "tensor \"", lm_head_name, "\" is missing and tie_word_embeddings is false in ",
                       config_file_name);
            return;
        }
        tied_head_ = true;
        if (head == stored.end()) return;
        const auto embedding = stored.find(family.token_embedding);
        if (embedding == stored.end()) {
            notes_.push_back(message(family.token_embedding, " is tied and stored as ", lm_head_name));
            stored.emplace(family.token_embedding, head->second);
        } else if (same_bytes(head->second, embedding->second)) {
            notes_.push_back(message(lm_head_name, " is tied and equal to ", family.token_embedding, ": left out"));
        } else {
            notes_.push_back(message("tie_word_embeddings is true, but ", lm_head_name, " differs from ",
                                     family.token_embedding, ": both are kept, as untied"));
            tied_head_ = false;
            return;
        }
        stored.erase(head);
    }

    bool same_bytes(const Stored& a, const Stored& b) const {
        const WeightFile &file_a = files()[a.file], &file_b = files()[b.file];
        const TensorView x = file_a.view(*a.entry), y = file_b.view(*b.entry);
        const bool same = x.dtype == y.dtype && x.shape == y.shape &&
                          std::equal(x.bytes.begin(), x.bytes.end(), y.bytes.begin(), y.bytes.end());
        file_a.release(*a.entry);
        file_b.release(*b.entry);
        return same;
    }

    void require_all(const std::vector<TensorSpec>& specs, const StoredByName& stored) const {
        const TensorSpec* first = nullptr;
        std::size_t count = 0;
        for (const TensorSpec& spec : specs) {
            if (spec.optional || stored.contains(spec.name)) continue;
            if (first == nullptr) first = &spec;
            ++count;
        }
        if (first == nullptr) return;
        refuse(errc::missing, "tensor \"", first->name, "\" ", first->extents, " is missing",
               count > 1 ? message(", as are ", count - 1, " more") : "", "; ", config_file_name, " asks for ",
               config_->class_name, " with ", config_->layers, " layers");
    }

    TensorRole checked_role(const TensorSpec& spec, const TensorEntry& entry) {
        if (!is_weight_type(entry.dtype))
            refuse(errc::unsupported, "tensor \"", entry.name, "\": stored as ", name_of(entry.dtype),
                   "; weights are F16, BF16, F32 or F64");
        if (entry.shape == spec.shape) return spec.role;
        const bool vocabulary = spec.role == TensorRole::token_embedding || spec.role == TensorRole::lm_head;
        if (!vocabulary || entry.shape.size() != 2 || entry.shape[0] == 0 || entry.shape[1] != spec.shape[1])
            refuse(errc::bad_shape, "tensor \"", entry.name, "\": shape ", to_string(entry.shape), ", expected ",
                   to_string(spec.shape), " = ", spec.extents, " of ", config_file_name);
        notes_.push_back(message(spec.name, ": ", entry.shape[0], " rows where vocab_size is ", spec.shape[0],
                                 ": a resized vocabulary, kept byte for byte"));
        return TensorRole::unknown;
    }

    void add_unknown(const Architecture& family, const StoredByName& stored) {
        std::vector<const StoredByName::value_type*> rest;
        for (const auto& item : stored) rest.push_back(&item);
        std::sort(rest.begin(), rest.end(), [](const auto* a, const auto* b) {
            return std::pair(a->second.file, a->second.entry) < std::pair(b->second.file, b->second.entry);
        });
        std::string names;
        std::size_t count = 0;
        for (const auto* item : rest) {
            ModelTensor& tensor = add(item->first, item->second, TensorRole::unknown);
            for (const std::string_view pattern : family.buffers)
                tensor.buffer = tensor.buffer || (!pattern.empty() && glob_match(pattern, tensor.name));
            if (!tensor.buffer && ++count <= 8) names += message(count == 1 ? "" : ", ", detail::quote(tensor.name));
        }
        if (count > 8) names += message(" and ", count - 8, " more");
        if (count > 0)
            notes_.push_back(message(count, count == 1 ? " tensor is" : " tensors are", " not of ", config_->class_name,
                                     " and kept byte for byte: ", names));
    }

    std::filesystem::path path_;
    ModelDirOptions options_;
    std::optional<ModelConfig> config_;
    WeightFiles weights_;
    std::vector<ModelTensor> tensors_;
    std::vector<std::string> notes_;
    std::vector<std::string> companions_;
    bool tied_head_ = false;
};

}  // namespace bitnet::inline BITNET_ABI
