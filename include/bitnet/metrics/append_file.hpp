/// Files that grow by whole records, and the directories that they stand in.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/file_descriptor.hpp>

namespace bitnet::inline BITNET_ABI {

/// A file written at its end. What append() was given has reached the system when it returns: other programs see it,
/// and it outlives this one. Move-only.
///
/// Errors  errc::io with the path and the system's reason; errc::bad_value for append() to a file that is not open
class AppendFile {
public:
    AppendFile() = default;

    /// Creates the file, or goes on behind what it holds.
    static AppendFile open(const std::filesystem::path& path) {
        FileDescriptor file = open_file(path, O_RDWR | O_APPEND | O_CREAT);
        if (!file.is_open()) throw_io_error(path, "open", errno);
        return AppendFile(std::move(file), path);
    }
    /// Creates the file; nothing when something of that name is there.
    static std::optional<AppendFile> create(const std::filesystem::path& path) {
        FileDescriptor file = open_file(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL);
        if (!file.is_open() && errno == EEXIST) return std::nullopt;
        if (!file.is_open()) throw_io_error(path, "create", errno);
        return AppendFile(std::move(file), path);
    }

    const std::filesystem::path& path() const noexcept { return path_; }
    bool is_open() const noexcept { return file_.is_open(); }

    /// Whether the file's last byte is another one. An empty file has none, nor has what is no regular file.
    bool ends_unlike(char byte) const {
        struct stat status {};
        if (::fstat(file_.number(), &status) != 0) throw_io_error(path_, "look at", errno);
        if (!S_ISREG(status.st_mode) || status.st_size == 0) return false;
        char last = byte;
        if (::pread(file_.number(), &last, 1, status.st_size - 1) < 0) throw_io_error(path_, "read", errno);
        return last != byte;
    }

    void append(std::string_view bytes) {
        if (!is_open()) throw error(errc::bad_value, "a record outside of a run: begin() comes first, end() last");
        while (!bytes.empty()) {
            const ssize_t written = ::write(file_.number(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) throw_io_error(path_, "write", errno);
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    void close() { file_.close(path_); }

private:
    AppendFile(FileDescriptor file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {}

    FileDescriptor file_;
    std::filesystem::path path_;
};

/// Makes a directory and those above it, where they are not there. Errors are errc::io.
inline void make_directories(const std::filesystem::path& path) {
    std::error_code reason;
    std::filesystem::create_directories(path, reason);
    if (reason) throw_io_error(path, "create", reason.value());
}

}  // namespace bitnet::inline BITNET_ABI
