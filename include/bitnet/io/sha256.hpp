/// SHA-256 of bytes and of files: by it a file is known again.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/file_descriptor.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// The first 32 bits behind the point of the cube roots of the first 64 primes.
inline constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

}  // namespace detail

/// The digest of bytes that come in pieces of any size; fewer than 2^61 of them.
///
///     Sha256().add("a").add("bc").hex() == sha256_hex("abc")
///
/// Source  FIPS 180-4, sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2
class Sha256 {
public:
    using Digest = std::array<std::uint8_t, 32>;

    constexpr Sha256& add(std::string_view bytes) noexcept {
        size_ += bytes.size();
        if (held_ != 0) bytes.remove_prefix(hold(bytes));
        if (held_ == block_.size()) mix(block_.data()), held_ = 0;
        for (; bytes.size() >= block_.size(); bytes.remove_prefix(block_.size())) mix(bytes.data());
        hold(bytes);  // nothing where the block still waits for more: then all is in it
        return *this;
    }
    Sha256& add(std::span<const std::byte> bytes) noexcept {
        return add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }

    /// Of all bytes so far; more may be added behind it.
    constexpr Digest digest() const noexcept {
        Sha256 end = *this;
        std::array<char, 72> padding{};  // one bit, zeros up to 8 bytes before a whole block, and the number of bits
        padding[0] = static_cast<char>(0x80);
        const std::size_t zeros = (119 - static_cast<std::size_t>(size_ % 64)) % 64;
        for (std::size_t i = 0; i < 8; ++i) padding[1 + zeros + i] = static_cast<char>((size_ * 8) >> (56 - 8 * i) & 0xff);
        end.add(std::string_view(padding.data(), 9 + zeros));
        Digest out{};
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(end.state_[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
        return out;
    }
    /// The same as 64 digits in lower case.
    std::string hex() const {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string out;
        for (const std::uint8_t byte : digest()) (out += digits[byte >> 4]) += digits[byte & 15];
        return out;
    }

private:
    /// Fills the block as far as the bytes go; how many it took.
    constexpr std::size_t hold(std::string_view bytes) noexcept {
        const std::size_t count = std::min(block_.size() - held_, bytes.size());
        std::copy_n(bytes.begin(), count, block_.begin() + static_cast<std::ptrdiff_t>(held_));
        held_ += count;
        return count;
    }

    constexpr void mix(const char* block) noexcept {
        std::array<std::uint32_t, 64> w{};
        for (std::size_t i = 0; i < 16; ++i)
            for (std::size_t byte = 0; byte < 4; ++byte) w[i] = w[i] << 8 | static_cast<unsigned char>(block[4 * i + byte]);
        for (std::size_t i = 16; i < w.size(); ++i) {
            const std::uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] + (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
        }
        std::array<std::uint32_t, 8> s = state_;  // a ... h of the standard
        for (std::size_t i = 0; i < w.size(); ++i) {
            const std::uint32_t sum1 = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25);
            const std::uint32_t sum0 = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22);
            const std::uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]), majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            const std::uint32_t first = s[7] + sum1 + choice + detail::sha256_constants[i] + w[i];
            s = {first + sum0 + majority, s[0], s[1], s[2], s[3] + first, s[4], s[5], s[6]};
        }
        for (std::size_t i = 0; i < s.size(); ++i) state_[i] += s[i];
    }

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<char, 64> block_{};
    std::size_t held_ = 0;  // bytes of the block that wait for the rest
    std::uint64_t size_ = 0;
};

inline std::string sha256_hex(std::string_view bytes) { return Sha256().add(bytes).hex(); }

/// Adds a whole file, a megabyte at a time; how many bytes it has.
///
/// Errors  errc::missing when nothing has that name; errc::io when it is no regular file, or the system refuses
inline std::uint64_t add_file(Sha256& sum, const std::filesystem::path& path) {
    const FileDescriptor file = open_file(path, O_RDONLY | O_NONBLOCK);  // or opening a pipe would wait for a writer
    if (!file.is_open() && (errno == ENOENT || errno == ENOTDIR)) throw error(errc::missing, message(path.string(), ": no such file"));
    if (!file.is_open()) throw_io_error(path, "open", errno);
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) throw_io_error(path, "read", errno);
    if (!S_ISREG(status.st_mode)) throw error(errc::io, message(path.string(), ": not a regular file"));
    std::vector<std::byte> piece(1 << 20);
    std::uint64_t size = 0;
    for (;;) {
        const ssize_t count = ::read(file.number(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw_io_error(path, "read", errno);
        if (count == 0) return size;
        sum.add(std::span(piece).first(static_cast<std::size_t>(count)));
        size += static_cast<std::uint64_t>(count);
    }
}

/// Of a file, as 64 digits; memory does not depend on its size. Errors as add_file.
inline std::string sha256_of_file(const std::filesystem::path& path) {
    Sha256 sum;
    add_file(sum, path);
    return sum.hex();
}

}  // namespace bitnet::inline BITNET_ABI
