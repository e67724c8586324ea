/// Version of the library and the inline namespace that carries it.
///
/// Every declaration stands in `namespace bitnet::inline BITNET_ABI`, so that two versions of the headers in one
/// program are two sets of symbols. No macro changes the layout of a type here, hence no option is part of the name.
#pragma once

#define BITNET_VERSION_MAJOR 0
#define BITNET_VERSION_MINOR 1
#define BITNET_VERSION_PATCH 0
#define BITNET_VERSION "0.1.0"
#define BITNET_ABI v0_1
