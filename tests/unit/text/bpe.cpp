#include <bitnet/text/bpe.hpp>  // first, so that it cannot lean on another include

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using bitnet::Bpe;
using bitnet::Vocabulary;

namespace {

using Ids = std::vector<std::uint32_t>;
using Merges = std::vector<std::pair<std::string, std::string>>;

/// Ids are the places in the list.
Bpe make(const std::vector<std::string>& tokens, const Merges& merges, Bpe::Options options = {}) {
    Vocabulary vocabulary;
    for (std::size_t i = 0; i < tokens.size(); ++i) vocabulary.add(tokens[i], static_cast<std::uint32_t>(i), "test");
    Bpe out(std::move(vocabulary), options, "f.json: model");
    for (std::size_t i = 0; i < merges.size(); ++i)
        out.add_merge(merges[i].first, merges[i].second, [&] { return bitnet::message("merges[", i, ']'); });
    return out;
}

Ids encode(const Bpe& model, std::string_view word) {
    Ids ids;
    model.encode(word, ids);
    return ids;
}

/// The definition, in as many passes as there are merges.
std::vector<std::string> reference(std::string_view word, const Merges& merges) {
    std::vector<std::string> parts;
    for (const char letter : word) parts.emplace_back(1, letter);
    while (true) {
        std::size_t best = merges.size(), at = 0;
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            const auto rank = static_cast<std::size_t>(
                std::find(merges.begin(), merges.end(), std::pair(parts[i], parts[i + 1])) - merges.begin());
            if (rank < best) best = rank, at = i;
        }
        if (best == merges.size()) return parts;
        parts[at] += parts[at + 1];
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
}

}  // namespace

TEST_CASE("the merge of lowest rank comes first, and of equal ones the leftmost") {
    const Merges merges{{"b", "c"}, {"a", "b"}, {"a", "a"}};
    const Bpe model = make({"a", "b", "c", "ab", "bc", "aa"}, merges);
    CHECK(encode(model, "abc") == Ids{0, 4});
    CHECK(encode(model, "ab") == Ids{3});
    CHECK(encode(model, "aaa") == Ids{5, 0});
    CHECK(encode(model, "a") == Ids{0});
    CHECK(encode(model, "").empty());
}

TEST_CASE("merging with a heap gives what merging pass by pass gives") {
    constexpr unsigned seed = 11;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 300; ++round) {
        std::vector<std::string> tokens{"a", "b", "c"};
        Merges merges;
        for (int i = 0; i < 14; ++i) {
            const std::pair pair(tokens[random() % tokens.size()], tokens[random() % tokens.size()]);
            if (std::find(merges.begin(), merges.end(), pair) != merges.end()) continue;
            merges.push_back(pair);
            const std::string both = pair.first + pair.second;
            if (std::find(tokens.begin(), tokens.end(), both) == tokens.end()) tokens.push_back(both);
        }
        const Bpe model = make(tokens, merges);
        std::string word;
        for (auto n = random() % 40; n > 0; --n) word += "abc"[random() % 3];
        CAPTURE(word);
        std::vector<std::string> parts;
        for (const auto id : encode(model, word)) parts.push_back(tokens[id]);
        CHECK(parts == reference(word, merges));
    }
}

TEST_CASE("a character outside the vocabulary becomes its bytes, or the unknown token") {
    std::vector<std::string> tokens{"<unk>", "a"};
    for (int byte = 0; byte < 256; ++byte) tokens.push_back(bitnet::byte_token(static_cast<unsigned char>(byte)));
    tokens.push_back("<0xC3><0xA9>");
    const Bpe bytes = make(tokens, {}, {.unknown = 0, .byte_fallback = true});
    CHECK(encode(bytes, "aé") == Ids{1, 2 + 0xc3, 2 + 0xa9});
    const Bpe merged = make(tokens, {{"<0xC3>", "<0xA9>"}}, {.byte_fallback = true});
    CHECK(encode(merged, "é") == Ids{258});
    CHECK(encode(make(tokens, {}, {.unknown = 0}), "é日a") == Ids{0, 0, 1});
    CHECK(encode(make(tokens, {}, {.unknown = 0, .fuse_unknown = true}), "é日aé") == Ids{0, 1, 0});
    tokens.erase(tokens.begin() + 2 + 0xa9);  // a byte that has no token: not half of a character
    CHECK(encode(make(tokens, {}, {.unknown = 0, .byte_fallback = true}), "é日") == Ids{0, 1 + 0xe6, 2 + 0x97, 2 + 0xa5});
}

TEST_CASE("without an unknown token a character outside the vocabulary is an error") {
    CHECK_THROWS_WITH_AS(encode(make({"a"}, {}), "aé"),
                         "f.json: model: \"é\" is not in the vocabulary and there is no unknown token", bitnet::error);
}

TEST_CASE("with ignore_merges a word that is a token is that token") {
    const std::vector<std::string> tokens{"a", "b", "c", "abc", "bc"};
    CHECK(encode(make(tokens, {{"b", "c"}}), "abc") == Ids{0, 4});
    CHECK(encode(make(tokens, {{"b", "c"}}, {.ignore_merges = true}), "abc") == Ids{3});
}

TEST_CASE("a merge of tokens that do not exist is refused by its number") {
    CHECK_THROWS_WITH_AS(make({"a", "b", "ab"}, {{"a", "b"}, {"a", "x"}}),
                         "merges[1]: \"x\" is not in the vocabulary", bitnet::error);
    CHECK_THROWS_WITH_AS(make({"a", "b"}, {{"a", "b"}}), "merges[0]: \"ab\" is not in the vocabulary",
                         bitnet::error);
}

TEST_CASE("a word of a million characters is merged before the test runs out of time") {  // scanning takes hours
    std::vector<std::string> tokens{"a"};
    Merges merges;
    for (int i = 0; i < 10; ++i) {
        merges.emplace_back(tokens.back(), tokens.back());
        tokens.push_back(tokens.back() + tokens.back());
    }
    CHECK(encode(make(tokens, merges), std::string(1 << 20, 'a')) == Ids(1 << 10, 10));
}
