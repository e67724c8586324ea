#include <bitnet/calibrate/token_cache.hpp>

#include <fstream>

#include <doctest/doctest.h>

#include <bitnet/text/bpe_trainer.hpp>
#include <bitnet/text/tokenizer_writer.hpp>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

using namespace bitnet;
using bitnet_test::write_text;

namespace {

struct CachePlace {
    bitnet_test::TempDir dir{};
    std::vector<std::filesystem::path> files{dir / "a.txt", dir / "b.jsonl"};
    std::filesystem::path cache = dir / "cache";

    CachePlace() {
        write_text(files[0], "one two three\n\nfour five\n");
        write_text(files[1], "{\"text\": \"six seven eight nine\"}\n{\"text\": \"\"}\n");
        write_text(tokenizer_file(), to_text(tokenizer_json(train_bpe(std::vector<std::string>{"one two three four five six seven eight nine"}, {.vocab_size = 280}))));
    }
    std::filesystem::path tokenizer_file() const { return dir / "tokenizer.json"; }
    CachedTokens windows(const TokenCacheOptions& options = {}) const {
        return windows_of(files, Tokenizer::open(tokenizer_file()), std::vector{tokenizer_file()}, cache, options);
    }
    std::filesystem::path kept() const { return std::filesystem::directory_iterator(cache)->path(); }
    std::size_t count() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(cache), std::filesystem::directory_iterator()));
    }
};

}  // namespace

TEST_CASE("tokens are cut once, and come from the cache the next time") {
    const CachePlace place;
    const CachedTokens first = place.windows(), second = place.windows();
    CHECK_FALSE(first.from_cache);
    CHECK(second.from_cache);
    CHECK(first.windows == second.windows);
    CHECK(first.windows.size() == 3);  // an empty document is none
    CHECK(place.count() == 1);
}

TEST_CASE("another text, tokenizer, field, length or seed is another cache") {
    const CachePlace place;
    place.windows();
    CHECK_FALSE(place.windows({.tokens = 2}).from_cache);
    CHECK_FALSE(place.windows({.samples = 2}).from_cache);
    CHECK(place.windows({.samples = 2}).windows.size() == 2);
    CHECK_FALSE(place.windows({.seed = 1}).from_cache);
    std::ofstream(place.tokenizer_file(), std::ios::app) << " ";
    CHECK_FALSE(place.windows().from_cache);
    write_text(place.files[0], "one two\n");
    CHECK_FALSE(place.windows().from_cache);
    CHECK_THROWS_WITH_AS(place.windows({.field = "story"}), (place.files[1].string() + ":1: no field \"story\"").c_str(), error);
}

TEST_CASE("a cache that is cut short or of something else is made anew, and one that cannot be kept is no error") {
    CachePlace place;
    const CachedTokens first = place.windows();
    std::filesystem::resize_file(place.kept(), std::filesystem::file_size(place.kept()) - 4);
    const CachedTokens again = place.windows();
    CHECK_FALSE(again.from_cache);
    CHECK(again.note.find("made anew") != std::string::npos);
    CHECK(again.windows == first.windows);
    CHECK(place.windows().from_cache);
    detail::write_token_cache(place.kept(), "another key", first.windows);
    CHECK(place.windows().note.find("is of another text, tokenizer or setting") != std::string::npos);
    auto beyond = first.windows;
    beyond[0][0] = 5000;
    detail::write_token_cache(place.kept(), place.kept().stem().string().substr(12), beyond);
    CHECK(place.windows().note.find("beyond the vocabulary") != std::string::npos);
    write_text(place.dir / "file", "");
    place.cache = place.dir / "file" / "cache";
    CHECK(place.windows().note.find("tokens are not kept") != std::string::npos);
    CHECK(place.windows().windows == first.windows);
}

TEST_CASE("files without any text are refused by name") {
    CachePlace place;
    write_text(place.files[0], "\n");
    place.files.pop_back();
    CHECK_THROWS_WITH_AS(place.windows(), (place.files[0].string() + ": there is no text to calibrate with").c_str(), error);
}
