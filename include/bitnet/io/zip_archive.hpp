/// ZIP archives whose members are stored as they are: the directory, checked, and each member's bytes in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/crc32.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/io/little_endian.hpp>

namespace bitnet::inline BITNET_ABI {

/// One member of an archive.
struct ZipMember {
    std::string_view name;     ///< in the archive's own bytes
    std::size_t begin = 0;     ///< of its bytes, counted from the archive's first
    std::size_t size = 0;
    std::uint32_t crc = 0;     ///< of its bytes; 0 when the writer did not compute it
    std::uint16_t method = 0;  ///< of compression; only 0, none, is read
};

/// The members of a ZIP archive in memory, ZIP64 included. Only stored members can be read: nothing is inflated, so no
/// archive is larger than its file. Members and views point into `file`, which must outlive them.
///
/// The central directory is what counts; the local header of a member only says where its bytes begin, and must carry
/// the same name. `path` begins every error.
/// Errors  errc::bad_file when a record is missing, leads outside of the file or contradicts another, and when two
///         members have one name; errc::unsupported for compressed or encrypted members and for archives in several parts
class ZipArchive {
public:
    ZipArchive(std::span<const std::byte> file, std::string_view path) : file_(file), path_(path) { read_directory(); }

    /// In the order of the directory.
    const std::vector<ZipMember>& members() const noexcept { return members_; }

    /// The member of that name, or null.
    const ZipMember* find(std::string_view name) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : &members_[found->second];
    }
    std::span<const std::byte> bytes(const ZipMember& member) const {
        if (member.method != 0)
            refuse_member(errc::unsupported, member.name, "compressed by method ", member.method,
                          "; only stored members are read");
        return file_.subspan(member.begin, member.size);
    }
    /// Its bytes, after they were found to have the CRC that the directory gives, if it gives one.
    std::span<const std::byte> checked_bytes(const ZipMember& member) const {
        const auto out = bytes(member);
        if (member.crc != 0 && crc32_ieee(out) != member.crc)
            refuse_member(errc::bad_file, member.name, "its bytes do not have the CRC of the archive's directory");
        return out;
    }

private:
    static constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50,
                                   end64_mark = 0x06064b50, locator_mark = 0x07064b50;
    static constexpr std::size_t local_size = 30, central_size = 46, end_size = 22, end64_size = 56, locator_size = 20;
    static constexpr std::uint32_t saturated = 0xffffffff;

    struct Directory {
        std::size_t begin = 0, size = 0, entries = 0;
    };

    template <class... Parts>
    [[noreturn]] void refuse(errc code, const Parts&... parts) const {
        throw error(code, message(path_, ": ", parts...));
    }
    template <class... Parts>
    [[noreturn]] void refuse_member(errc code, std::string_view name, const Parts&... parts) const {
        refuse(code, "member ", detail::quote(name), ": ", parts...);
    }

    template <class Integer>
    Integer number(std::size_t offset) const noexcept {
        return little_endian<Integer>(file_, offset);
    }
    bool fits(std::size_t begin, std::size_t size) const noexcept {
        return begin <= file_.size() && size <= file_.size() - begin;
    }
    std::string_view text(std::size_t begin, std::size_t size) const {
        return {reinterpret_cast<const char*>(file_.data()) + begin, size};
    }

    /// The end record is the last thing in the file but for a comment, whose length it gives.
    std::size_t find_end() const {
        for (std::size_t comment = 0; comment <= 0xffff && comment + end_size <= file_.size(); ++comment) {
            const std::size_t at = file_.size() - end_size - comment;
            if (number<std::uint32_t>(at) == end_mark && number<std::uint16_t>(at + 20) == comment) return at;
        }
        refuse(errc::bad_file, "no end of a ZIP archive: this file of ", file_.size(), " bytes is cut short or damaged");
    }

    Directory find_directory() const {
        const std::size_t end = find_end();
        Directory out{.begin = number<std::uint32_t>(end + 16), .size = number<std::uint32_t>(end + 12),
                      .entries = number<std::uint16_t>(end + 10)};
        bool one_part = number<std::uint16_t>(end + 4) == 0 && number<std::uint16_t>(end + 6) == 0 &&
                        number<std::uint16_t>(end + 8) == out.entries;
        if (end >= locator_size && number<std::uint32_t>(end - locator_size) == locator_mark) {
            const std::uint64_t at = number<std::uint64_t>(end - locator_size + 8);
            if (!fits(at, end64_size) || number<std::uint32_t>(at) != end64_mark)
                refuse(errc::bad_file, "the ZIP64 locator leads to ", at, ", where no ZIP64 end record is");
            out = {.begin = number<std::uint64_t>(at + 48), .size = number<std::uint64_t>(at + 40),
                   .entries = number<std::uint64_t>(at + 32)};
            one_part = number<std::uint32_t>(at + 16) == 0 && number<std::uint32_t>(at + 20) == 0 &&
                       number<std::uint64_t>(at + 24) == out.entries;
        }
        if (!one_part) refuse(errc::unsupported, "a ZIP archive in several parts");
        if (!fits(out.begin, out.size) || out.begin + out.size > end)
            refuse(errc::bad_file, "a ZIP directory of ", out.size, " bytes at ", out.begin,
                   " does not lie before the end record at ", end);
        if (out.entries > out.size / central_size)
            refuse(errc::bad_file, "a ZIP directory of ", out.size, " bytes cannot hold ", out.entries, " entries");
        return out;
    }

    void read_directory() {
        const Directory directory = find_directory();
        members_.reserve(directory.entries);
        std::size_t at = directory.begin;
        for (std::size_t i = 0; i < directory.entries; ++i) at = read_entry(directory, i, at);
        if (at != directory.begin + directory.size)
            refuse(errc::bad_file, "the ZIP directory has ", directory.begin + directory.size - at,
                   " bytes behind its last entry");
    }

    /// -> where the next entry begins
    std::size_t read_entry(const Directory& directory, std::size_t index, std::size_t at) {
        const std::size_t room = directory.begin + directory.size - at;
        if (room < central_size || number<std::uint32_t>(at) != central_mark)
            refuse(errc::bad_file, "entry ", index, " of the ZIP directory, at ", at, ", is not one");
        const std::size_t name_size = number<std::uint16_t>(at + 28), extra_size = number<std::uint16_t>(at + 30);
        const std::size_t size = central_size + name_size + extra_size + number<std::uint16_t>(at + 32);
        if (size > room) refuse(errc::bad_file, "entry ", index, " of the ZIP directory, at ", at, ", is cut short");
        ZipMember member{.name = text(at + central_size, name_size),
                         .crc = number<std::uint32_t>(at + 16),
                         .method = number<std::uint16_t>(at + 10)};
        // Bits 0 and 6: encrypted; bit 13: the local header is masked.
        if ((number<std::uint16_t>(at + 8) & 0x2041u) != 0) refuse_member(errc::unsupported, member.name, "encrypted");
        if (number<std::uint16_t>(at + 34) != 0) refuse_member(errc::unsupported, member.name, "lies in another part");
        place(member, directory, at, file_.subspan(at + central_size + name_size, extra_size));
        if (!by_name_.emplace(member.name, members_.size()).second)
            refuse_member(errc::bad_file, member.name, "is in the archive twice");
        members_.push_back(member);
        return at + size;
    }

    /// Sizes and the local header's place, each of 32 bits or, where those are all ones, of 64 in the extra field.
    void place(ZipMember& member, const Directory& directory, std::size_t at, std::span<const std::byte> extra) const {
        std::array<std::uint64_t, 3> values{number<std::uint32_t>(at + 24), number<std::uint32_t>(at + 20),
                                            number<std::uint32_t>(at + 42)};
        auto wide = field(extra, 0x0001);
        for (std::uint64_t& value : values) {
            if (value != saturated) continue;
            if (wide.size() < 8) refuse_member(errc::bad_file, member.name, "its ZIP64 sizes are missing");
            value = little_endian<std::uint64_t>(wide);
            wide = wide.subspan(8);
        }
        const auto [size, stored, local] = values;
        if (member.method == 0 && size != stored)
            refuse_member(errc::bad_file, member.name, "stored in ", stored, " bytes, but of ", size);
        if (local > directory.begin || directory.begin - local < local_size || number<std::uint32_t>(local) != local_mark)
            refuse_member(errc::bad_file, member.name, "no local header at ", local);
        const std::size_t name_size = number<std::uint16_t>(local + 26);
        const std::size_t begin = local + local_size + name_size + number<std::uint16_t>(local + 28);
        if (begin > directory.begin || directory.begin - begin < stored)
            refuse_member(errc::bad_file, member.name, stored, " bytes at ", begin, " reach into the directory at ",
                          directory.begin);
        if (text(local + local_size, name_size) != member.name)
            refuse_member(errc::bad_file, member.name, "its local header has the name ",
                          detail::quote(text(local + local_size, name_size)));
        member.begin = begin;
        member.size = size;
    }

    /// The extra field of that number; nothing when it is not there. What follows a field that is cut short is not read.
    static std::span<const std::byte> field(std::span<const std::byte> extra, std::uint16_t wanted) {
        while (extra.size() >= 4) {
            const std::size_t size = little_endian<std::uint16_t>(extra, 2);
            if (size > extra.size() - 4) break;
            if (little_endian<std::uint16_t>(extra) == wanted) return extra.subspan(4, size);
            extra = extra.subspan(4 + size);
        }
        return {};
    }

    std::span<const std::byte> file_;
    std::string path_;
    std::vector<ZipMember> members_;
    std::map<std::string_view, std::size_t> by_name_;
};

}  // namespace bitnet::inline BITNET_ABI
