/// Pickles, ZIP archives and files of torch.save, byte by byte, so that a test can make each of their faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/io/zip_archive.hpp>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

namespace bitnet_test {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The `size` lowest bytes of a number, the lowest first.
inline std::string little(std::uint64_t value, std::size_t size) {
    std::string out;
    for (; size > 0; --size, value >>= 8) out += static_cast<char>(value & 0xff);
    return out;
}

// Operations of pickles.
inline std::string pickled(std::string_view body) { return "\x80\x02" + std::string(body) + "."; }
inline std::string text_op(std::string_view text) { return "X" + little(text.size(), 4) + std::string(text); }
inline std::string int_op(std::uint64_t value) {
    if (value < 0x100) return "K" + little(value, 1);
    if (value < 0x80000000u) return "J" + little(value, 4);
    return "\x8a\x08" + little(value, 8);
}
inline std::string global_op(std::string_view module, std::string_view name) {
    return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string tuple_op(std::span<const std::size_t> values) {
    std::string out = "(";
    for (const std::size_t value : values) out += int_op(value);
    return out + "t";
}
inline const std::string ordered_dict_op = global_op("collections", "OrderedDict") + ")R";

inline std::string storage_op(std::string_view type, std::string_view key, std::uint64_t elements, std::string_view last = "") {
    const std::string_view module = type == "UntypedStorage" ? "torch.storage" : "torch";
    return "(" + text_op("storage") + global_op(module, type) + text_op(key) + text_op("cpu") + int_op(elements) +
           std::string(last) + "tQ";
}
inline std::string tensor_op(const std::string& storage, std::uint64_t offset, const bitnet::Shape& shape,
                             const std::vector<std::size_t>& strides, std::string_view flags = "") {
    return global_op("torch._utils", "_rebuild_tensor_v2") + "(" + storage + int_op(offset) + tuple_op(shape) + tuple_op(strides) +
           "\x89" + ordered_dict_op + std::string(flags) + "tR";
}
/// A tensor of F32 that is all of its storage.
inline std::string whole_op(std::string_view key, const bitnet::Shape& shape) {
    std::vector<std::size_t> strides(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    return tensor_op(storage_op("FloatStorage", key, bitnet::element_count(shape)), 0, shape, strides);
}
/// A dictionary of names and values.
inline std::string dict_op(const std::vector<std::pair<std::string, std::string>>& items) {
    std::string out = "}(";
    for (const auto& [name, value] : items) out += text_op(name) + value;
    return out + "u";
}

/// A ZIP archive as it is written; what lies in its records can be damaged by offsets from where they begin.
class ZipWriter {
public:
    struct Member {
        std::string name, bytes;
        std::uint16_t method = 0, flags = 0x0808, padding = 0;  ///< as torch: sizes follow the data, names are UTF-8
        bool crc = true;
        std::string directory_extra = {};        ///< of the entry in the directory
        std::uint32_t size = 0, stored_size = 0;  ///< there, when they are not those of `bytes`
    };
    std::vector<Member> members;
    bool zip64 = true;
    std::string comment = {};

    void add(std::string name, std::string bytes) { members.push_back({.name = std::move(name), .bytes = std::move(bytes)}); }
    Member& operator[](std::string_view name) {
        for (Member& member : members)
            if (member.name == name) return member;
        throw std::out_of_range(std::string(name));
    }

    std::string text() const {
        std::string out, directory;
        for (const Member& member : members) {
            const std::size_t begin = out.size();
            out += local_header(member) + member.bytes;
            if ((member.flags & 8) != 0) out += "PK\x07\x08" + little(bitnet::crc32_ieee(bytes_of(member.bytes)), 4) + sizes(member);
            directory += entry(member, begin);
        }
        const std::size_t begin = out.size(), count = members.size();
        out += directory;
        if (zip64)
            out += "PK\x06\x06" + little(44, 8) + little(0x2d001e, 4) + little(0, 8) + little(count, 8) + little(count, 8) +
                   little(directory.size(), 8) + little(begin, 8) + "PK\x06\x07" + little(0, 4) + little(begin + directory.size(), 8) +
                   little(1, 4);
        return out + "PK\x05\x06" + little(0, 4) + little(count, 2) + little(count, 2) + little(directory.size(), 4) +
               little(begin, 4) + little(comment.size(), 2) + comment;
    }

private:
    static std::string sizes(const Member& member) { return little(member.bytes.size(), 4) + little(member.bytes.size(), 4); }
    /// Method and date behind the flags, then zeros for what follows the data, and the padding in an extra field.
    static std::string local_header(const Member& member) {
        std::string out = "PK\x03\x04" + little(0, 2) + little(member.flags, 2) + little(member.method, 2) + little(0, 4);
        if ((member.flags & 8) != 0)
            out += little(0, 12);
        else
            out += little(bitnet::crc32_ieee(bytes_of(member.bytes)), 4) + sizes(member);
        out += little(member.name.size(), 2) + little(member.padding == 0 ? 0 : member.padding + 4u, 2) + member.name;
        return member.padding == 0 ? out : out + "FB" + little(member.padding, 2) + std::string(member.padding, 'Z');
    }
    static std::string entry(const Member& member, std::size_t begin) {
        const std::uint64_t size = member.size != 0 ? member.size : member.bytes.size();
        const std::uint64_t stored = member.stored_size != 0 ? member.stored_size : size;
        return "PK\x01\x02" + little(0, 4) + little(member.flags, 2) + little(member.method, 2) + little(0, 4) +
               little(member.crc ? bitnet::crc32_ieee(bytes_of(member.bytes)) : 0, 4) + little(stored, 4) + little(size, 4) +
               little(member.name.size(), 2) + little(member.directory_extra.size(), 2) + little(0, 10) + little(begin, 4) +
               member.name + member.directory_extra;
    }
};

/// A file of torch.save: this pickle, and these storages under their keys.
inline ZipWriter torch_archive(std::string pickle, const std::vector<std::pair<std::string, std::string>>& storages,
                               const std::string& top = "archive/") {
    ZipWriter out;
    out.add(top + "data.pkl", std::move(pickle));
    out.add(top + "byteorder", "little");
    for (const auto& [key, bytes] : storages) {
        out.add(top + "data/" + key, bytes);
        out.members.back().padding = 7;
    }
    out.add(top + "version", "3\n");
    return out;
}

/// Creates a file of torch.save or replaces it. Matrices whose name is in `turned` lie there by columns, as t() leaves them.
inline void write_torch_weights(const std::filesystem::path& path, const Weights& weights, const std::set<std::string>& turned = {}) {
    const std::map<bitnet::DType, std::string> types{{bitnet::DType::F64, "DoubleStorage"},    {bitnet::DType::F32, "FloatStorage"},
                                                     {bitnet::DType::F16, "HalfStorage"},      {bitnet::DType::I64, "LongStorage"},
                                                     {bitnet::DType::BF16, "BFloat16Storage"}, {bitnet::DType::U8, "ByteStorage"}};
    std::string items;
    std::vector<std::pair<std::string, std::string>> storages;
    for (const auto& [name, tensor] : weights) {
        const std::size_t count = bitnet::element_count(tensor.shape), element = bits_of(tensor.dtype) / 8;
        const std::string key = std::to_string(storages.size());
        std::vector<std::size_t> strides(tensor.shape.size(), 1);
        for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
        std::string bytes(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
        if (turned.contains(name)) {
            strides = {1, tensor.shape.at(0)};
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t to = i % tensor.shape.at(1) * tensor.shape[0] + i / tensor.shape[1];
                std::memcpy(bytes.data() + to * element, tensor.bytes.data() + i * element, element);
            }
        }
        items += text_op(name) + tensor_op(storage_op(types.at(tensor.dtype), key, count), 0, tensor.shape, strides);
        storages.emplace_back(key, std::move(bytes));
    }
    write_text(path, torch_archive(pickled("}(" + items + "u"), storages).text());
}

/// Values of F32: 1, 2, 3, ...
inline std::string counting_floats(std::size_t count) {
    std::string out(4 * count, '\0');
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = static_cast<float>(i + 1);
        std::memcpy(out.data() + 4 * i, &value, 4);
    }
    return out;
}

/// A legacy stream: this pickle, then keys, each with a number of elements and bytes.
struct LegacyStorage {
    std::string key;
    std::uint64_t elements = 0;
    std::string bytes;
};
inline std::string legacy_stream(std::string_view pickle, const std::vector<LegacyStorage>& storages, bool little_endian = true) {
    std::string out("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", 15), keys = "](";
    out += pickled(int_op(1001));
    out += pickled("}(" + text_op("protocol_version") + int_op(1001) + text_op("little_endian") + (little_endian ? "\x88" : "\x89") + "u");
    out += pickle;
    for (const LegacyStorage& storage : storages) keys += text_op(storage.key);
    out += pickled(keys + "e");
    for (const LegacyStorage& storage : storages) out += little(storage.elements, 8) + storage.bytes;
    return out;
}

}  // namespace bitnet_test
