#include <bitnet/text/tokenizer_parts.hpp>  // first, so that it cannot lean on another include

#include <doctest/doctest.h>

using bitnet::require_agreement;
using bitnet::Vocabulary;

TEST_CASE("an added token may stand in the vocabulary, with the same id") {
    Vocabulary vocabulary;
    vocabulary.add("a", 1, "test");
    CHECK_NOTHROW(require_agreement({{.id = 1, .content = "a"}, {.id = 2, .content = "b"}}, vocabulary, "f.json: added_tokens"));
    CHECK_THROWS_WITH_AS(require_agreement({{.id = 2, .content = "a"}}, vocabulary, "f.json: added_tokens"),
                         "f.json: added_tokens: \"a\" has id 2, but id 1 in the vocabulary", bitnet::error);
    CHECK_THROWS_WITH_AS(require_agreement({{.id = 1, .content = "b"}}, vocabulary, "f.json: added_tokens"),
                         "f.json: added_tokens: id 1 is that of \"b\", but that of \"a\" in the vocabulary", bitnet::error);
}
