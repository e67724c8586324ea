/// TFRecord: how records stand in an event file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>
#include <bitnet/metrics/crc32.hpp>
#include <bitnet/metrics/protobuf_writer.hpp>

namespace bitnet::inline BITNET_ABI {

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
