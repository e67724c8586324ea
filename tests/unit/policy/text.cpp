#include <bitnet/policy/text.hpp>

#include <doctest/doctest.h>

#include <bitnet/core/role.hpp>

namespace {

enum class Colour { red, green };
std::string_view to_string(Colour colour) { return colour == Colour::red ? "red" : "green"; }

struct Paint {
    static constexpr bitnet::Role role = bitnet::Role::ste;
    static constexpr std::string_view name = "paint";
    float share = 0.5f;
    std::uint64_t coats = 2;
    Colour colour = Colour::red;
    bool dry = false;
    std::string brand{};
    static constexpr void knobs(auto&& visit) {
        visit(bitnet::Knob{"share", &Paint::share, 0.0f, 1.0f},
              bitnet::Knob{"coats", &Paint::coats, std::uint64_t{0}, std::uint64_t{9}},
              bitnet::Choice{"colour", &Paint::colour, std::array{Colour::red, Colour::green}},
              bitnet::Choice{"dry", &Paint::dry, std::array{false, true}},
              bitnet::Text{"brand", &Paint::brand});
    }
    bool operator==(const Paint&) const = default;
};

struct Wall {
    static constexpr std::string_view name = "wall";  // a name and knobs, no role
    Paint first{};
    float height = 2.5f;
    Paint second{};
    static constexpr void knobs(auto&& visit) {
        visit(bitnet::Nested{"first", &Wall::first}, bitnet::Knob{"height", &Wall::height, 0.0f, 9.0f},
              bitnet::Nested{"second", &Wall::second});
    }
    bool operator==(const Wall&) const = default;
};

Paint read(std::string_view text) { return bitnet::from_string<Paint>(text); }

}  // namespace

TEST_CASE("a policy prints as the initializer that builds it, and reads back equal") {
    const Paint paint{.share = 0.25f, .coats = 3, .colour = Colour::green, .dry = true, .brand = "a, b*"};
    CHECK(bitnet::to_string(paint) == "paint{.share=0.25, .coats=3, .colour=green, .dry=true, .brand=\"a, b*\"}");
    CHECK(read(bitnet::to_string(paint)) == paint);
    CHECK(read("paint{}") == Paint{});
    CHECK(read("paint{.coats=1}") == Paint{.coats = 1});
    CHECK(read("paint{.dry=true,.share=1}") == Paint{.share = 1.0f, .dry = true});
}

TEST_CASE("text that is not the policy's is refused in one line") {
    using bitnet::error;
    CHECK_THROWS_WITH_AS(read("pain{}"), "paint: expected paint{...}, found \"pain{}\"", error);
    CHECK_THROWS_WITH_AS(read("paint"), "paint: expected paint{...}, found \"paint\"", error);
    CHECK_THROWS_WITH_AS(read("paint{.share=1"), "paint: expected paint{...}, found \"paint{.share=1\"", error);
    CHECK_THROWS_WITH_AS(read("paint{share=1}"), "paint: expected .knob=value at \"share=1\"", error);
    CHECK_THROWS_WITH_AS(read("paint{.size=1}"), "paint: no knob is called \"size\"", error);
    CHECK_THROWS_WITH_AS(read("paint{.share=x}"), "paint: share = x is not a number", error);
    CHECK_THROWS_WITH_AS(read("paint{.share=1x}"), "paint: share = 1x is not a number", error);
    CHECK_THROWS_WITH_AS(read("paint{.coats=-1}"), "paint: coats = -1 is not a number", error);
    CHECK_THROWS_WITH_AS(read("paint{.share=2}"), "paint: share = 2 is outside [0, 1]", error);
    CHECK_THROWS_WITH_AS(read("paint{.share=nan}"), "paint: share = nan is outside [0, 1]", error);
    CHECK_THROWS_WITH_AS(read("paint{.colour=blue}"), "paint: colour = blue is none of red, green", error);
    CHECK_THROWS_WITH_AS(read("paint{.dry=1}"), "paint: dry = 1 is none of false, true", error);
    CHECK_THROWS_WITH_AS(read("paint{.brand=x}"), "paint: brand = x is not in double quotes", error);
    CHECK_THROWS_WITH_AS(read("paint{.brand=\"}"), "paint: brand = \" is not in double quotes", error);
}

TEST_CASE("values are checked wherever they come from") {
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Paint{.coats = 10}), "paint: coats = 10 is outside [0, 9]", bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Paint{.brand = "\""}), "paint: brand holds a double quote", bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Paint{.colour = static_cast<Colour>(7)}), "paint: colour = green is none of red, green",
                         bitnet::error);
}

TEST_CASE("a policy inside another one is a value in braces") {
    const Wall wall{.first = {.coats = 3, .brand = "a, }b{"}, .height = 3.0f, .second = {.dry = true}};
    const std::string text = bitnet::to_string(wall);
    CHECK(text == "wall{.first=" + bitnet::to_string(wall.first) + ", .height=3, .second=" + bitnet::to_string(wall.second) + "}");
    CHECK(bitnet::from_string<Wall>(text) == wall);
    CHECK(bitnet::from_string<Wall>("wall{.second=paint{.dry=true},.height=3,.first=paint{.brand=\"a, }b{\", .coats=3}}") == wall);
    CHECK(bitnet::from_string<Wall>("wall{}") == Wall{});
    CHECK_THROWS_WITH_AS(bitnet::from_string<Wall>("wall{.first=paint{.coats=10}}"), "paint: coats = 10 is outside [0, 9]",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::from_string<Wall>("wall{.first=paint{.coats=1, .height=3}"),
                         "paint: expected paint{...}, found \"paint{.coats=1, .height=3\"", bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::from_string<Wall>("wall{.first=brick{}}"), "paint: expected paint{...}, found \"brick{}\"",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Wall{.second = {.share = 2.0f}}), "paint: share = 2 is outside [0, 1]",
                         bitnet::error);
}
