#include <bitnet/io/scratch_memory.hpp>

#include <algorithm>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

using namespace bitnet;

TEST_CASE("scratch memory is zero at first, keeps what is written, moves with its owner, and leaves no name behind") {
    const bitnet_test::TempDir dir;
    ScratchMemory memory(100'000, dir.path());
    CHECK(std::filesystem::is_empty(dir.path()));
    REQUIRE(memory.bytes().size() == 100'000);
    CHECK(std::ranges::all_of(memory.bytes(), [](std::byte b) { return b == std::byte{0}; }));
    memory.bytes()[99'999] = std::byte{7};
    const ScratchMemory moved = std::move(memory);
    CHECK(moved.bytes()[99'999] == std::byte{7});
    CHECK(ScratchMemory(0).bytes().empty());
}

TEST_CASE("a directory that is not there, and a disk that has no such space, are refused by name") {
    const bitnet_test::TempDir dir;
    CHECK_THROWS_WITH_AS(ScratchMemory(8, dir / "nowhere"), doctest::Contains("nowhere: cannot keep 8 bytes of scratch"), error);
    CHECK_THROWS_AS(ScratchMemory(std::size_t{1} << 60, dir.path()), error);
    CHECK(std::filesystem::is_empty(dir.path()));
}
