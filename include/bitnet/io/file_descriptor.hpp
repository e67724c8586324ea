/// An open file that closes itself, and system calls whose failures name the file.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// errc::io with the path, what could not be done to it and the system's reason:
/// "out/model.safetensors: cannot write: No space left on device".
[[noreturn]] inline void throw_io_error(const std::filesystem::path& path, std::string_view what, int reason) {
    throw error(errc::io, message(path.string(), ": cannot ", what, ": ", std::generic_category().message(reason)));
}

/// Owns a file descriptor. Move-only; holds -1 when it owns none.
class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int number) noexcept : number_(number) {}
    FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~FileDescriptor() {
        if (number_ >= 0) ::close(number_);
    }

    int number() const noexcept { return number_; }
    bool is_open() const noexcept { return number_ >= 0; }

    /// Closes now and tells of a failure, which some file systems only report here.
    void close(const std::filesystem::path& path) {
        if (::close(std::exchange(number_, -1)) != 0 && errno != EINTR) throw_io_error(path, "close", errno);
    }

private:
    int number_ = -1;
};

/// Opens with O_CLOEXEC and, when it creates, the permissions that the umask leaves of rw-rw-rw-. Holds nothing and
/// leaves errno when the system refuses.
inline FileDescriptor open_file(const std::filesystem::path& path, int flags) noexcept {
    int number = -1;
    do number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    while (number < 0 && errno == EINTR);
    return FileDescriptor(number);
}

/// Writes all bytes at that place of the file; `path` is for errors, which are errc::io.
inline void write_at(const FileDescriptor& file, std::size_t offset, std::span<const std::byte> bytes,
                     const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(file.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw_io_error(path, "write", errno);
        offset += static_cast<std::size_t>(written);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

/// Waits until the file's content is on the disk.
inline void sync_file(const FileDescriptor& file, const std::filesystem::path& path) {
    // File systems that cannot do it for this kind of file answer EINVAL; then there is nothing to wait for.
    if (::fsync(file.number()) != 0 && errno != EINVAL) throw_io_error(path, "write to disk", errno);
}

}  // namespace bitnet::inline BITNET_ABI
