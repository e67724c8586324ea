/// Protocol buffer messages, field by field: the few wire types that metric files need.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// The integer's bytes, the lowest first.
template <std::unsigned_integral Integer>
void append_little_endian(std::string& out, Integer value) {
    for (std::size_t i = 0; i < sizeof(Integer); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
inline void append_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
    out += static_cast<char>(value);
}

}  // namespace detail

/// A message under construction. Every call appends one field, whatever its value: proto3 leaves out fields that are zero
/// or empty, but for the chosen one of a oneof, and which one that is only the caller knows.
///
///     ProtobufWriter().integer(1, 7).bytes(2, "seven").text()     // 08 07 12 05 's' 'e' 'v' 'e' 'n'
///
/// Fields are numbered from 1 to 2^29 - 1. A repeated field is several calls, a map entry a message {key 1, value 2}.
/// Source  protobuf.dev, "Encoding"
class ProtobufWriter {
public:
    /// int32, int64, bool or enum. A negative number takes ten bytes, of an int32 too.
    ProtobufWriter& integer(std::uint32_t field, std::int64_t value) {
        tag(field, 0);
        detail::append_varint(text_, static_cast<std::uint64_t>(value));
        return *this;
    }
    /// The field of type double.
    ProtobufWriter& number(std::uint32_t field, double value) {
        tag(field, 1);
        detail::append_little_endian(text_, std::bit_cast<std::uint64_t>(value));
        return *this;
    }
    /// The field of type float.
    ProtobufWriter& number(std::uint32_t field, float value) {
        tag(field, 5);
        detail::append_little_endian(text_, std::bit_cast<std::uint32_t>(value));
        return *this;
    }
    /// string or bytes.
    ProtobufWriter& bytes(std::uint32_t field, std::string_view value) {
        tag(field, 2);
        detail::append_varint(text_, value.size());
        text_ += value;
        return *this;
    }
    ProtobufWriter& message(std::uint32_t field, const ProtobufWriter& value) { return bytes(field, value.text_); }

    /// The message so far.
    const std::string& text() const noexcept { return text_; }

private:
    void tag(std::uint32_t field, std::uint32_t wire_type) { detail::append_varint(text_, field << 3 | wire_type); }

    std::string text_;
};

}  // namespace bitnet::inline BITNET_ABI
