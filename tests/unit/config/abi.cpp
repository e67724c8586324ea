#include <bitnet/config/abi.hpp>
#include <doctest/doctest.h>
#include <string>

#define BITNET_TEXT_OF(x) #x
#define BITNET_TEXT(x) BITNET_TEXT_OF(x)

TEST_CASE("the version text and the inline namespace agree with the version numbers") {
    const auto major = std::to_string(BITNET_VERSION_MAJOR);
    const auto minor = std::to_string(BITNET_VERSION_MINOR);
    CHECK(std::string(BITNET_VERSION) == major + "." + minor + "." + std::to_string(BITNET_VERSION_PATCH));
    CHECK(std::string(BITNET_TEXT(BITNET_ABI)) == "v" + major + "_" + minor);
}
