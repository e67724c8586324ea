#include <bitnet/text/documents.hpp>

#include <doctest/doctest.h>

using bitnet::documents_of;
using bitnet::Split;
using Documents = std::vector<std::string>;

TEST_CASE("a text is one document, byte for byte, or several with white space around each taken off") {
    CHECK(documents_of(" a\n\nb\n", Split::none, "f") == Documents{" a\n\nb\n"});
    CHECK(documents_of("", Split::none, "f").empty());
    CHECK(documents_of("\n\n  a\nb \n \t\r\n\n\nc", Split::blank_line, "f") == Documents{"a\nb", "c"});
    CHECK(documents_of(" \n\n", Split::blank_line, "f").empty());
}

TEST_CASE("lines of JSON give their field text") {
    CHECK(documents_of("{\"text\": \"a\\nb\", \"id\": 3}\n\n{\"text\": \"\\u00e9\"}", Split::jsonl, "f") ==
          Documents{"a\nb", "\u00e9"});
    CHECK_THROWS_WITH_AS(documents_of("{\"text\": \"a\"}\n{\"txt\": 1}\n", Split::jsonl, "f.jsonl"),
                         "f.jsonl:2: no field \"text\"", bitnet::error);
    CHECK_THROWS_AS(documents_of("{\"text\"", Split::jsonl, "f"), bitnet::error);
    CHECK(documents_of("{\"story\": \"a\"}", Split::jsonl, "f", "story") == Documents{"a"});
    CHECK_THROWS_AS(documents_of("{\"text\": 3}", Split::jsonl, "f"), bitnet::error);
}
