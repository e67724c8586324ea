#include <bitnet/text/tokenizer_files.hpp>  // first, so that it cannot lean on another include

#include <string>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

using bitnet::errc;
using bitnet::read_tokenizer_files;
using bitnet_test::TempDir;
using bitnet_test::write_text;

namespace {

const std::string document = R"({
    "added_tokens": [{"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}],
    "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "y"}}],
        "special_tokens": {"x": {"ids": [1]}, "y": {"ids": [2]}}},
    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})";

}  // namespace

TEST_CASE("control tokens are those of the small files, else those that the post-processor adds") {
    const TempDir directory;
    write_text(directory / "tokenizer.json", document);
    auto parts = read_tokenizer_files(directory.path());
    CHECK(parts.bos == 1u);
    CHECK(parts.eos == 2u);
    write_text(directory / "special_tokens_map.json", R"({"bos_token": "</s>", "eos_token": {"content": "a"}})");
    parts = read_tokenizer_files(directory / "tokenizer.json");
    CHECK(parts.bos == 2u);
    CHECK(parts.eos == 0u);
    write_text(directory / "tokenizer_config.json", R"({"bos_token": null, "eos_token": "not there", "model_max_length": 1e30})");
    parts = read_tokenizer_files(directory.path());
    CHECK_FALSE(parts.bos.has_value());
    CHECK_FALSE(parts.eos.has_value());
}

TEST_CASE("vocab.json and merges.txt are read where there is no tokenizer.json") {
    const TempDir directory;
    write_text(directory / "vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
    CHECK_THROWS_AS(read_tokenizer_files(directory.path()), bitnet::error);  // no merges
    write_text(directory / "merges.txt", "a b\n");
    write_text(directory / "tokenizer_config.json", R"({"eos_token": "<|endoftext|>"})");
    for (const auto& path : {directory.path(), directory / "vocab.json"}) {
        const auto parts = read_tokenizer_files(path);
        CHECK(parts.eos == 3u);
        CHECK(parts.model.vocabulary().size() == 4);
    }
    write_text(directory / "tokenizer.json", document);
    CHECK(read_tokenizer_files(directory.path()).eos != 3u);
}

TEST_CASE("a tokenizer that is not there or not readable is refused by its path") {
    const TempDir directory;
    const auto refusal = [](const std::filesystem::path& path, errc code) {
        try {
            read_tokenizer_files(path);
        } catch (const bitnet::error& problem) {
            CHECK(problem.code() == code);
            return std::string(problem.what());
        }
        return std::string("accepted");
    };
    CHECK(refusal(directory.path(), errc::missing) ==
          directory.path().string() + ": no tokenizer: neither tokenizer.json nor vocab.json");
    CHECK(refusal(directory / "x", errc::missing) == (directory / "x").string() + ": no such file");
    write_text(directory / "tokenizer.json", "{");
    CHECK(refusal(directory.path(), errc::bad_file).starts_with((directory / "tokenizer.json").string() + ": not JSON"));
    write_text(directory / "tokenizer.json", document);
    write_text(directory / "tokenizer_config.json", R"({"bos_token": 3})");
    CHECK(refusal(directory.path(), errc::bad_value) ==
          (directory / "tokenizer_config.json").string() + ": bos_token: expected a string, found 3");
}
