/// Files of named tensors as torch.save writes them, pytorch_model.bin: the reader. Nothing in them is executed.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/io/little_endian.hpp>
#include <bitnet/io/mapped_file.hpp>
#include <bitnet/io/pickle.hpp>
#include <bitnet/io/safetensors.hpp>
#include <bitnet/io/torch_state.hpp>
#include <bitnet/io/zip_archive.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// "<path>: ..." begins every error.
class TorchReader {
public:
    TorchReader(std::span<const std::byte> file, std::string_view path) : file_(file), path_(path) {}

    TorchContents read() const {
        // The first bytes of what torch 0.1.10 to 1.5 wrote: a pickle of a number, then its version, 1001, as another.
        if (begins_with(std::string_view("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", 15))) return read_legacy();
        if (begins_with("PK\x03\x04")) return read_archive();
        if (begins_with("PYTORCH1") || text(file_).substr(std::min<std::size_t>(file_.size(), 257), 5) == "ustar")
            refuse(errc::unsupported, "written by a version of torch before 0.1.10 or a preview; load it there and save it "
                   "again");
        if (file_.size() > 8 && file_[8] == std::byte{'{'})
            refuse(errc::bad_file, "looks like a safetensors file; its name should end in .safetensors");
        refuse(errc::bad_file, "not a file of torch.save: neither a ZIP archive nor a legacy stream");
    }

private:
    template <class... Parts>
    [[noreturn]] void refuse(errc code, const Parts&... parts) const {
        throw error(code, message(path_, ": ", parts...));
    }
    static std::string_view text(std::span<const std::byte> bytes) {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    bool begins_with(std::string_view mark) const { return text(file_).starts_with(mark); }

    TorchContents read_archive() const {
        const ZipArchive archive(file_, path_);
        const std::string top = top_folder(archive);
        const ZipMember& member = require(archive, top + "data.pkl");
        check_version(text(archive.checked_bytes(require(archive, top + "version"))));
        if (const ZipMember* const order = archive.find(top + "byteorder"))
            if (const auto found = text(archive.checked_bytes(*order)); found != "little")
                refuse(found == "big" ? errc::unsupported : errc::bad_file, "byteorder ", quote(found),
                       "; only \"little\" is read");
        if (member.size > pickle_size_limit)
            refuse(errc::unsupported, "member ", quote(member.name), " of ", member.size, " bytes; at most ", pickle_size_limit,
                   " are read");
        const std::string where = message(path_, ": ", quote(member.name));
        const Pickle pickle = read_pickle(archive.checked_bytes(member), where);
        if (pickle.size != member.size)
            throw error(errc::bad_file, message(where, ": ", member.size - pickle.size, " bytes behind the pickle's end"));
        TorchStateReader state(pickle, where, 5);
        for (auto& [key, storage] : state.storages()) {
            const ZipMember& data = require(archive, message(top, "data/", key));
            if (const std::size_t size = archive.bytes(data).size(); size != storage.bytes)
                refuse(errc::bad_file, "member ", quote(data.name), " has ", size, " bytes, its storage ", storage.bytes);
            storage.begin = data.begin;
        }
        return state.contents();
    }

    /// "<folder>/" of the first member, which all others share.
    std::string top_folder(const ZipArchive& archive) const {
        const std::string_view first = archive.members().empty() ? "" : archive.members().front().name;
        std::string top(first.substr(0, first.find('/') + 1));
        for (const ZipMember& member : archive.members()) {
            if (top.empty() || !member.name.starts_with(top))
                refuse(errc::bad_file, "member ", quote(member.name), " does not lie in the folder of ", quote(first));
            const std::string_view inner = member.name.substr(top.size());
            if (inner.starts_with("code/") || inner == "constants.pkl" || inner == "model.json")
                refuse(errc::unsupported, "a TorchScript program (it has ", quote(member.name), "), not a file of weights");
        }
        return top;
    }
    const ZipMember& require(const ZipArchive& archive, std::string_view name) const {
        if (const ZipMember* const found = archive.find(name)) return *found;
        refuse(errc::bad_file, "no member ", quote(name), " in the archive");
    }

    void check_version(std::string_view version) const {
        if (version.ends_with('\n')) version.remove_suffix(1);
        unsigned number = 0;
        const auto [end, fault] = std::from_chars(version.data(), version.data() + version.size(), number);
        if (fault != std::errc{} || end != version.data() + version.size() || number < 1)
            refuse(errc::bad_file, "version ", quote(version), " is no number from 1");
        if (number > 10) refuse(errc::unsupported, "version ", number, "; at most 10 is read");
    }

    /// Five pickles one behind the other: a mark, the version, the writer's machine, the tensors, the storages' keys; then
    /// in the order of the keys each storage's number of elements, in 64 bits, and its bytes.
    TorchContents read_legacy() const {
        auto rest = file_.subspan(15);
        const Pickle version = next_pickle(rest, "version");
        if (const PickleNode& root = version[version.root]; root.kind != PickleKind::integer || root.integer != 1001)
            refuse(errc::unsupported, "a legacy file of torch.save of another version than 1001");
        check_machine(next_pickle(rest, "machine"));
        const Pickle object = next_pickle(rest, "tensors");
        const Pickle keys = next_pickle(rest, "keys");
        TorchStateReader state(object, message(path_, ": pickle of tensors"), 6);
        if (keys[keys.root].kind != PickleKind::list) refuse(errc::bad_file, "pickle of keys: expected a list");
        std::set<std::string_view> placed;
        for (const PickleRef ref : keys[keys.root].items) {
            if (keys[ref].kind != PickleKind::text) refuse(errc::bad_file, "pickle of keys: expected strings");
            const std::string_view key = keys[ref].text;
            const auto storage = state.storages().find(key);
            if (storage == state.storages().end() || !placed.insert(key).second)
                refuse(errc::bad_file, "pickle of keys: storage ", quote(key), " belongs to no tensor or is there twice");
            if (rest.size() < 8 || rest.size() - 8 < storage->second.bytes)
                refuse(errc::bad_file, "cut short in storage ", quote(key), " of ", storage->second.bytes, " bytes");
            if (const auto found = little_endian<std::uint64_t>(rest); found != storage->second.elements)
                refuse(errc::bad_file, "storage ", quote(key), " has ", found, " elements, expected ", storage->second.elements);
            storage->second.begin = file_.size() - rest.size() + 8;
            rest = rest.subspan(8 + storage->second.bytes);
        }
        if (placed.size() != state.storages().size())
            refuse(errc::bad_file, "pickle of keys: a storage of the tensors is missing");
        if (!rest.empty()) refuse(errc::bad_file, rest.size(), " bytes behind the last storage");
        return state.contents();
    }

    Pickle next_pickle(std::span<const std::byte>& rest, std::string_view name) const {
        Pickle out = read_pickle(rest.first(std::min(rest.size(), pickle_size_limit)), message(path_, ": pickle of ", name));
        rest = rest.subspan(out.size);
        return out;
    }
    void check_machine(const Pickle& pickle) const {
        const PickleNode& root = pickle[pickle.root];
        for (std::size_t i = 0; root.kind == PickleKind::dict && i < root.items.size(); i += 2)
            if (pickle[root.items[i]].text == "little_endian" && pickle[root.items[i + 1]].kind == PickleKind::boolean) {
                if (pickle[root.items[i + 1]].integer == 1) return;
                refuse(errc::unsupported, "written in big-endian order; only little-endian is read");
            }
        refuse(errc::bad_file, "pickle of machine: no bool \"little_endian\"");
    }

    std::span<const std::byte> file_;
    std::string_view path_;
};

/// Copies a tensor whose elements lie strides apart to where they lie row-major. Runs that are whole already are copied
/// as such.
class StridedCopy {
public:
    StridedCopy(std::span<const std::size_t> shape, std::span<const std::size_t> strides, std::size_t element)
        : shape_(shape), strides_(strides), run_(element), axes_(shape.size()) {
        while (axes_ > 0 && (shape[axes_ - 1] == 1 || strides[axes_ - 1] * element == run_)) run_ *= shape[--axes_];
        element_ = element;
    }
    /// The tensor has elements, and `to` room for them.
    void operator()(const std::byte* from, std::byte* to) const {
        std::vector<std::size_t> index(axes_, 0);
        for (;;) {
            std::memcpy(to, from, run_);
            to += run_;
            std::size_t axis = axes_;
            for (; axis > 0; --axis) {
                const std::size_t step = strides_[axis - 1] * element_;
                if (++index[axis - 1] < shape_[axis - 1]) {
                    from += step;
                    break;
                }
                from -= step * (shape_[axis - 1] - 1);
                index[axis - 1] = 0;
            }
            if (axis == 0) return;
        }
    }

private:
    std::span<const std::size_t> shape_, strides_;
    std::size_t run_, axes_, element_ = 0;
};

}  // namespace detail

/// Reads and checks everything but the values of a whole file of torch.save in memory: a ZIP archive (torch 1.6 and later)
/// or a legacy stream, holding a dictionary of tensors or a checkpoint with one under "state_dict", "model_state_dict",
/// "model" or "module". `path` begins every error.
///
/// Refused as errc::bad_file: what ZipArchive and read_pickle refuse, missing members, members of another size than their
/// storage, tensors that reach beyond their storage, repeated names, sizes that overflow. Refused as errc::unsupported:
/// compressed members, names and operations that weights do not need, TorchScript, big-endian files, tensors that expand()
/// made larger than torch_expanded_limit, files older than torch 0.1.10. Allowed: storages that several tensors share,
/// any strides. Values that are no tensors are left out with a note.
inline TorchContents parse_torch_file(std::span<const std::byte> file, std::string_view path) {
    return detail::TorchReader(file, path).read();
}

/// A file of torch.save, mapped into memory; no tensor is read before somebody looks at it.
///
/// Move-only; entries and views stay valid when the object moves. const calls are safe from several threads.
///
/// Errors  as MappedFile and parse_torch_file
class TorchFile {
public:
    explicit TorchFile(std::filesystem::path path)
        : path_(std::move(path)),
          file_(path_),
          contents_(parse_torch_file(file_.bytes(), path_.string())),
          by_name_(contents_.tensors.size()) {
        std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
        std::sort(by_name_.begin(), by_name_.end(),
                  [this](std::size_t a, std::size_t b) { return tensors()[a].name < tensors()[b].name; });
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    /// In the order of the file's dictionary; begin and end as TorchContents has them.
    const std::vector<TensorEntry>& tensors() const noexcept { return contents_.tensors; }
    /// What the file holds beside the tensors, one line each.
    const std::vector<std::string>& notes() const noexcept { return contents_.notes; }

    /// The tensor of that name, or null.
    const TensorEntry* find(std::string_view name) const noexcept {
        const auto found = std::lower_bound(
            by_name_.begin(), by_name_.end(), name,
            [this](std::size_t i, std::string_view wanted) { return tensors()[i].name < wanted; });
        return found != by_name_.end() && tensors()[*found].name == name ? &tensors()[*found] : nullptr;
    }

    /// Whether the tensor, one of tensors(), lies in the file as a view shows it.
    bool contiguous(const TensorEntry& entry) const noexcept { return strides(entry).empty(); }

    /// The tensor's bytes where the file is mapped, or, if they do not lie there row-major, gathered in `buffer`. Its name
    /// is where `entry`, one of tensors(), holds it.
    TensorView view(const TensorEntry& entry, std::vector<std::byte>& buffer) const {
        TensorView out{entry.name, entry.dtype, entry.shape, file_.bytes().subspan(entry.begin, entry.end - entry.begin)};
        if (contiguous(entry)) return out;
        const std::size_t element = bits_of(entry.dtype) / 8;
        buffer.resize(element_count(entry.shape, entry.name) * element);
        detail::StridedCopy(entry.shape, strides(entry), element)(out.bytes.data(), buffer.data());
        out.bytes = buffer;
        return out;
    }

    /// Says that a tensor, or the bytes [begin, end) of its view, are not needed soon: see MappedFile::release. Parts of a
    /// tensor that is not contiguous are kept.
    void release(const TensorEntry& entry) const noexcept { file_.release(entry.begin, entry.end - entry.begin); }
    void release(const TensorEntry& entry, std::size_t begin, std::size_t end) const noexcept {
        if (contiguous(entry)) file_.release(entry.begin + begin, end - begin);
    }

private:
    const std::vector<std::size_t>& strides(const TensorEntry& entry) const noexcept {
        return contents_.strides[static_cast<std::size_t>(&entry - tensors().data())];
    }

    std::filesystem::path path_;
    MappedFile file_;
    TorchContents contents_;
    std::vector<std::size_t> by_name_;
};

}  // namespace bitnet::inline BITNET_ABI
