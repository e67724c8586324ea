/// How fast the stages of a compression were, beside what the machine can do.
#pragma once

#include <string>

#include <bitnet/io/json.hpp>

namespace cli {

/// For the record: of each stage its products of matrices, of each tensor the bytes that compressing it read and wrote, both a second and
/// as a share of what this machine does where nothing else is in the way, which takes two seconds to measure.
/// record: with `timing` and `tensors`; products: multiplications by stage
bitnet::Json profile_of(const bitnet::Json& record, const bitnet::Json& products, unsigned threads);
/// A profile as tables.
std::string profile_text(const bitnet::Json& profile);

}  // namespace cli
