/// Files of named tensors in the safetensors format: the writer. The reader is in safetensors.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/io/file_descriptor.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors.hpp>

namespace bitnet::inline BITNET_ABI {

/// A tensor that will be written.
struct PlannedTensor {
    std::string name;
    DType dtype = DType::F32;
    Shape shape;
};

namespace detail {

/// The plan in the order of reference writers, from the most aligned type to the least, then by name, with each
/// tensor's place.
inline std::vector<TensorEntry> place_tensors(std::vector<PlannedTensor> plan, std::string_view path) {
    std::sort(plan.begin(), plan.end(), [](const PlannedTensor& a, const PlannedTensor& b) {
        return std::tie(b.dtype, a.name) < std::tie(a.dtype, b.name);
    });
    std::vector<TensorEntry> out;
    out.reserve(plan.size());
    std::size_t place = 0;
    for (PlannedTensor& tensor : plan) {
        const auto refuse = [&](const auto&... parts) {
            throw error(errc::bad_shape, message(path, ": tensor ", quote(tensor.name), ": ", parts...));
        };
        if (tensor.name == safetensors_metadata_key)
            throw error(errc::bad_value, message(path, ": no tensor can be called ", safetensors_metadata_key));
        if (tensor.shape.size() > safetensors_rank_limit)
            refuse("rank ", tensor.shape.size(), "; at most ", safetensors_rank_limit, " is written");
        const std::size_t size = tensor_size(tensor.dtype, tensor.shape, refuse);
        if (size > std::numeric_limits<std::int64_t>::max() - place) refuse("the file is longer than a file can be");
        out.push_back({std::move(tensor.name), tensor.dtype, std::move(tensor.shape), place, place + size});
        place += size;
    }
    return out;
}

/// Header and its length, as they stand in the file. Tensor data after it begins at a multiple of 8.
inline std::string safetensors_header_bytes(const std::vector<TensorEntry>& tensors,
                                            std::map<std::string, std::string> metadata, std::string_view path) {
    metadata.emplace("format", "pt");
    const auto list = [](const auto&... items) { return Json::array({Json(items)...}); };
    Json::Object members;
    members.reserve(tensors.size() + 1);
    members.emplace_back(safetensors_metadata_key, Json::object(Json::Object(metadata.begin(), metadata.end())));
    for (const TensorEntry& tensor : tensors)
        members.emplace_back(tensor.name,
                             Json::object({{"dtype", name_of(tensor.dtype)},
                                           {"shape", Json::array(Json::Array(tensor.shape.begin(), tensor.shape.end()))},
                                           {"data_offsets", list(tensor.begin, tensor.end)}}));
    std::string text;
    try {
        text = to_text(Json::object(std::move(members)), -1);
    } catch (const error& problem) {  // a repeated name, or one that is not UTF-8
        throw error(problem.code(), message(path, ": header: ", problem.what()));
    }
    text.resize((text.size() + 7) / 8 * 8, ' ');
    if (text.size() > safetensors_header_limit)
        throw error(errc::bad_value, message(path, ": a header of ", text.size(), " bytes; at most ",
                                             safetensors_header_limit, " are allowed"));
    std::string length;
    for (int shift = 0; shift < 64; shift += 8) length += static_cast<char>(text.size() >> shift & 0xff);
    return length + text;
}

}  // namespace detail

/// Bytes of the file that SafetensorsWriter makes of this plan, without making it.
///
/// Errors  those of SafetensorsWriter that a plan alone can cause
inline std::size_t safetensors_file_size(std::vector<PlannedTensor> plan, std::map<std::string, std::string> metadata = {}) {
    constexpr std::string_view place = "a file that is planned";
    const std::vector<TensorEntry> tensors = detail::place_tensors(std::move(plan), place);
    const std::size_t header = detail::safetensors_header_bytes(tensors, std::move(metadata), place).size();
    return header + (tensors.empty() ? 0 : tensors.back().end);
}

/// Writes a safetensors file whose tensors are all known by name, type and shape beforehand, in any order and in
/// pieces; then finish(). Without finish() the file is left as it is, incomplete: write into an AtomicDirectory.
///
/// write() may be called from several threads at once. Metadata gets "format":"pt" unless it has a "format".
///
/// Errors  errc::exists when there is a file of that name already; errc::bad_value for repeated, reserved or not UTF-8
///         names; errc::bad_shape for sizes that overflow or do not fill whole bytes; errc::io, with path and reason,
///         when the system refuses: a full disk is found out here where the file system can reserve space
class SafetensorsWriter {
public:
    SafetensorsWriter(std::filesystem::path path, std::vector<PlannedTensor> plan,
                      std::map<std::string, std::string> metadata = {})
        : path_(std::move(path)), tensors_(detail::place_tensors(std::move(plan), path_.string())) {
        const std::string header = detail::safetensors_header_bytes(tensors_, std::move(metadata), path_.string());
        data_begin_ = header.size();
        file_size_ = data_begin_ + (tensors_.empty() ? 0 : tensors_.back().end);
        written_ = std::vector<std::atomic<std::size_t>>(tensors_.size());
        index_.reserve(tensors_.size());
        for (std::size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
        file_ = open_file(path_, O_WRONLY | O_CREAT | O_EXCL);
        if (!file_.is_open() && errno == EEXIST)
            throw error(errc::exists, message(path_.string(), ": exists already"));
        if (!file_.is_open()) throw_io_error(path_, "create", errno);
        reserve_space();
        write_at(file_, 0, std::as_bytes(std::span(header)), path_);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    /// Of the finished file, in bytes.
    std::size_t file_size() const noexcept { return file_size_; }
    /// In the order of their bytes in the file.
    const std::vector<TensorEntry>& tensors() const noexcept { return tensors_; }

    /// Writes the whole tensor, row-major and little-endian.
    void write(std::string_view name, std::span<const std::byte> bytes) {
        const TensorEntry& tensor = tensors_[index_of(name)];
        if (bytes.size() != tensor.end - tensor.begin)
            throw error(errc::bad_value, message(path_.string(), ": tensor ", detail::quote(name), " takes ",
                                                 tensor.end - tensor.begin, " bytes, not ", bytes.size()));
        write(name, 0, bytes);
    }
    /// Writes the tensor's bytes from `offset` on. Every byte must be written once.
    void write(std::string_view name, std::size_t offset, std::span<const std::byte> bytes) {
        const std::size_t i = index_of(name);
        const std::size_t size = tensors_[i].end - tensors_[i].begin;
        if (offset > size || bytes.size() > size - offset)
            throw error(errc::bad_value, message(path_.string(), ": tensor ", detail::quote(name), " takes ", size,
                                                 " bytes, not ", bytes.size(), " more from ", offset));
        write_at(file_, data_begin_ + tensors_[i].begin + offset, bytes, path_);
        written_[i] += bytes.size();
    }

    /// Checks that as many bytes were written of each tensor as it has, and waits until they are on the disk.
    /// errc::bad_value names the first tensor of which bytes are missing or were written twice.
    void finish() {
        for (std::size_t i = 0; i < tensors_.size(); ++i)
            if (const std::size_t size = tensors_[i].end - tensors_[i].begin; written_[i] != size)
                throw error(errc::bad_value, message(path_.string(), ": tensor ", detail::quote(tensors_[i].name), ": ",
                                                     written_[i].load(), " bytes were written of ", size));
        sync_file(file_, path_);
        file_.close(path_);
    }

private:
    std::size_t index_of(std::string_view name) const {
        if (const auto found = index_.find(name); found != index_.end()) return found->second;
        throw error(errc::missing, message(path_.string(), ": tensor ", detail::quote(name), " is not in the plan"));
    }

    void reserve_space() {
        const auto size = static_cast<off_t>(file_size_);
        int result = 0;
        // Not posix_fallocate, which writes into every block where the file system cannot reserve.
        do result = ::fallocate(file_.number(), 0, 0, size);
        while (result != 0 && errno == EINTR);
        if (result != 0 && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)
            throw_io_error(path_, message("reserve ", file_size_, " bytes"), errno);
    }

    std::filesystem::path path_;
    std::vector<TensorEntry> tensors_;
    std::unordered_map<std::string_view, std::size_t> index_;  // views of the names in tensors_
    std::vector<std::atomic<std::size_t>> written_;
    std::size_t data_begin_ = 0;
    std::size_t file_size_ = 0;
    FileDescriptor file_;
};

}  // namespace bitnet::inline BITNET_ABI
