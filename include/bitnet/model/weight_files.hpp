/// The files that hold a model's weights: one file, or shards and the index that says what is in which.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors.hpp>
#include <bitnet/io/torch_file.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view weights_file_name = "model.safetensors";
inline constexpr std::string_view weights_index_name = "model.safetensors.index.json";

inline constexpr std::string_view torch_weights_file_name = "pytorch_model.bin";
inline constexpr std::string_view torch_weights_index_name = "pytorch_model.bin.index.json";

/// A file of weights of either format: torch.save's when its name ends in .bin, .pt, .pth or .ckpt, else safetensors.
///
/// A view is the tensor's bytes in the mapped file. Those of a torch.save file may lie there in another order, as after a
/// transposition; they are gathered at the first view and held until the whole tensor is released or this ends.
///
/// Move-only; entries and views stay valid when the object moves. const calls are safe from several threads, but none may
/// use a gathered view that another releases.
/// Errors  as SafetensorsFile and TorchFile
class WeightFile {
public:
    explicit WeightFile(const std::filesystem::path& path) : file_(open(path)) {}

    const std::filesystem::path& path() const {
        return std::visit([](const auto& file) -> decltype(auto) { return file.path(); }, file_);
    }
    /// In the order of the file.
    const std::vector<TensorEntry>& tensors() const {
        return std::visit([](const auto& file) -> decltype(auto) { return file.tensors(); }, file_);
    }
    /// What the file holds beside the tensors, one line each.
    std::vector<std::string> notes() const {
        const auto* const torch = std::get_if<TorchFile>(&file_);
        return torch != nullptr ? torch->notes() : std::vector<std::string>{};
    }
    /// The tensor of that name, or null.
    const TensorEntry* find(std::string_view name) const {
        return std::visit([name](const auto& file) { return file.find(name); }, file_);
    }

    /// `entry` is one of tensors(), here and below.
    TensorView view(const TensorEntry& entry) const {
        if (const auto* const file = std::get_if<SafetensorsFile>(&file_)) return file->view(entry);
        const auto& file = std::get<TorchFile>(file_);
        if (std::vector<std::byte> unused; file.contiguous(entry)) return file.view(entry, unused);
        const std::scoped_lock lock(gathered_->mutex);
        auto found = gathered_->tensors.find(&entry);
        if (found == gathered_->tensors.end()) {
            std::vector<std::byte> bytes;
            file.view(entry, bytes);
            found = gathered_->tensors.emplace(&entry, std::move(bytes)).first;
        }
        return {entry.name, entry.dtype, entry.shape, found->second};
    }
    /// Says that a tensor, or the bytes [begin, end) of its view, are not needed soon.
    void release(const TensorEntry& entry) const {
        std::visit([&](const auto& file) { file.release(entry); }, file_);
        const std::scoped_lock lock(gathered_->mutex);
        gathered_->tensors.erase(&entry);
    }
    void release(const TensorEntry& entry, std::size_t begin, std::size_t end) const {
        std::visit([&](const auto& file) { file.release(entry, begin, end); }, file_);
    }

private:
    using File = std::variant<SafetensorsFile, TorchFile>;
    struct Gathered {
        std::mutex mutex;
        std::map<const TensorEntry*, std::vector<std::byte>> tensors;
    };

    static File open(const std::filesystem::path& path) {
        const std::filesystem::path kind = path.extension();
        if (kind == ".bin" || kind == ".pt" || kind == ".pth" || kind == ".ckpt") return File(std::in_place_type<TorchFile>, path);
        return File(std::in_place_type<SafetensorsFile>, path);
    }

    File file_;
    std::unique_ptr<Gathered> gathered_ = std::make_unique<Gathered>();  // stays where it is when this moves
};

/// Opens all weights of a model. Of a directory the first of these that is there: `model.safetensors`, the shards that
/// `model.safetensors.index.json` names, `pytorch_model.bin`, the shards that `pytorch_model.bin.index.json` names; or one
/// file, if the path is one. No tensor data is read.
///
/// Errors  errc::missing when there are no weights, a shard is not there or lacks a tensor of the index; errc::bad_file
///         when the index is damaged, names a file outside the directory, or does not name a tensor that a shard holds;
///         those of WeightFile
class WeightFiles {
public:
    explicit WeightFiles(const std::filesystem::path& path) : path_(path) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(path, ignored)) {
            files_.emplace_back(path_);
            return;
        }
        for (const auto& [file, index] : {std::pair(weights_file_name, weights_index_name),
                                          std::pair(torch_weights_file_name, torch_weights_index_name)}) {
            if (std::filesystem::exists(path_ = path / file, ignored)) {
                files_.emplace_back(path_);
                return;
            }
            if (std::filesystem::exists(path_ = path / index, ignored)) {
                open_shards(path);
                return;
            }
        }
        throw error(errc::missing, message(path.string(), ": no weights: none of ", weights_file_name, ", ", weights_index_name,
                                           ", ", torch_weights_file_name, ", ", torch_weights_index_name));
    }

    /// The one file, or the index: what an error about the weights as a whole begins with.
    const std::filesystem::path& path() const noexcept { return path_; }
    /// Shards by name.
    const std::vector<WeightFile>& files() const noexcept { return files_; }

private:
    template <class... Parts>
    [[noreturn]] void refuse_index(errc code, const Parts&... parts) const {
        throw error(code, message(path_.string(), ": ", parts...));
    }

    void open_shards(const std::filesystem::path& directory) {
        const Json index = read_json_file(path_);
        const Json& weight_map = index.at("weight_map", path_.string());
        const std::string where = message(path_.string(), ": weight_map");
        std::unordered_map<std::string_view, std::string_view> shard_of;
        std::map<std::string_view, std::string_view> shards;  // and a tensor of each, for errors
        for (const auto& [tensor, file] : weight_map.as_object(where)) {
            shard_of.emplace(tensor, file.as_string(where));
            shards.emplace(file.as_string(where), tensor);
        }
        for (const auto& [name, tensor] : shards) open_shard(directory, name, tensor);
        std::size_t held = 0;
        for (const WeightFile& file : files_) {
            const std::string name = file.path().filename().string();
            for (const TensorEntry& entry : file.tensors()) {
                const auto found = shard_of.find(entry.name);
                if (found == shard_of.end() || found->second != name)
                    refuse_index(errc::bad_file, name, " holds tensor ", detail::quote(entry.name),
                                 ", which the index does not place there");
                ++held;
            }
        }
        if (held != shard_of.size()) refuse_absent(weight_map);
    }

    void open_shard(const std::filesystem::path& directory, std::string_view name, std::string_view tensor) {
        constexpr std::string_view separators("/\\\0", 3);
        if (name.empty() || name == "." || name == ".." || name.find_first_of(separators) != name.npos)
            refuse_index(errc::bad_file, detail::quote(name), " is not the name of a file in this directory");
        const std::filesystem::path path = directory / name;
        std::error_code ignored;
        if (!std::filesystem::exists(path, ignored))
            refuse_index(errc::missing, "shard ", name, " is missing; it should hold ", detail::quote(tensor));
        files_.emplace_back(path);
    }

    /// Only reached when the index names a tensor that its shard does not hold.
    [[noreturn]] void refuse_absent(const Json& weight_map) const {
        for (const auto& [tensor, shard] : weight_map.as_object())
            for (const WeightFile& file : files_)
                if (file.path().filename().string() == shard.as_string() && file.find(tensor) == nullptr)
                    refuse_index(errc::missing, "tensor ", detail::quote(tensor), " is not in ", shard.as_string());
        refuse_index(errc::bad_file, "weight_map does not match the shards");
    }

    std::filesystem::path path_;
    std::vector<WeightFile> files_;
};

}  // namespace bitnet::inline BITNET_ABI
