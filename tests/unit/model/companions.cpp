#include <bitnet/model/companions.hpp>

#include <doctest/doctest.h>

#include <bitnet/io/atomic_directory.hpp>

#include <support/temp_dir.hpp>

TEST_CASE("tokenizer and generation settings are copied, and nothing else") {
    const bitnet_test::TempDir dir;
    std::filesystem::create_directory(dir / "to");
    for (const std::string name : {"tokenizer.json", "merges.txt", "config.json", "model.safetensors", "notes.txt"})
        bitnet::write_file(dir / name, name);
    CHECK(bitnet::companion_files(dir.path()) == std::vector<std::string>{"merges.txt", "tokenizer.json"});
    bitnet::copy_companions(dir.path(), dir / "to");
    CHECK(bitnet::companion_files(dir / "to").size() == 2);
    CHECK_FALSE(std::filesystem::exists(dir / "to" / "config.json"));
    CHECK_THROWS_WITH_AS(bitnet::copy_companions(dir.path(), dir / "to"), doctest::Contains("cannot copy"), bitnet::error);
    CHECK(bitnet::companion_files(dir / "nowhere").empty());
}
