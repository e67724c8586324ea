/// Files of named tensors in the safetensors format: the reader. The writer is in safetensors_writer.hpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/mapped_file.hpp>

namespace bitnet::inline BITNET_ABI {

/// The format's limit on the header, and ours on the number of dimensions of one tensor.
inline constexpr std::size_t safetensors_header_limit = 100'000'000;
inline constexpr std::size_t safetensors_rank_limit = 64;
inline constexpr std::string_view safetensors_metadata_key = "__metadata__";

/// One tensor of a file. [begin, end) are its bytes, counted from the first byte of tensor data as in the header.
struct TensorEntry {
    std::string name;
    DType dtype = DType::F32;
    Shape shape;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool operator==(const TensorEntry&) const = default;
};

/// What the header of a file says, once it has been found to be true of the file.
struct SafetensorsHeader {
    std::vector<TensorEntry> tensors;             ///< by begin; each begins where the one before it ends
    std::map<std::string, std::string> metadata;  ///< of "__metadata__", empty when there is none
    std::size_t data_begin = 0;                   ///< where tensor data begins in the file
};

namespace detail {

/// Bytes of a tensor, product(shape)·bits/8. Calls refuse(parts of a message...), which must throw, when the bits do
/// not fit a size_t, as they are multiplied from left to right, or do not fill whole bytes.
template <class Refuse>
std::size_t tensor_size(DType dtype, const Shape& shape, const Refuse& refuse) {
    constexpr std::size_t largest = std::numeric_limits<std::size_t>::max();
    std::size_t bits = 1;
    for (const std::size_t extent : shape) {
        if (extent != 0 && bits > largest / extent)
            refuse("shape ", to_string(shape), " has more elements than a size_t can count");
        bits *= extent;
    }
    if (bits > largest / bits_of(dtype))
        refuse(name_of(dtype), " of shape ", to_string(shape), " has more bits than a size_t can count");
    bits *= bits_of(dtype);
    if (bits % 8 != 0)
        refuse(name_of(dtype), " of shape ", to_string(shape), " takes ", bits, " bits, which do not fill whole bytes");
    return bits / 8;
}

/// Checks a header and says what is wrong with it: "<path>: tensor "x": ...", always errc::bad_file.
class SafetensorsHeaderReader {
public:
    SafetensorsHeaderReader(std::span<const std::byte> file, std::string_view path) : file_(file), path_(path) {}

    SafetensorsHeader read() const {
        const std::string_view text = header_text();
        SafetensorsHeader out;
        out.data_begin = 8 + text.size();
        const std::size_t first = text.find_first_not_of(" \t\r\n");
        if (first == text.npos || text[first] != '{') refuse("the header is not a JSON object");
        const Json header = parse_json(text, message(path_, ": header"));
        out.tensors.reserve(header.as_object().size());
        for (const auto& [name, value] : header.as_object()) {
            if (name == safetensors_metadata_key)
                out.metadata = read_metadata(value);
            else
                out.tensors.push_back(read_entry(name, value));
        }
        check_places(out.tensors);
        const std::size_t end = out.tensors.empty() ? 0 : out.tensors.back().end;
        if (const std::size_t data = file_.size() - out.data_begin; data != end)
            refuse("the header describes ", end, " bytes of tensors, but ", data, " follow it");
        return out;
    }

private:
    template <class... Parts>
    [[noreturn]] void refuse(const Parts&... parts) const {
        throw error(errc::bad_file, message(path_, ": ", parts...));
    }
    template <class... Parts>
    [[noreturn]] void refuse_tensor(std::string_view name, const Parts&... parts) const {
        refuse("tensor ", quote(name), ": ", parts...);
    }

    std::string_view header_text() const {
        if (file_.size() < 8)
            refuse(file_.size(), " bytes, but a safetensors file begins with the 8 bytes of its header's length");
        std::uint64_t length = 0;
        for (std::size_t i = 8; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(file_[i]);
        if (length > safetensors_header_limit)
            refuse("a header of ", length, " bytes; at most ", safetensors_header_limit, " are allowed");
        if (length > file_.size() - 8)
            refuse("a header of ", length, " bytes reaches beyond the end of this file of ", file_.size());
        return {reinterpret_cast<const char*>(file_.data()) + 8, static_cast<std::size_t>(length)};
    }

    std::map<std::string, std::string> read_metadata(const Json& value) const {
        if (!value.is_object()) refuse(safetensors_metadata_key, ": expected an object, found ", value.description());
        std::map<std::string, std::string> out;
        for (const auto& [key, text] : value.as_object()) {
            if (!text.is_string())
                refuse(safetensors_metadata_key, ": ", quote(key), ": expected a string, found ", text.description());
            out.emplace(key, text.as_string());
        }
        return out;
    }

    TensorEntry read_entry(const std::string& name, const Json& value) const {
        if (!value.is_object()) refuse_tensor(name, "expected an object, found ", value.description());
        TensorEntry out;
        out.name = name;
        const Json& dtype = field(name, value, "dtype");
        if (!dtype.is_string()) refuse_tensor(name, "dtype: expected a string, found ", dtype.description());
        const auto type = dtype_named(dtype.as_string());
        if (!type) refuse_tensor(name, "unknown dtype ", quote(dtype.as_string()));
        out.dtype = *type;
        out.shape = sizes(name, value, "shape");
        if (out.shape.size() > safetensors_rank_limit)
            refuse_tensor(name, "rank ", out.shape.size(), "; at most ", safetensors_rank_limit, " is read");
        const Shape offsets = sizes(name, value, "data_offsets");
        if (offsets.size() != 2) refuse_tensor(name, "data_offsets: expected 2 integers, found ", offsets.size());
        out.begin = offsets[0];
        out.end = offsets[1];
        return out;
    }

    const Json& field(std::string_view name, const Json& entry, std::string_view key) const {
        if (const Json* found = entry.find(key)) return *found;
        refuse_tensor(name, key, " is missing");
    }

    Shape sizes(std::string_view name, const Json& entry, std::string_view key) const {
        const Json& list = field(name, entry, key);
        if (!list.is_array()) refuse_tensor(name, key, ": expected an array, found ", list.description());
        Shape out;
        out.reserve(list.as_array().size());
        for (const Json& item : list.as_array()) {
            if (!item.is_integer() || item.as_double() < 0)
                refuse_tensor(name, key, ": expected an unsigned integer, found ", item.description());
            out.push_back(item.as_unsigned());
        }
        return out;
    }

    /// Sorts by place and demands that the tensors lie one behind the other, each as large as its shape says.
    void check_places(std::vector<TensorEntry>& tensors) const {
        // Equal places are tensors without elements, which keep the header's order.
        std::stable_sort(tensors.begin(), tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
            return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
        });
        std::size_t place = 0;
        for (const TensorEntry& tensor : tensors) {
            if (tensor.end < tensor.begin)
                refuse_tensor(tensor.name, "ends at ", tensor.end, ", before it begins at ", tensor.begin);
            if (tensor.begin > place)
                refuse_tensor(tensor.name, "begins at ", tensor.begin, " and leaves a hole behind ", place);
            if (tensor.begin < place)
                refuse_tensor(tensor.name, "begins at ", tensor.begin, " and overlaps the tensor that ends at ", place);
            const std::size_t size = tensor_size(tensor.dtype, tensor.shape, [&](const auto&... parts) {
                refuse_tensor(tensor.name, parts...);
            });
            if (tensor.end - tensor.begin != size)
                refuse_tensor(tensor.name, name_of(tensor.dtype), " of shape ", to_string(tensor.shape), " takes ", size,
                              " bytes, but data_offsets hold ", tensor.end - tensor.begin);
            place = tensor.end;
        }
    }

    std::span<const std::byte> file_;
    std::string_view path_;
};

}  // namespace detail

/// Reads and checks the header of a whole safetensors file in memory; tensor data is not looked at. `path` begins
/// every error.
///
/// Refused, always as errc::bad_file: a header of more than safetensors_header_limit bytes or beyond the end, not
/// UTF-8 or not JSON, repeated names or fields, a missing or mistyped field, an unknown dtype, a rank above
/// safetensors_rank_limit, tensors that leave a hole, overlap, or are not of the size that dtype and shape say, sizes
/// that overflow, a file that is longer or shorter than its tensors. Allowed: white space around the header, any
/// alignment, fields of other names, tensors without elements.
inline SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, std::string_view path) {
    return detail::SafetensorsHeaderReader(file, path).read();
}

/// A safetensors file, mapped into memory; nothing but the header is read before somebody looks at a tensor.
///
/// Move-only; entries and views stay valid when the object moves. const calls are safe from several threads.
///
/// Errors  as MappedFile and parse_safetensors_header
class SafetensorsFile {
public:
    explicit SafetensorsFile(std::filesystem::path path)
        : path_(std::move(path)),
          file_(path_),
          header_(parse_safetensors_header(file_.bytes(), path_.string())),
          by_name_(header_.tensors.size()) {
        std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
        std::sort(by_name_.begin(), by_name_.end(),
                  [this](std::size_t a, std::size_t b) { return tensors()[a].name < tensors()[b].name; });
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    /// In the order of their bytes in the file.
    const std::vector<TensorEntry>& tensors() const noexcept { return header_.tensors; }
    const std::map<std::string, std::string>& metadata() const noexcept { return header_.metadata; }

    /// The tensor of that name, or null.
    const TensorEntry* find(std::string_view name) const noexcept {
        const auto found = std::lower_bound(
            by_name_.begin(), by_name_.end(), name,
            [this](std::size_t i, std::string_view wanted) { return tensors()[i].name < wanted; });
        return found != by_name_.end() && tensors()[*found].name == name ? &tensors()[*found] : nullptr;
    }
    /// The tensor of that name; errc::missing names file and tensor when it is not there.
    const TensorEntry& at(std::string_view name) const {
        if (const TensorEntry* found = find(name)) return *found;
        throw error(errc::missing, message(path_.string(), ": no tensor ", detail::quote(name)));
    }

    /// The tensor's bytes where the file is mapped, and its name where `entry`, one of tensors(), holds it.
    TensorView view(const TensorEntry& entry) const {
        return {entry.name, entry.dtype, entry.shape,
                file_.bytes().subspan(header_.data_begin + entry.begin, entry.end - entry.begin)};
    }

    /// Says that a tensor, or its bytes [begin, end), are not needed soon: see MappedFile::release.
    void release(const TensorEntry& entry) const noexcept { release(entry, 0, entry.end - entry.begin); }
    void release(const TensorEntry& entry, std::size_t begin, std::size_t end) const noexcept {
        file_.release(header_.data_begin + entry.begin + begin, end - begin);
    }

private:
    std::filesystem::path path_;
    MappedFile file_;
    SafetensorsHeader header_;
    std::vector<std::size_t> by_name_;
};

}  // namespace bitnet::inline BITNET_ABI
