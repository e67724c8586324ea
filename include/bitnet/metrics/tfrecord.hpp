/// TFRecord: how records stand in an event file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>
#include <bitnet/io/crc32.hpp>
#include <bitnet/metrics/protobuf_writer.hpp>

namespace bitnet::inline BITNET_ABI {

/// A CRC-32C as TFRecord stores it: turned and shifted, so that a checksum of bytes that hold checksums stays one.
constexpr std::uint32_t tfrecord_mask(std::uint32_t crc) noexcept { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

/// The record as it stands in the file, one behind the other without a header:
///
///     u64 length | u32 masked CRC-32C of the length's 8 bytes | the data | u32 masked CRC-32C of the data
///
/// Source  tensorflow.org, "TFRecord and tf.train.Example"
inline std::string tfrecord(std::string_view data) {
    std::string out;
    detail::append_little_endian(out, std::uint64_t{data.size()});
    detail::append_little_endian(out, tfrecord_mask(crc32c(out)));
    out += data;
    detail::append_little_endian(out, tfrecord_mask(crc32c(data)));
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
