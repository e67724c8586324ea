#include <bitnet/io/mapped_file.hpp>  // first, so that it cannot lean on another include

#include <cstddef>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "child_process.hpp"
#include <support/temp_dir.hpp>

using bitnet::errc;
using bitnet::MappedFile;

static_assert(!std::is_copy_constructible_v<MappedFile>);
static_assert(std::is_nothrow_move_constructible_v<MappedFile> && std::is_nothrow_move_assignable_v<MappedFile>);

namespace {

std::string text_of(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// Pages of the range that this process has mapped now, as its resident size counts them.
std::size_t resident_bytes() {
    std::size_t total = 0, resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    REQUIRE(file != nullptr);
    REQUIRE(std::fscanf(file, "%zu %zu", &total, &resident) == 2);
    std::fclose(file);
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::pair<errc, std::string> map_refusal(const std::filesystem::path& path) {
    try {
        const MappedFile file(path);
    } catch (const bitnet::error& problem) {
        return {problem.code(), problem.what()};
    }
    FAIL("opened");
    return {};
}

}  // namespace

TEST_CASE("a file's bytes are seen, also after a move") {
    const bitnet_test::TempDir directory;
    bitnet_test::write_text(directory / "a", "hello");
    bitnet_test::write_text(directory / "b", std::string(10'000, 'b'));
    MappedFile a(directory / "a");
    CHECK(text_of(a) == "hello");
    const std::byte* place = a.bytes().data();
    MappedFile moved(std::move(a));
    CHECK(moved.bytes().data() == place);
    MappedFile b(directory / "b");
    b = std::move(moved);
    CHECK(text_of(b) == "hello");
}

TEST_CASE("an empty file is an empty span") {
    const bitnet_test::TempDir directory;
    bitnet_test::write_text(directory / "empty", "");
    const MappedFile file(directory / "empty");
    CHECK(file.bytes().empty());
    file.release(0, 100);
    file.will_need(0, 100);
}

TEST_CASE("a file that cannot be mapped is refused by path and reason") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "x";
    CHECK(map_refusal(path) == std::pair(errc::missing, path.string() + ": no such file"));
    CHECK(map_refusal(directory.path()) ==
          std::pair(errc::io, directory.path().string() + ": cannot read: Is a directory"));
    REQUIRE(::mkfifo(path.c_str(), 0666) == 0);
    CHECK(map_refusal(path) == std::pair(errc::io, path.string() + ": not a regular file"));
    bitnet_test::write_text(directory / "f", "x");
    CHECK(map_refusal(directory / "f" / "g").first == errc::missing);
}

TEST_CASE("a file that may not be read is refused") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "secret";
    bitnet_test::write_text(path, "x");
    std::filesystem::permissions(path, std::filesystem::perms::none);
    std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
    const int status = bitnet_test::in_ordinary_child([&] {
        return map_refusal(path) == std::pair(errc::io, path.string() + ": cannot open: Permission denied") ? 0 : 1;
    });
    if (status == 98)
        MESSAGE("skipped: this root cannot become an ordinary user");
    else
        CHECK(status == 0);
}

TEST_CASE("released pages stop counting as resident and stay readable") {
    const bitnet_test::TempDir directory;
    constexpr std::size_t size = 32u << 20;
    bitnet_test::write_text(directory / "large", std::string(size, 'x'));
    const MappedFile file(directory / "large");
    const auto sum = [&](std::size_t begin, std::size_t end) {
        std::size_t out = 0;
        for (const std::byte letter : file.bytes().subspan(begin, end - begin)) out += std::to_integer<std::size_t>(letter);
        return out;
    };
    file.will_need(0, size);
    const std::size_t before = resident_bytes();
    REQUIRE(sum(0, size) == size * 'x');
    const std::size_t touched = resident_bytes();
    CHECK(touched >= before + size / 2);
    file.release(1, size - 2);
    CHECK(resident_bytes() + size / 2 <= touched);
    CHECK(sum(0, size) == size * 'x');
}

TEST_CASE("advice about a range beyond the end is cut to the file") {
    const bitnet_test::TempDir directory;
    bitnet_test::write_text(directory / "f", std::string(5000, 'x'));
    const MappedFile file(directory / "f");
    constexpr auto all = static_cast<std::size_t>(-1);
    for (const auto& [offset, count] : {std::pair{std::size_t{0}, all}, {std::size_t{4999}, all}, {all, all}, {all, std::size_t{1}}}) {
        file.release(offset, count);
        file.will_need(offset, count);
    }
    CHECK(text_of(file) == std::string(5000, 'x'));
}
