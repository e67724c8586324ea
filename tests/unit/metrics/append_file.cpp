#include <bitnet/metrics/append_file.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include <support/temp_dir.hpp>

using bitnet::AppendFile;

TEST_CASE("a file goes on behind what it holds, and everyone sees it at once") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "file";
    bitnet_test::write_text(path, "abc");
    AppendFile file = AppendFile::open(path);
    file.append("def");
    CHECK(bitnet_test::read_text(path) == "abcdef");
    bitnet_test::write_text(path, "");  // somebody cuts it
    file.append("ghi");
    CHECK(bitnet_test::read_text(path) == "ghi");
    CHECK(file.path() == path);
    file.close();
    CHECK(!file.is_open());
    CHECK_THROWS_WITH_AS(file.append("x"), "a record outside of a run: begin() comes first, end() last", bitnet::error);
}

TEST_CASE("a new file is made once") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "file";
    auto file = AppendFile::create(path);
    REQUIRE(file);
    file->append("first");
    CHECK(!AppendFile::create(path));
    CHECK(bitnet_test::read_text(path) == "first");
}

TEST_CASE("the last byte of a file that has one") {
    const bitnet_test::TempDir directory;
    AppendFile file = AppendFile::open(directory / "file");
    CHECK(!file.ends_unlike('\n'));
    file.append("a line\n");
    CHECK(!file.ends_unlike('\n'));
    file.append("half a");
    CHECK(file.ends_unlike('\n'));
    CHECK(!AppendFile::open("/dev/null").ends_unlike('\n'));
}

TEST_CASE("what the system refuses names the file") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "none" / "file";
    const std::string none = path.string();
    CHECK_THROWS_WITH_AS(AppendFile::open(path), (none + ": cannot open: No such file or directory").c_str(), bitnet::error);
    CHECK_THROWS_WITH_AS(AppendFile::create(path), (none + ": cannot create: No such file or directory").c_str(),
                         bitnet::error);
    CHECK_THROWS_WITH_AS(AppendFile::open("/dev/full").append("x"), "/dev/full: cannot write: No space left on device",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(AppendFile().ends_unlike('\n'), ": cannot look at: Bad file descriptor", bitnet::error);
}

TEST_CASE("directories are made with those above them, but not in the place of a file") {
    const bitnet_test::TempDir directory;
    bitnet::make_directories(directory / "a/b/c");
    bitnet::make_directories(directory / "a/b/c");
    CHECK(std::filesystem::is_directory(directory / "a/b/c"));
    bitnet_test::write_text(directory / "file", "");
    const auto inside = directory / "file/inside";
    CHECK_THROWS_WITH_AS(bitnet::make_directories(inside), (inside.string() + ": cannot create: Not a directory").c_str(),
                         bitnet::error);
}
