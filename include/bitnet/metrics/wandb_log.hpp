/// How records stand in a .wandb file: LevelDB's log format, with another checksum.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>
#include <bitnet/io/crc32.hpp>
#include <bitnet/metrics/protobuf_writer.hpp>

namespace bitnet::inline BITNET_ABI {

/// Cuts records into chunks, none of which crosses the end of a block of 32,768 bytes:
///
///     u32 CRC-32 of type and bytes | u16 number of bytes | u8 type: 1 whole, 2 first, 3 middle, 4 last | the bytes
///
/// Less than a chunk's 7 bytes of header at the end of a block are zeros. Blocks are counted from the file's beginning,
/// where file_header stands.
/// Source  wandb, core/pkg/leveldb/record.go; the checksum is not LevelDB's CRC-32C
class WandbLog {
public:
    static constexpr std::size_t block_size = 32768, chunk_header_size = 7;
    /// ":W&B", 0xbee1, version 0.
    static constexpr std::string_view file_header{":W&B\xe1\xbe\0", 7};

    /// The bytes of the next record, of any size, to be written behind those before.
    std::string frame(std::string_view record) {
        std::string out;
        bool begun = false, ended = false;
        while (!ended) {
            if (block_size - position_ < chunk_header_size) {
                out.append(block_size - position_, '\0');
                position_ = 0;
            }
            const std::size_t size = std::min(record.size(), block_size - position_ - chunk_header_size);
            ended = size == record.size();
            std::string chunk(1, static_cast<char>(begun ? (ended ? 4 : 3) : (ended ? 1 : 2)));
            chunk += record.substr(0, size);
            detail::append_little_endian(out, crc32_ieee(chunk));
            detail::append_little_endian(out, static_cast<std::uint16_t>(size));
            out += chunk;
            position_ = (position_ + chunk_header_size + size) % block_size;
            record.remove_prefix(size);
            begun = true;
        }
        return out;
    }

private:
    std::size_t position_ = file_header.size();  ///< in the block
};

}  // namespace bitnet::inline BITNET_ABI
