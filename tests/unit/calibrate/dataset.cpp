#include <bitnet/calibrate/dataset.hpp>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

using namespace bitnet;
using bitnet_test::write_text;
using Paths = std::vector<std::filesystem::path>;

TEST_CASE("a dataset is a file of its name, or the texts in a directory of its name") {
    const bitnet_test::TempDir dir;
    write_text(dir / "c4.jsonl", "{}");
    std::filesystem::create_directories(dir / "c4" / "deep");
    write_text(dir / "c4" / "deep" / "b.txt", "b");
    write_text(dir / "c4" / "a.jsonl", "{}");
    write_text(dir / "c4" / "README.md", "no text");
    CHECK(dataset_files(dir.path(), "c4") == Paths{dir / "c4" / "a.jsonl", dir / "c4" / "deep" / "b.txt", dir / "c4.jsonl"});
    CHECK(dataset_files(dir.path(), "c5").empty());
    for (const char* const name : {"", "../c4", ".c4"}) CHECK_THROWS_AS(dataset_files(dir.path(), name), error);
}

TEST_CASE("what is not there is fallen back from, one step after the other, and said") {
    const bitnet_test::TempDir dir;
    const auto chosen = [&](std::string_view wanted) { return choose_dataset(dir.path(), wanted); };
    CHECK(chosen("openwebtext").name == "synthetic");
    CHECK(chosen("openwebtext").missing == std::vector<std::string>{"openwebtext", "c4", "wikitext"});
    CHECK(chosen("mine").note("D") == "mine, openwebtext, c4, wikitext are not in D; the model writes its texts itself");
    CHECK(chosen("synthetic").missing.empty());
    write_text(dir / "wikitext.txt", "text");
    CHECK(chosen("c4").name == "wikitext");
    CHECK(chosen("c4").note("D") == "c4 is not in D; calibrated with wikitext");
    write_text(dir / "openwebtext.txt", "text");
    CHECK(chosen("openwebtext").files == Paths{dir / "openwebtext.txt"});
    CHECK(chosen("openwebtext").note("D").empty());
    CHECK(chosen("mine").name == "openwebtext");
    CHECK_THROWS_AS(choose_dataset(dir / "nowhere", "c4"), error);
}
