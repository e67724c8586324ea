#include <bitnet/pipeline/file_list.hpp>

#include <doctest/doctest.h>

#include "models.hpp"

namespace fs = std::filesystem;
using bitnet::describe_files;
using bitnet::errc;
using bitnet::file_faults;
using bitnet::Json;
using bitnet::listed_files;
using bitnet_test::refusal;
using bitnet_test::TempDir;
using bitnet_test::write_text;

namespace {

constexpr std::string_view digest_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

void fill(const TempDir& place) {
    fs::create_directories(place / "out" / "quantized" / "deep");
    write_text(place / "out" / "quantized" / "b", "abc");
    write_text(place / "out" / "quantized" / "deep" / "a", "");
    write_text(place / "out" / "a.txt", "abc");
}
Json row(const std::string& path, std::string_view sha256 = digest_of_abc) { return Json::array({Json::object({{"path", path}, {"bytes", 3}, {"sha256", sha256}})}); }

}  // namespace

TEST_CASE("the files of an output are listed by path, without the record, its page and what is no file") {
    const TempDir place;
    fill(place);
    for (const std::string name : {"compression_metadata.json", "report.html"}) write_text(place / "out" / name, "later");
    write_text(place / "out" / "quantized" / "report.html", "abc");  // only that of the output is left out
    fs::create_symlink("b", place / "out" / "quantized" / "link");
    const auto files = listed_files(describe_files(place / "out"), "files");
    REQUIRE(files.size() == 4);
    CHECK(files[0] == bitnet::ListedFile{"a.txt", 3, std::string(digest_of_abc)});
    CHECK(files[1].path == "quantized/b");
    CHECK(files[2] == bitnet::ListedFile{"quantized/deep/a", 0, bitnet::sha256_hex("")});
    CHECK(files[3].path == "quantized/report.html");
    CHECK(file_faults(place / "out", files).empty());
    CHECK(refusal([&] { describe_files(place / "nowhere"); }).first == errc::io);
}

TEST_CASE("each file that has changed is named with how") {
    const TempDir place;
    fill(place);
    const auto files = listed_files(describe_files(place / "out"), "files");
    write_text(place / "out" / "a.txt", "abd");
    write_text(place / "out" / "quantized" / "b", "ab");
    fs::remove(place / "out" / "quantized" / "deep" / "a");
    CHECK(file_faults(place / "out", files) == std::vector<std::string>{
        "a.txt has sha256 " + bitnet::sha256_hex("abd") + ", the record says " + std::string(digest_of_abc),
        "quantized/b has 2 bytes, the record says 3", "quantized/deep/a is missing"});
    fs::create_directory(place / "out" / "quantized" / "deep" / "a");
    CHECK(file_faults(place / "out", files).back() == (place / "out" / "quantized/deep/a").string() + ": not a regular file");
}

TEST_CASE("a list that leads out of its output, or is none, is refused") {
    for (const std::string path : {"", ".", "..", "../x", "/etc/passwd", "a/../b", "./a", "a/", "a//b"}) {
        INFO(path);
        const auto [code, what] = refusal([&] { listed_files(row(path), "r.json: files"); });
        CHECK(code == errc::bad_file);
        CHECK(what == "r.json: files[0]: path \"" + path + "\" leads out of the output");
    }
    CHECK(listed_files(row("..a/b..c"), "files").size() == 1);
    for (const std::string& digest : {std::string(), std::string(63, '0'), std::string(64, 'g'), std::string(64, 'A')})
        CHECK(refusal([&] { listed_files(row("a", digest), "files"); }).second == "files[0]: sha256 \"" + digest + "\", expected 64 digits of 0 to 9 and a to f");
    Json twice = row("a");
    twice.push_back(twice.as_array()[0]);
    CHECK(refusal([&] { listed_files(twice, "files"); }).second == "files[1]: path \"a\" stands twice");
    CHECK(refusal([&] { listed_files(Json(3), "files"); }).second == "files: expected an array, found 3");
    CHECK(refusal([&] { listed_files(Json::array({Json::object()}), "files"); }).second == "files[0]: no key \"path\"");
}
