/// Memory that the system may move to disk.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/file_descriptor.hpp>

namespace bitnet::inline BITNET_ABI {

/// So many bytes of a file without a name: zeros at first, gone with this object or with the process, however it ends. Pages that are
/// not in use need no memory. Space on the disk is taken at once, so that a full disk is an error here and none later. Move-only.
///
/// directory  on whose disk; the system's for temporary files unless another is named
/// Errors     errc::io naming the directory and the bytes
class ScratchMemory {
public:
    ScratchMemory() = default;
    explicit ScratchMemory(std::size_t bytes, const std::filesystem::path& directory = std::filesystem::temp_directory_path()) {
        if (bytes == 0) return;
        const std::string what = message("keep ", bytes, " bytes of scratch");
        std::string name = (directory / "bitnet-XXXXXX").string();
        const FileDescriptor file(::mkostemp(name.data(), O_CLOEXEC));
        if (!file.is_open()) throw_io_error(directory, what, errno);
        ::unlink(name.c_str());
        if (const int reason = ::posix_fallocate(file.number(), 0, static_cast<off_t>(bytes)); reason != 0) throw_io_error(directory, what, reason);
        void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.number(), 0);
        if (start == MAP_FAILED) throw_io_error(directory, what, errno);
        bytes_ = {static_cast<std::byte*>(start), bytes};
    }
    ScratchMemory(ScratchMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    ScratchMemory& operator=(ScratchMemory&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~ScratchMemory() {
        if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
    }

    std::span<std::byte> bytes() const noexcept { return bytes_; }

private:
    std::span<std::byte> bytes_{};
};

}  // namespace bitnet::inline BITNET_ABI
