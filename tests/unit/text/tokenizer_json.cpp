#include <bitnet/text/tokenizer_json.hpp>  // first, so that it cannot lean on another include

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::errc;
using bitnet::read_tokenizer_json;

namespace {

std::string model(const std::string& more, const std::string& merges = R"(["a b"])") {
    return R"({"model": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": )" + merges + more + "}}";
}

bitnet::TokenizerParts read_tokenizer(const std::string& text) { return read_tokenizer_json(bitnet::parse_json(text, "f.json"), "f.json"); }

std::vector<std::uint32_t> ids(const std::string& text, std::string_view word) {
    std::vector<std::uint32_t> out;
    read_tokenizer(text).model.encode(word, out);
    return out;
}

std::string refusal(const std::string& text, errc code) {
    try {
        read_tokenizer(text);
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == code);
        return problem.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("merges are pairs in a list or words with one space between") {
    using TokenIds = std::vector<std::uint32_t>;
    CHECK(ids(model(""), "aab") == TokenIds{0, 2});
    CHECK(ids(model("", R"([["a", "b"]])"), "aab") == TokenIds{0, 2});
    CHECK(ids(model(R"(, "type": "BPE")"), "ab") == TokenIds{2});
    CHECK(refusal(model("", R"(["ab"])"), errc::bad_file) == "f.json: model.merges[0]: expected two tokens, found \"ab\"");
    CHECK(refusal(model("", R"(["a b", "a b c"])"), errc::bad_file) ==
          "f.json: model.merges[1]: expected two tokens, found \"a b c\"");
    CHECK(refusal(model("", R"([["a"]])"), errc::bad_file) == "f.json: model.merges[0]: expected two tokens, found an array of 1");
    CHECK(refusal(model("", R"([["a", 1]])"), errc::bad_file) == "f.json: model.merges[0]: expected two tokens, found an array of 2");
    CHECK(refusal(model("", "[7]"), errc::bad_file) == "f.json: model.merges[0]: expected two tokens, found 7");
    CHECK(refusal(model("", R"(["a x"])"), errc::bad_file) == "f.json: model.merges[0]: \"x\" is not in the vocabulary");
}

TEST_CASE("a model of another kind, and options that would change ids, are refused by name") {
    CHECK(refusal(R"({"model": {"type": "Unigram", "vocab": []}})", errc::unsupported) ==
          "f.json: model.type \"Unigram\" is not supported; known: BPE");
    CHECK(refusal(R"({"model": {"vocab": {}}})", errc::unsupported) ==
          "f.json: model is not BPE: it has neither \"type\" nor \"merges\"");
    CHECK(refusal(model(R"(, "dropout": 0.1)"), errc::unsupported) == "f.json: model.dropout: only 0 is supported, found 0.1");
    CHECK(refusal(model(R"(, "end_of_word_suffix": "</w>")"), errc::unsupported) ==
          "f.json: model.end_of_word_suffix \"</w>\" is not supported");
    CHECK(refusal(model(R"(, "continuing_subword_prefix": "##")"), errc::unsupported) ==
          "f.json: model.continuing_subword_prefix \"##\" is not supported");
    CHECK(refusal(model(R"(, "unk_token": "<unk>")"), errc::bad_file) ==
          "f.json: model.unk_token \"<unk>\" is not in the vocabulary");
    CHECK(refusal(model(R"(, "dropout": 0.0, "end_of_word_suffix": "", "unk_token": null)"), errc::io) == "accepted");
}

TEST_CASE("what is missing or of the wrong type is named by its key") {
    CHECK(refusal("{}", errc::missing) == "f.json: model is missing");
    CHECK(refusal("[]", errc::bad_value) == "f.json: expected an object, found an array of 0");
    CHECK(refusal(R"({"model": {"type": "BPE", "merges": []}})", errc::missing) == "f.json: model.vocab is missing");
    CHECK(refusal(R"({"model": {"type": "BPE", "vocab": {}}})", errc::missing) == "f.json: model.merges is missing");
    CHECK(refusal(R"({"model": {"type": "BPE", "vocab": [], "merges": []}})", errc::bad_value) ==
          "f.json: model.vocab: expected an object, found an array of 0");
    std::string added = model("");
    added.insert(1, R"("added_tokens": [{"id": 0, "content": "a"}, {"content": "x"}], )");
    CHECK(refusal(added, errc::missing) == "f.json: added_tokens[1].id is missing");
}
