/// What a pickle of torch.save says: which storages there are, and which named tensors view which of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/io/pickle.hpp>
#include <bitnet/io/safetensors.hpp>

namespace bitnet::inline BITNET_ABI {

/// A tensor whose elements share places, as expand() makes them, is larger than its storage; at most this many bytes.
inline constexpr std::size_t torch_expanded_limit = std::size_t{1} << 30;

/// The tensors of a file, in the order of its dictionary.
struct TorchContents {
    /// [begin, end) are the bytes of the file from a tensor's first element to its last; a tensor without elements has none.
    std::vector<TensorEntry> tensors;
    /// Of each, the distances between neighbours along each axis, in elements; empty when it lies in [begin, end) row-major.
    std::vector<std::vector<std::size_t>> strides;
    std::vector<std::string> notes;  ///< what was left out, one line each
};

namespace detail {

/// Bytes that several tensors may share.
struct TorchStorage {
    PickleMeaning meaning = PickleMeaning::storage;
    DType dtype = DType::U8;
    std::size_t elements = 0;  ///< bytes, in a storage without a type
    std::size_t bytes = 0;
    std::size_t begin = 0;  ///< in the file
};

/// Reads a pickle's storages, is told where they lie, and then reads the tensors. "<where>: ..." begins every error.
class TorchStateReader {
public:
    /// id_size: values in a persistent id, 5, and 6 in legacy files.
    TorchStateReader(const Pickle& pickle, std::string_view where, std::size_t id_size)
        : pickle_(pickle), where_(where), id_size_(id_size) {
        for (const PickleNode& node : pickle.nodes)
            if (node.kind == PickleKind::storage) read_storage(node);
    }

    /// By key. Give each its `begin`, then call contents().
    std::map<std::string_view, TorchStorage>& storages() noexcept { return storages_; }

    TorchContents contents() {
        for (const PickleNode& node : pickle_.nodes)
            if (node.kind == PickleKind::tensor) read_tensor(node);  // also those that have no name
        const PickleNode& dict = state_dict();
        std::set<std::string_view> names;
        std::size_t others = 0;
        std::string examples;
        for (std::size_t i = 0; i < dict.items.size(); i += 2) {
            const PickleNode &key = pickle_[dict.items[i]], &value = pickle_[dict.items[i + 1]];
            if (key.kind != PickleKind::text || value.kind != PickleKind::tensor) {
                if (++others <= 8) examples += message(others == 1 ? "" : ", ", shown(key));
                continue;
            }
            if (!names.insert(key.text).second) refuse(errc::bad_file, "two tensors have the name ", quote(key.text));
            auto [entry, strides] = read_tensor(value);
            entry.name = key.text;
            out_.tensors.push_back(std::move(entry));
            out_.strides.push_back(std::move(strides));
        }
        if (others > 0 && out_.tensors.empty())
            refuse(errc::unsupported, "no tensors in the dictionary, but ", examples, others > 8 ? " and more" : "");
        if (others > 0)
            out_.notes.push_back(message(where_, ": ", others, others == 1 ? " value that is no tensor is" :
                                         " values that are no tensors are", " left out: ", examples, others > 8 ? " ..." : ""));
        return std::move(out_);
    }

private:
    template <class... Parts>
    [[noreturn]] void refuse(errc code, const Parts&... parts) const {
        throw error(code, message(where_, ": ", parts...));
    }
    template <class... Parts>
    [[noreturn]] void refuse_at(const PickleNode& node, errc code, const Parts&... parts) const {
        refuse(code, "offset ", node.offset, ": ", parts...);
    }

    static std::string shown(const PickleNode& key) {
        return key.kind == PickleKind::text ? quote(key.text) : std::string(description(key.kind));
    }

    const PickleNode& item(const PickleNode& node, std::size_t index, PickleKind kind, std::string_view what) const {
        const PickleNode& out = pickle_[node.items[index]];
        if (out.kind != kind)
            refuse_at(node, errc::bad_file, what, ": expected ", description(kind), ", found ", description(out.kind));
        return out;
    }
    std::size_t size_at(const PickleNode& node, std::size_t index, std::string_view what) const {
        const std::int64_t value = item(node, index, PickleKind::integer, what).integer;
        if (value < 0) refuse_at(node, errc::bad_file, what, " is ", value);
        return static_cast<std::size_t>(value);
    }
    std::vector<std::size_t> sizes_at(const PickleNode& node, std::size_t index, std::string_view what) const {
        const PickleNode& tuple = item(node, index, PickleKind::tuple, what);
        if (tuple.items.size() > safetensors_rank_limit)
            refuse_at(node, errc::bad_file, "rank ", tuple.items.size(), "; at most ", safetensors_rank_limit, " is read");
        std::vector<std::size_t> out;
        for (std::size_t i = 0; i < tuple.items.size(); ++i) out.push_back(size_at(tuple, i, what));
        return out;
    }

    /// ("storage", type, key, location, elements), and in legacy files a view, which must be None.
    void read_storage(const PickleNode& node) {
        if (item(node, 0, PickleKind::text, "persistent id").text != "storage")
            refuse_at(node, errc::unsupported, "a persistent id of ", quote(pickle_[node.items[0]].text), ", not of a storage");
        if (node.items.size() != id_size_)
            refuse_at(node, errc::bad_file, "a persistent id of ", node.items.size(), " values, expected ", id_size_);
        const PickleGlobal& type = *item(node, 1, PickleKind::global, "storage type").global;
        if (type.meaning != PickleMeaning::storage && type.meaning != PickleMeaning::bytes_storage)
            refuse_at(node, errc::bad_file, "storage type: expected a storage, found ", type.name);
        const std::string_view key = item(node, 2, PickleKind::text, "storage key").text;
        item(node, 3, PickleKind::text, "storage location");
        TorchStorage storage{.meaning = type.meaning, .dtype = type.dtype, .elements = size_at(node, 4, "storage size")};
        storage.bytes = tensor_size(storage.dtype, {storage.elements}, [&](const auto&... parts) {
            refuse_at(node, errc::bad_file, "storage ", quote(key), ": ", parts...);
        });
        if (id_size_ == 6 && pickle_[node.items[5]].kind != PickleKind::none)
            refuse_at(node, errc::unsupported, "storage ", quote(key), " is a view of another");
        const auto [known, added] = storages_.emplace(key, storage);
        if (!added && (known->second.meaning != storage.meaning || known->second.dtype != storage.dtype ||
                       known->second.elements != storage.elements))
            refuse_at(node, errc::bad_file, "storage ", quote(key), " has two types or two sizes");
    }

    struct View {
        TensorEntry entry;
        std::vector<std::size_t> strides;
    };

    /// (storage, offset, extents, strides, whether it needs a gradient, hooks, [dtype,] [flags])
    View read_tensor(const PickleNode& node) const {
        const PickleNode& id = item(node, 0, PickleKind::storage, "tensor");
        TorchStorage storage = storages_.at(pickle_[id.items[2]].text);
        const bool typed = node.global->meaning == PickleMeaning::typed_tensor;
        if (typed != (storage.meaning == PickleMeaning::bytes_storage))
            refuse_at(node, errc::bad_file, node.global->name, " of a storage ", typed ? "with" : "without", " a type");
        if (typed) {
            const PickleGlobal& type = *item(node, 6, PickleKind::global, "dtype").global;
            if (type.meaning != PickleMeaning::dtype) refuse_at(node, errc::bad_file, "dtype: ", type.name, " is none");
            storage.dtype = type.dtype;
            storage.elements = storage.bytes / (bits_of(type.dtype) / 8);
        }
        const std::size_t flags = typed ? 7 : 6;
        if (node.items.size() > flags && pickle_[node.items[flags]].kind != PickleKind::none &&
            !item(node, flags, PickleKind::dict, "tensor flags").items.empty())
            refuse_at(node, errc::unsupported, "a tensor with flags, such as a conjugate view");
        return view_of(node, storage, size_at(node, 1, "storage offset"), sizes_at(node, 2, "size"), sizes_at(node, 3, "stride"));
    }

    View view_of(const PickleNode& node, const TorchStorage& storage, std::size_t offset, Shape shape,
                 std::vector<std::size_t> strides) const {
        if (strides.size() != shape.size())
            refuse_at(node, errc::bad_file, "strides ", to_string(strides), " of shape ", to_string(shape));
        const std::size_t element = bits_of(storage.dtype) / 8;
        const std::size_t bytes = tensor_size(storage.dtype, shape, [&](const auto&... parts) {
            refuse_at(node, errc::bad_file, parts...);
        });
        View out{.entry = {.name = {}, .dtype = storage.dtype, .shape = std::move(shape), .begin = storage.begin,
                           .end = storage.begin}, .strides = {}};
        if (bytes == 0) return out;
        const std::size_t last = last_element(node, storage, offset, out.entry.shape, strides);
        out.entry.begin += offset * element;
        out.entry.end += (last + 1) * element;
        if (is_row_major(out.entry.shape, strides)) return out;
        if (bytes > storage.bytes && bytes > torch_expanded_limit)
            refuse_at(node, errc::unsupported, "shape ", to_string(out.entry.shape), " takes ", bytes, " bytes out of a storage of ",
                      storage.bytes, "; at most ", torch_expanded_limit, " are expanded");
        out.strides = std::move(strides);
        return out;
    }

    /// offset + Σ (extentᵢ - 1)·strideᵢ of a tensor with elements, found to be in the storage before it is computed.
    std::size_t last_element(const PickleNode& node, const TorchStorage& storage, std::size_t offset, const Shape& shape,
                             const Shape& strides) const {
        std::size_t last = offset;
        bool fits = last < storage.elements;
        for (std::size_t i = 0; fits && i < shape.size(); ++i) {
            fits = strides[i] == 0 || shape[i] - 1 <= (storage.elements - 1 - last) / strides[i];
            if (fits) last += (shape[i] - 1) * strides[i];
        }
        if (!fits)
            refuse_at(node, errc::bad_file, "shape ", to_string(shape), " with strides ", to_string(strides), " from ", offset,
                      " reaches beyond the ", storage.elements, " elements of its storage");
        return last;
    }

    /// Axes of one element may have any stride.
    static bool is_row_major(const Shape& shape, std::span<const std::size_t> strides) {
        std::size_t expected = 1;
        for (std::size_t i = shape.size(); i-- > 0;) {
            if (shape[i] != 1 && strides[i] != expected) return false;
            expected *= shape[i];
        }
        return true;
    }

    /// The root, or what a training checkpoint wraps.
    const PickleNode& state_dict() {
        const PickleNode& root = pickle_[pickle_.root];
        if (root.kind != PickleKind::dict)
            refuse(errc::unsupported, "holds ", description(root.kind), ", expected a dictionary of named tensors");
        for (const std::string_view name : {"state_dict", "model_state_dict", "model", "module"})
            for (std::size_t i = 0; i < root.items.size(); i += 2) {
                const PickleNode &key = pickle_[root.items[i]], &value = pickle_[root.items[i + 1]];
                if (key.kind != PickleKind::text || key.text != name || value.kind != PickleKind::dict) continue;
                out_.notes.push_back(message(where_, ": a checkpoint, of which ", quote(name), " is read"));
                return value;
            }
        return root;
    }

    const Pickle& pickle_;
    std::string where_;
    std::size_t id_size_;
    std::map<std::string_view, TorchStorage> storages_;
    TorchContents out_;
};

}  // namespace detail
}  // namespace bitnet::inline BITNET_ABI
