#include <bitnet/core/error.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

TEST_CASE("a message joins strings, characters, flags and numbers in their shortest form") {
    const std::string text = "text";
    CHECK(bitnet::message("a ", text, ' ', std::string_view("view"), ' ', 7u, ' ', -3, ' ', 0.1f, ' ', 0.1, ' ', true) ==
          "a text view 7 -3 0.1 0.1 true");
    CHECK(bitnet::message() == "");
    CHECK(bitnet::message(1e300) == "1e+300");
}

TEST_CASE("an error carries its kind and its line") {
    const bitnet::error problem(bitnet::errc::bad_file, "x: broken");
    CHECK(problem.code() == bitnet::errc::bad_file);
    CHECK(std::string(problem.what()) == "x: broken");
}

TEST_CASE("every kind of error has a name of its own") {
    std::set<std::string_view> names;
    for (const bitnet::errc code : bitnet::all_errcs) names.insert(bitnet::to_string(code));
    CHECK(names.size() == bitnet::all_errcs.size());
    CHECK(!names.contains("unknown"));
    CHECK(bitnet::to_string(static_cast<bitnet::errc>(99)) == "unknown");
}

TEST_CASE("the documentation gives cause and cure for every kind of error, and for no other") {
    std::ifstream file(BITNET_SOURCE_DIR "/docs/troubleshooting.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    std::size_t rows = 0;
    for (std::size_t at = page.find("\n| `"); at != page.npos; at = page.find("\n| `", at + 1)) ++rows;
    CHECK(rows == bitnet::all_errcs.size());
    for (const bitnet::errc code : bitnet::all_errcs)
        CHECK(page.find(bitnet::message("\n| `", bitnet::to_string(code), "` |")) != page.npos);
}
