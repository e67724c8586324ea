#include <bitnet/io/file_descriptor.hpp>

#include <doctest/doctest.h>

#include <array>

#include <support/temp_dir.hpp>

using bitnet::FileDescriptor;

TEST_CASE("bytes land at their place, and a descriptor moves with its file") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "file";
    FileDescriptor file = bitnet::open_file(path, O_WRONLY | O_CREAT);
    REQUIRE(file.is_open());
    bitnet::write_at(file, 3, std::as_bytes(std::span("def", 3)), path);
    bitnet::write_at(file, 0, std::as_bytes(std::span("abc", 3)), path);
    FileDescriptor moved = std::move(file);
    CHECK(!file.is_open());
    bitnet::sync_file(moved, path);
    moved.close(path);
    CHECK(bitnet_test::read_text(path) == "abcdef");
}

TEST_CASE("what the system refuses is told with path and reason") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "none" / "file";
    CHECK(!bitnet::open_file(path, O_RDONLY).is_open());
    const FileDescriptor none;
    CHECK_THROWS_WITH_AS(bitnet::write_at(none, 0, std::array<std::byte, 1>{}, "x"), "x: cannot write: Bad file descriptor",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::sync_file(none, "x"), "x: cannot write to disk: Bad file descriptor", bitnet::error);
    FileDescriptor closed;
    CHECK_THROWS_WITH_AS(closed.close("x"), "x: cannot close: Bad file descriptor", bitnet::error);
}
