/// The safetensors files of a model directory: one file, or shards and the index that says what is in which.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view weights_file_name = "model.safetensors";
inline constexpr std::string_view weights_index_name = "model.safetensors.index.json";

/// Opens all weights of a model: `model.safetensors` in a directory, else the shards that
/// `model.safetensors.index.json` names; or one file, if the path is one. No tensor data is read.
///
/// Errors  errc::missing when there are no weights, a shard is not there or lacks a tensor of the index;
///         errc::unsupported when the weights are in another format; errc::bad_file when the index is damaged, names a
///         file outside the directory, or does not name a tensor that a shard holds
class WeightFiles {
public:
    explicit WeightFiles(const std::filesystem::path& path) : path_(path) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(path, ignored)) {
            files_.emplace_back(path_);
        } else if (std::filesystem::exists(path / weights_file_name, ignored)) {
            path_ = path / weights_file_name;
            files_.emplace_back(path_);
        } else if (std::filesystem::exists(path / weights_index_name, ignored)) {
            path_ = path / weights_index_name;
            open_shards(path);
        } else {
            refuse_directory(path);
        }
    }

    /// The one file, or the index: what an error about the weights as a whole begins with.
    const std::filesystem::path& path() const noexcept { return path_; }
    /// Shards by name.
    const std::vector<SafetensorsFile>& files() const noexcept { return files_; }

private:
    [[noreturn]] static void refuse_directory(const std::filesystem::path& directory) {
        std::error_code ignored;
        for (const std::string_view other : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
            if (std::filesystem::exists(directory / other, ignored))
                throw error(errc::unsupported, message((directory / other).string(), " is not supported yet; convert "
                                                       "the model to safetensors"));
        throw error(errc::missing, message(directory.string(), ": no weights: neither ", weights_file_name, " nor ",
                                           weights_index_name));
    }

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
        for (const SafetensorsFile& file : files_) {
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
            for (const SafetensorsFile& file : files_)
                if (file.path().filename().string() == shard.as_string() && file.find(tensor) == nullptr)
                    refuse_index(errc::missing, "tensor ", detail::quote(tensor), " is not in ", shard.as_string());
        refuse_index(errc::bad_file, "weight_map does not match the shards");
    }

    std::filesystem::path path_;
    std::vector<SafetensorsFile> files_;
};

}  // namespace bitnet::inline BITNET_ABI
