/// A file's bytes in memory, read by the system when they are first looked at.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/file_descriptor.hpp>

namespace bitnet::inline BITNET_ABI {

static_assert(sizeof(std::size_t) == 8, "bitnet::MappedFile: whole models are mapped, which needs 64-bit addresses");

/// A whole file mapped read-only. Move-only; bytes() stays where it is when the object moves.
///
/// An empty file is an empty span. Nobody may shorten the file meanwhile: the system kills a process that looks at
/// bytes which are gone. Replacing it by rename is fine, the old content stays.
///
/// Errors  errc::missing when nothing has that name; errc::io when it is a directory or another thing that is no
///         regular file, or the system refuses
class MappedFile {
public:
    explicit MappedFile(const std::filesystem::path& path) {
        const FileDescriptor file = open_file(path, O_RDONLY | O_NONBLOCK);  // or opening a pipe would wait for a writer
        if (!file.is_open() && (errno == ENOENT || errno == ENOTDIR))
            throw error(errc::missing, message(path.string(), ": no such file"));
        if (!file.is_open()) throw_io_error(path, "open", errno);
        struct stat status {};
        if (::fstat(file.number(), &status) != 0) throw_io_error(path, "read", errno);
        if (S_ISDIR(status.st_mode)) throw_io_error(path, "read", EISDIR);
        if (!S_ISREG(status.st_mode)) throw error(errc::io, message(path.string(), ": not a regular file"));
        if (status.st_size == 0) return;  // mmap refuses a length of 0
        const auto size = static_cast<std::size_t>(status.st_size);
        void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
        if (start == MAP_FAILED) throw_io_error(path, "map", errno);
        bytes_ = {static_cast<std::byte*>(start), size};
    }
    MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile& operator=(MappedFile&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~MappedFile() {
        if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
    }

    std::span<const std::byte> bytes() const noexcept { return bytes_; }

    /// Says that these bytes are not needed soon: every page that holds one of them stops counting as resident.
    /// The bytes stay readable; looking at them again reads them again.
    void release(std::size_t offset, std::size_t size) const noexcept { advise(offset, size, MADV_DONTNEED); }

    /// Says that these bytes will be read soon, so that the system may fetch them meanwhile.
    void will_need(std::size_t offset, std::size_t size) const noexcept { advise(offset, size, MADV_WILLNEED); }

private:
    /// Whole pages that touch the range, cut to the file. Advice that the system refuses changes nothing.
    void advise(std::size_t offset, std::size_t size, int advice) const noexcept {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        offset = std::min(offset, bytes_.size());
        size = std::min(size, bytes_.size() - offset);
        if (size == 0) return;
        const std::size_t before = offset % page;
        ::madvise(bytes_.data() + (offset - before), size + before, advice);
    }

    std::span<std::byte> bytes_;
};

}  // namespace bitnet::inline BITNET_ABI
