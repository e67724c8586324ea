/// Readers of event files, .wandb files and protocol buffers for tests, written apart from the writers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet_test {

inline void expect(bool truth, const char* what) {
    if (!truth) throw std::runtime_error(what);
}

/// "1a00 |ff" as three bytes; what is no digit separates.
inline std::string from_hex(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    std::size_t found = 0;
    int byte = 0;
    for (const char letter : text) {
        const std::size_t digit = digits.find(letter);
        if (digit == digits.npos) continue;
        byte = byte * 16 + static_cast<int>(digit);
        if (++found % 2 == 0) out += static_cast<char>(byte), byte = 0;
    }
    return out;
}

/// The little-endian integer of `size` bytes at the front, which is taken away.
inline std::uint64_t take_integer(std::string_view& bytes, std::size_t size) {
    expect(bytes.size() >= size, "cut short in an integer");
    std::uint64_t out = 0;
    for (std::size_t i = size; i-- > 0;) out = out * 256 + static_cast<unsigned char>(bytes[i]);
    bytes.remove_prefix(size);
    return out;
}
inline std::string_view take(std::string_view& bytes, std::uint64_t size) {
    expect(bytes.size() >= size, "cut short in bytes");
    const auto out = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return out;
}

/// Bit by bit, without a table.
inline std::uint32_t slow_crc(std::uint32_t polynomial, std::string_view bytes) {
    std::uint32_t crc = 0xffffffff;
    for (const char byte : bytes)
        for (unsigned bit = 0; bit < 8; ++bit) {
            const bool one = ((crc ^ (static_cast<unsigned char>(byte) >> bit)) & 1) != 0;
            crc = (crc >> 1) ^ (one ? polynomial : 0);
        }
    return crc ^ 0xffffffff;
}

/// A field of a message as it stands in the file.
struct ProtobufField {
    std::uint32_t number = 0;
    std::uint32_t wire = 0;       ///< 0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes
    std::uint64_t integer = 0;    ///< of wire types 0, 1 and 5
    std::string_view bytes = {};  ///< of wire type 2

    double as_double() const { return std::bit_cast<double>(integer); }
    float as_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(integer)); }
};

inline std::uint64_t take_varint(std::string_view& bytes) {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const std::uint64_t byte = take_integer(bytes, 1);
        out |= (byte & 0x7f) << shift;
        if (byte < 0x80) return out;
    }
    throw std::runtime_error("a varint of more than ten bytes");
}

/// All fields of a message, in the file's order.
class ProtobufFields {
public:
    explicit ProtobufFields(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::uint64_t tag = take_varint(bytes);
            ProtobufField field{static_cast<std::uint32_t>(tag >> 3), static_cast<std::uint32_t>(tag & 7)};
            expect(field.number != 0, "field 0");
            if (field.wire == 0)
                field.integer = take_varint(bytes);
            else if (field.wire == 1)
                field.integer = take_integer(bytes, 8);
            else if (field.wire == 5)
                field.integer = take_integer(bytes, 4);
            else if (field.wire == 2)
                field.bytes = take(bytes, take_varint(bytes));
            else
                throw std::runtime_error("an unknown wire type");
            fields_.push_back(field);
        }
    }

    auto begin() const { return fields_.begin(); }
    auto end() const { return fields_.end(); }
    std::size_t size() const { return fields_.size(); }
    const ProtobufField& operator[](std::size_t i) const { return fields_.at(i); }

    const ProtobufField* find(std::uint32_t number) const {
        for (const ProtobufField& field : fields_)
            if (field.number == number) return &field;
        return nullptr;
    }
    /// The first field of that number, which must be there.
    const ProtobufField& at(std::uint32_t number) const {
        const ProtobufField* found = find(number);
        expect(found != nullptr, "a field is missing");
        return *found;
    }
    /// The message in the first field of that number.
    ProtobufFields in(std::uint32_t number) const { return ProtobufFields(at(number).bytes); }
    std::string text(std::uint32_t number) const { return std::string(at(number).bytes); }

private:
    std::vector<ProtobufField> fields_;
};

/// The data of every TFRecord of a file, both checksums checked.
inline std::vector<std::string> read_tfrecords(std::string_view file) {
    const auto checked = [&](std::string_view bytes) {
        const std::uint32_t crc = slow_crc(0x82f63b78, bytes);
        const std::uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8;
        expect(take_integer(file, 4) == masked, "a wrong checksum");
    };
    std::vector<std::string> out;
    while (!file.empty()) {
        const std::string_view length = take(file, 8);
        checked(length);
        std::string_view digits = length;
        const std::string_view data = take(file, take_integer(digits, 8));
        checked(data);
        out.emplace_back(data);
    }
    return out;
}

/// The records of a .wandb file, each chunk's place, type and checksum checked.
inline std::vector<std::string> read_wandb_log(const std::string& bytes) {
    std::string_view file = bytes;
    expect(take(file, 7) == std::string_view(":W&B\xe1\xbe\0", 7), "a wrong header");
    std::vector<std::string> out;
    bool open = false;
    while (!file.empty()) {
        const std::size_t room = 32768 - (bytes.size() - file.size()) % 32768;
        if (room < 7) {
            for (const char byte : take(file, room)) expect(byte == 0, "padding that is not zero");
            continue;
        }
        const std::uint64_t crc = take_integer(file, 4), size = take_integer(file, 2);
        expect(7 + size <= room, "a chunk crosses the end of its block");
        expect(file.size() > size, "a chunk is cut short");
        expect(slow_crc(0xedb88320, file.substr(0, size + 1)) == crc, "a wrong checksum");
        const std::uint64_t type = take_integer(file, 1);
        const std::string_view chunk = take(file, size);
        expect(type >= 1 && type <= 4, "an unknown type of chunk");
        expect(open == (type > 2), "a chunk out of order");
        if (type <= 2)
            out.emplace_back(chunk);
        else
            out.back() += chunk;
        open = type == 2 || type == 3;
        expect(!open || 7 + size == room, "a record goes on before its block is full");
    }
    expect(!open, "the last record has no end");
    return out;
}

}  // namespace bitnet_test
