#include <bitnet/text/bpe_trainer.hpp>  // first, so that it cannot lean on another include

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/text/byte_alphabet.hpp>

using bitnet::BpeTrainerOptions;
using bitnet::errc;
using bitnet::train_bpe;
using bitnet::TrainedBpe;

namespace {

using Texts = std::vector<std::string>;

/// What the merges make, in order.
Texts made(const TrainedBpe& trained) {
    return {trained.tokens.end() - static_cast<std::ptrdiff_t>(trained.merges.size()), trained.tokens.end()};
}

Texts repeated(const std::vector<std::pair<std::string, int>>& words) {
    Texts out;
    for (const auto& [word, count] : words) out.insert(out.end(), static_cast<std::size_t>(count), word);
    return out;
}

/// Four words and how often each occurs.
const Texts low_and_new = repeated({{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}});

/// The definition: count everything, merge everywhere, again and again. Words are lower-case letters, one a document.
std::vector<TrainedBpe::Merge> reference(const Texts& words, std::size_t merges, std::int64_t least) {
    std::vector<std::vector<std::uint32_t>> split;
    for (const std::string& word : words) {
        split.emplace_back();
        for (const char letter : word) split.back().push_back(static_cast<std::uint32_t>(letter - '!' + 1));
    }
    std::vector<TrainedBpe::Merge> out;
    for (std::uint32_t id = 257; out.size() < merges; ++id) {
        std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> counts;  // the lowest pair first
        for (const auto& word : split)
            for (std::size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
        std::pair<std::uint32_t, std::uint32_t> best{};
        std::int64_t most = least - 1;
        for (const auto& [pair, count] : counts)
            if (count > most) best = pair, most = count;
        if (most < least) break;
        out.push_back({best.first, best.second});
        for (auto& word : split)
            for (std::size_t i = 0; i + 1 < word.size(); ++i) {
                if (std::pair(word[i], word[i + 1]) != best) continue;
                word[i] = id;
                word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            }
    }
    return out;
}

void check_refusal(const Texts& documents, const BpeTrainerOptions& options, const char* words) {
    try {
        train_bpe(documents, options);
        FAIL_CHECK("not refused: ", words);
    } catch (const bitnet::error& refused) {
        CHECK(refused.code() == errc::bad_value);
        CHECK(std::string(refused.what()) == words);
    }
}

}  // namespace

TEST_CASE("the most frequent pair is merged first, and the words it stood in are counted anew") {
    // 9 es, 9 est | 7 lo, 7 low | of six "n e w est": ew before ne and west, for e < n < w, then new, newest | of three
    // "w i d est": dest, idest, widest | of two "low e r": er, for e is lower than low, then lower
    CHECK(made(train_bpe(low_and_new)) ==
          Texts{"es", "est", "lo", "low", "ew", "new", "newest", "dest", "idest", "widest", "er", "lower"});
    CHECK(made(train_bpe(low_and_new, {.vocab_size = 260})) == Texts{"es", "est", "lo"});
}

TEST_CASE("ids are special tokens, then all bytes in the order of their characters, then what the merges make") {
    const TrainedBpe trained = train_bpe(low_and_new, {.vocab_size = 260, .special_tokens = {"<s>", "</s>"}});
    REQUIRE(trained.tokens.size() == 260);
    CHECK(trained.special_tokens == 2);
    CHECK(trained.tokens[0] == "<s>");
    CHECK(trained.tokens[1] == "</s>");
    CHECK(trained.tokens[2] == "!");
    CHECK(trained.tokens[2 + 'e' - '!'] == "e");
    CHECK(trained.tokens[2 + 93] == "~");
    CHECK(trained.tokens[2 + 94] == "¡");    // byte 0xa1
    CHECK(trained.tokens[2 + 187] == "ÿ");   // byte 0xff
    CHECK(trained.tokens[2 + 188] == "Ā");   // byte 0
    CHECK(trained.tokens[2 + 220] == "Ġ");   // a space, 220 in GPT-2
    CHECK(trained.tokens[2 + 255] == "Ń");   // byte 0xad
    CHECK(trained.tokens[2 + 256] == "es");
    CHECK(trained.merges == std::vector<TrainedBpe::Merge>{{2 + 'e' - '!', 2 + 's' - '!'}, {2 + 256, 2 + 't' - '!'}});
}

TEST_CASE("rare pairs are not merged, and a text with too few pairs gives fewer tokens") {
    CHECK(made(train_bpe(low_and_new, {.min_frequency = 6})) == Texts{"es", "est", "lo", "low", "ew", "new", "newest"});
    CHECK(made(train_bpe(low_and_new, {.min_frequency = 10})).empty());
    CHECK(made(train_bpe(low_and_new, {.vocab_size = 257})).empty());
    CHECK(made(train_bpe(Texts{"ab"})).empty());
    for (const std::size_t once : {0u, 1u}) CHECK(made(train_bpe(Texts{"ab"}, {.min_frequency = once})) == Texts{"ab"});
    CHECK(train_bpe(low_and_new).tokens.size() == 257 + 12);
}

TEST_CASE("pairs are counted where they overlap and merged from the left") {
    // a a a a a, twice: aa counts 8. aa aa a: both pairs count 2, and "a" is the lower id. aa aaa.
    CHECK(made(train_bpe(Texts{"aaaaa", "aaaaa"})) == Texts{"aa", "aaa", "aaaaa"});
    CHECK(train_bpe(Texts{"aaaaa", "aaaaa"}).merges == std::vector<TrainedBpe::Merge>{{65, 65}, {257, 65}, {257, 258}});
}

TEST_CASE("no merge crosses words, and a word takes the space in front of it") {
    // "ab" once, " a" and " b" four times, " ab" twice: 6 Ġa, 4 Ġb, 2 Ġab. That "a " stands there four times is no pair.
    CHECK(made(train_bpe(Texts{"ab a b a b", " a b a b ab ab"})) == Texts{"Ġa", "Ġb", "Ġab"});
}

TEST_CASE("merges are those of counting all pairs anew before each") {
    constexpr unsigned seed = 17;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 60; ++round) {
        Texts words;
        for (auto n = 1 + random() % 30; n > 0; --n) {
            words.emplace_back();
            for (auto letters = 1 + random() % 12; letters > 0; --letters) words.back() += "aaabbc"[random() % 6];
        }
        const std::size_t least = 1 + random() % 3;
        CAPTURE(round);
        CHECK(train_bpe(words, {.vocab_size = 257 + 40, .min_frequency = least}).merges ==
              reference(words, 40, static_cast<std::int64_t>(least)));
    }
}

TEST_CASE("bytes that are not UTF-8 count as U+FFFD, as they do when a text is encoded") {
    CHECK(train_bpe(Texts{"a\xff\xff", "a\xc3"}) == train_bpe(Texts{"a\ufffd\ufffd", "a\ufffd"}));
    CHECK(made(train_bpe(Texts{"é", "é"})) == Texts{bitnet::to_byte_alphabet("é")});
}

TEST_CASE("a vocabulary that is too small, a text that is empty and special tokens that are none are refused") {
    check_refusal(low_and_new, {.vocab_size = 256},
                  "vocab_size = 256: expected at least 257, the 256 bytes and the special tokens");
    check_refusal({}, {}, "the text to learn tokens from is empty");
    check_refusal({"", ""}, {}, "the text to learn tokens from is empty");
    check_refusal(low_and_new, {.special_tokens = {}}, "special_tokens: expected at least one, with which a text begins");
    check_refusal(low_and_new, {.special_tokens = {"<s>", ""}}, "special_tokens[1] \"\" is empty");
    check_refusal(low_and_new, {.special_tokens = {"<s>", "<t>", "<s>"}}, "special_tokens[2] \"<s>\" stands there twice");
    CHECK_THROWS_AS(train_bpe(low_and_new, {.special_tokens = {"\xff"}}), bitnet::error);
}

TEST_CASE("a special token that a piece of text would become is refused") {
    for (const std::string token : {"a", "low"})
        check_refusal(low_and_new, {.special_tokens = {token}},
                      ("special_tokens: \"" + token + "\" is a part of a word of the text as well; expected one that is cut "
                       "into several words, such as \"<|endoftext|>\"").c_str());
    CHECK(train_bpe(Texts{"<|endoftext|>", "<|endoftext|>"}).merges.size() == 1 + 8 + 1);  // <| endoftext |>
}

TEST_CASE("a word of a hundred thousand letters is learned from before the test runs out of time") {
    std::mt19937 random(3);
    std::string word;
    for (int i = 0; i < 100'000; ++i) word += "abcdefghijklmnop"[random() % 16];
    CHECK(train_bpe(Texts{word}, {.vocab_size = 600}).tokens.size() == 600);
}
