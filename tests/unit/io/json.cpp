#include <bitnet/io/json.hpp>  // first, so that it cannot lean on another include

#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

using bitnet::errc;
using bitnet::Json;
using bitnet::parse_json;
using bitnet::to_text;

static_assert(!std::is_constructible_v<Json, void*>, "a pointer is not a bool");
static_assert(!std::is_constructible_v<Json, char>, "a letter is neither a number nor a text");

namespace {

Json parse(std::string_view text) { return parse_json(text, "f.json"); }

/// what() of the bad_file that the text is refused with.
std::string text_refusal(std::string_view text) {
    try {
        parse(text);
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == errc::bad_file);
        return problem.what();
    }
    return "accepted";
}

template <class Action>
errc code_of(const Action& action) {
    try {
        action();
    } catch (const bitnet::error& problem) {
        return problem.code();
    }
    FAIL("nothing was thrown");
    return errc::io;
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

Json random_json(std::mt19937_64& random, int depth) {
    const auto text = [&] {
        static constexpr std::string_view pieces[]{"a", "\"", "\\", "\n", "\x01", "\x7f", "é", "日本", "😀", "/", " "};
        std::string out;
        for (auto n = random() % 6; n > 0; --n) out += pieces[random() % std::size(pieces)];
        return out;
    };
    switch (random() % (depth > 0 ? 8 : 6)) {
        case 0: return nullptr;
        case 1: return random() % 2 == 0;
        case 2: return static_cast<std::int64_t>(random() >> random() % 64) * (random() % 2 == 0 ? 1 : -1);
        case 3: return random();
        case 4: return text();
        case 5: {
            const double value = std::bit_cast<double>(random());
            return value - value == 0 ? Json(value) : Json(0.5);
        }
        case 6: {
            Json out = Json::array();
            for (auto n = random() % 5; n > 0; --n) out.push_back(random_json(random, depth - 1));
            return out;
        }
        default: {
            Json out = Json::object();
            for (auto n = random() % 5; n > 0; --n) out.set(text(), random_json(random, depth - 1));
            return out;
        }
    }
}

}  // namespace

TEST_CASE("every kind of value is read as what it is") {
    const Json json = parse(R"({"n": null, "t": true, "f": false, "i": -3, "u": 18446744073709551615, "d": 2.5,
                               "s": "a\u00e9\ud83d\ude00\n", "a": [1, [], {}], "o": {"x": 1}})");
    CHECK(json.at("n").is_null());
    CHECK(json.at("t").as_bool());
    CHECK_FALSE(json.at("f").as_bool());
    CHECK(json.at("i").as_integer() == -3);
    CHECK(json.at("u").as_unsigned() == std::numeric_limits<std::uint64_t>::max());
    CHECK(json.at("d").as_double() == 2.5);
    CHECK(json.at("i").as_double() == -3.0);
    CHECK(json.at("s").as_string() == "aé😀\n");
    CHECK(json.at("a") == Json::array({1, Json::array(), Json::object()}));
    CHECK(json.at("o") == Json::object({{"x", 1}}));
    CHECK(json.as_object().front().first == "n");
    CHECK(json.as_object().back().first == "o");
}

TEST_CASE("the limits of integers are kept exactly") {
    CHECK(parse("-9223372036854775808").as_integer() == std::numeric_limits<std::int64_t>::min());
    CHECK(parse("9223372036854775807").as_integer() == std::numeric_limits<std::int64_t>::max());
    CHECK(parse("9223372036854775808").as_unsigned() == 9223372036854775808u);
    CHECK(Json(9223372036854775808u) == parse("9223372036854775808"));
    CHECK(Json(7u) == Json(7));
    CHECK(Json(7) == Json(static_cast<short>(7)));
    CHECK(text_refusal("1e999").starts_with("f.json: not JSON: "));
}

TEST_CASE("an integer that 64 bits cannot hold is read as a double") {
    CHECK(parse("1000000000000000019884624838656") == Json(1e30));
    CHECK(parse("18446744073709551616") == Json(18446744073709551616.0));
    CHECK(parse("-9223372036854775809") == Json(-9223372036854775808.0));
    const Json json = parse(R"({"a\"99999999999999999999": [99999999999999999999, -99999999999999999999,7],
                               "b":18446744073709551615, "c": "\\", "d": -9223372036854775808, "e": 1.5e3})");
    CHECK(json.as_object()[0].first == "a\"99999999999999999999");
    CHECK(json.as_object()[0].second == Json::array({1e20, -1e20, 7}));
    CHECK(json.at("b").as_unsigned() == 18446744073709551615u);
    CHECK(json.at("c") == Json("\\"));
    CHECK(json.at("d").as_integer() == std::numeric_limits<std::int64_t>::min());
    CHECK(json.at("e") == Json(1500.0));
    for (const std::string_view text : {"099999999999999999999", "--99999999999999999999", "99999999999999999999.", "[99999999999999999999",
                                        "99999999999999999999 1", "\"99999999999999999999", "+99999999999999999999"})
        CHECK(text_refusal(text).starts_with("f.json: not JSON: "));
    CHECK(text_refusal(std::string(400, '9')).starts_with("f.json: not JSON: "));
}

TEST_CASE("numbers of different kinds differ, and so do objects in another order") {
    CHECK_FALSE(Json(1) == Json(1.0));
    CHECK_FALSE(Json(1) == Json(true));
    CHECK_FALSE(Json(0) == Json(nullptr));
    CHECK_FALSE(parse(R"({"a":1,"b":2})") == parse(R"({"b":2,"a":1})"));
}

TEST_CASE("a key that is repeated at any level is refused by its path") {
    CHECK(text_refusal(R"({"a": 1, "a": 1})") == R"(f.json: repeated key "a")");
    CHECK(text_refusal(R"({"a": {"b": 1, "c": 2, "b": 3}})") == R"(f.json: repeated key "a.b")");
    CHECK(text_refusal(R"({"a": [0, {"b": {"c": 1, "\u0063": 2}}]})") == R"(f.json: repeated key "a[1].b.c")");
    CHECK(text_refusal(R"([{"x": 1, "x": 2}])") == R"(f.json: repeated key "[0].x")");
    CHECK(text_refusal(R"({"": {"": 1, "": 2}})") == R"(f.json: repeated key "")");
    CHECK(text_refusal("{\"a\\n\": 1, \"a\\n\": 1}") == "f.json: repeated key \"a\\n\"");
    CHECK(text_refusal(R"({"a": {"x": 1}, "b": {"x": 1}})") == "accepted");
}

TEST_CASE("documents are read 64 levels deep and no deeper") {
    CHECK(text_refusal(nested(64)) == "accepted");
    CHECK(text_refusal(nested(65)) == "f.json: nested deeper than 64");
    CHECK(text_refusal(nested(100'000)) == "f.json: nested deeper than 64");
    std::string objects = "1";
    for (int i = 0; i < 65; ++i) objects = R"({"a":)" + objects + '}';
    CHECK(text_refusal(objects) == "f.json: nested deeper than 64");
}

TEST_CASE("what is not one JSON document is refused by file and reason") {
    for (const std::string_view text :
         {"", " ", "\n\t", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{'a':1}", "[1 2]", "nul", "truex", "NaN", "Infinity",
          "-", "+1", "01", ".5", "1.", "1e", "0x10", "\"", "\"\\x\"", "\"\\u12\"", "{} {}", "[] x", "1 2", "// c\n1",
          "{1:2}", "[1,,2]", "\"a\nb\"", "\xef\xbb\xbf", "\xff", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\""}) {
        CAPTURE(text);
        CHECK(text_refusal(text).starts_with("f.json: not JSON: "));
        CHECK(text_refusal(text).find('\n') == std::string::npos);
    }
    CHECK(text_refusal(std::string_view("{}\0", 3)).starts_with("f.json: not JSON: "));
    CHECK(text_refusal(std::string_view("\"a\0b\"", 5)).starts_with("f.json: not JSON: "));
}

TEST_CASE("half of a surrogate pair is no character") {
    for (const std::string_view text : {R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"("\ud800x")", R"("\udc00\ud800")",
                                        R"({"\udc00": 1})"}) {
        CAPTURE(text);
        CHECK(text_refusal(text).starts_with("f.json: not JSON: "));
    }
}

TEST_CASE("a byte order mark before the document is skipped") {
    CHECK(parse("\xef\xbb\xbf{\"a\": 1}") == Json::object({{"a", 1}}));
    CHECK(text_refusal("\xef\xbb\xbf\xef\xbb\xbf{}").starts_with("f.json: not JSON: "));
}

TEST_CASE("a document cut off anywhere is refused") {
    const std::string text = R"({"a": [1, -2.5e3, "x\u00e9\n"], "b": {"c": true, "d": null}})";
    REQUIRE(text_refusal(text) == "accepted");
    for (std::size_t size = 0; size < text.size(); ++size) {
        CAPTURE(size);
        CHECK(text_refusal(text.substr(0, size)).starts_with("f.json: not JSON: "));
    }
}

TEST_CASE("text is written compact or indented") {
    const Json json = Json::object({{"a", 1}, {"b", Json::array({true, nullptr, "x"})}, {"c", Json::object()}, {"d", Json::array()}});
    CHECK(to_text(json, -1) == R"({"a":1,"b":[true,null,"x"],"c":{},"d":[]})");
    CHECK(to_text(json) == "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null,\n    \"x\"\n  ],\n  \"c\": {},\n  \"d\": []\n}");
    CHECK(to_text(Json::array({1}), 0) == "[\n1\n]");
}

TEST_CASE("quotes, backslashes and control characters are escaped, other UTF-8 stays") {
    CHECK(to_text("\"\\/\b\f\n\r\t\x01\x1f\x7f é😀") == R"("\"\\/\b\f\n\r\t\u0001\u001f)" "\x7f é😀\"");
    CHECK(to_text(std::string(1, '\0')) == R"("\u0000")");
    CHECK(parse(to_text(std::string("a\0b", 3))).as_string() == std::string("a\0b", 3));
    CHECK(code_of([] { to_text("\xff"); }) == errc::bad_value);
    CHECK(code_of([] { to_text(Json::object({{"\xc3", 1}})); }) == errc::bad_value);
}

TEST_CASE("a double is written in its shortest form and still reads as a double") {
    CHECK(to_text(10000.0) == "10000.0");
    CHECK(to_text(1e-6) == "1e-06");
    CHECK(to_text(0.1) == "0.1");
    CHECK(to_text(-0.0) == "-0.0");
    CHECK(to_text(1e300) == "1e+300");
    CHECK(to_text(0.5f) == "0.5");
    for (const double value : {10000.0, 1e-6, 1e22, 123456789012345680000.0, 5e-324, 1.7976931348623157e308, -0.0}) {
        CHECK(parse(to_text(value)) == Json(value));
        CHECK_FALSE(parse(to_text(value)).is_integer());
    }
    CHECK(to_text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(to_text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
}

TEST_CASE("NaN and infinity cannot be written") {
    for (const double value : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()})
        CHECK(code_of([&] { to_text(Json::array({value})); }) == errc::bad_value);
    CHECK_THROWS_WITH_AS(to_text(std::numeric_limits<double>::infinity()), "JSON has no number for inf", bitnet::error);
}

TEST_CASE("what is written reads back equal") {
    constexpr unsigned seed = 20240601;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 3000; ++i) {
        const Json json = random_json(random, 4);
        const std::string text = to_text(json, static_cast<int>(random() % 4) - 1);
        CAPTURE(text);
        CHECK(parse(text) == json);
    }
}

TEST_CASE("typed access tells what was found and what was expected") {
    const Json json = parse(R"({"n": -1, "s": "text", "a": [1, 2], "o": {}, "d": 1.5, "z": null, "b": true})");
    CHECK_THROWS_WITH_AS(json.at("s").as_unsigned("hidden_size"),
                         "hidden_size: expected an unsigned integer, found \"text\"", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("n").as_unsigned(), "value: expected an unsigned integer, found -1", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("d").as_integer(), "value: expected an integer below 2^63, found 1.5", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("a").as_string(), "value: expected a string, found an array of 2", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("o").as_array(), "value: expected an array, found an object", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("z").as_object(), "value: expected an object, found null", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("b").as_double(), "value: expected a number, found true", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("n").as_bool(), "value: expected true or false, found -1", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("a").at("x", "a"), "a: expected an object, found an array of 2", bitnet::error);
    CHECK_THROWS_WITH_AS(json.at("x", "config.json"), "config.json: no key \"x\"", bitnet::error);
    CHECK(code_of([&] { json.at("x"); }) == errc::missing);
    CHECK(code_of([&] { json.at("s").as_bool(); }) == errc::bad_value);
    CHECK(json.find("x") == nullptr);
    CHECK(json.find("n") == &json.at("n"));
    CHECK(Json(18446744073709551615u).is_integer());
    CHECK(code_of([] { Json(18446744073709551615u).as_integer(); }) == errc::bad_value);
}

TEST_CASE("a long text in an error is cut between characters") {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "日";
    const std::string found = Json(text).description();
    CHECK(found.ends_with("日\"..."));
    CHECK(found.size() < 210);
    CHECK(Json(std::string(1000, '\xbf')).description().size() < 210);
}

TEST_CASE("a key is set in its old place or appended") {
    Json json = Json::object({{"a", 1}, {"b", 2}});
    json.set("a", "new").set("c", Json::array({3}));
    CHECK(to_text(json, -1) == R"({"a":"new","b":2,"c":[3]})");
    json.find("c")->push_back(4);
    CHECK(to_text(json.at("c"), -1) == "[3,4]");
    CHECK(code_of([&] { json.push_back(1); }) == errc::bad_value);
    CHECK(code_of([] { Json(1).set("a", 2); }) == errc::bad_value);
    CHECK_THROWS_WITH_AS(Json::object({{"a", 1}, {"a", 2}}), "repeated key \"a\"", bitnet::error);
}

TEST_CASE("a file is read, and an error names it") {
    const bitnet_test::TempDir directory;
    bitnet_test::write_text(directory / "good.json", "{\"a\": 1}\n");
    CHECK(bitnet::read_json_file(directory / "good.json") == Json::object({{"a", 1}}));
    bitnet_test::write_text(directory / "empty.json", "");
    const std::string empty = (directory / "empty.json").string();
    try {
        bitnet::read_json_file(empty);
        FAIL("an empty file was accepted");
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == errc::bad_file);
        CHECK(std::string(problem.what()).starts_with(empty + ": not JSON: "));
    }
    CHECK(code_of([&] { bitnet::read_json_file(directory / "none.json"); }) == errc::missing);
}

TEST_CASE("a file of more than 100 MB is refused before it is read") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "large.json";
    bitnet_test::write_text(path, "{}");
    std::filesystem::resize_file(path, 100'000'001);
    CHECK_THROWS_WITH_AS(bitnet::read_json_file(path),
                         (path.string() + ": 100000001 bytes, but JSON is read up to 100000000").c_str(), bitnet::error);
}
