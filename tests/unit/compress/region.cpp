#include <bitnet/compress/region.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>

#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/sparsity/fixed.hpp>

using namespace bitnet;

namespace {

/// A quantizer that returns what it was told to.
struct Bad {
    static constexpr std::string_view name = "bad";
    float alpha = 1;
    std::int8_t code = 0;
    float quantize(std::span<const float>, std::span<std::int8_t> codes) const {
        for (std::int8_t& c : codes) c = code;
        return alpha;
    }
};

}  // namespace

TEST_CASE("finite means neither NaN nor infinite") {
    CHECK(is_finite(std::numeric_limits<float>::max()));
    CHECK(!is_finite(std::numeric_limits<float>::infinity()));
    CHECK(!is_finite(std::numeric_limits<double>::quiet_NaN()));
    CHECK(is_finite(1e300));
}

TEST_CASE("weights that are ternary already are recognised, piece by piece") {
    TernaryDetector same;
    CHECK(same.add(std::array<float, 3>{0.0f, 0.5f, -0.5f}));
    CHECK(same.add(std::array<float, 2>{-0.5f, -0.0f}));
    CHECK(same.grid() == Grid{0.5f, 0.5f});
    CHECK(!same.add(std::array<float, 1>{0.25f}));
    CHECK(!same.add(std::array<float, 1>{0.5f}));

    TernaryDetector zeros;
    CHECK(zeros.add(std::array<float, 2>{0.0f, -0.0f}));
    CHECK(zeros.grid() == Grid{});
}

TEST_CASE("a threshold above every weight keeps nothing") {
    const std::array<float, 3> w{0.1f, -0.4f, 0.1f};
    CHECK(!keeps_nothing(Grid{0.2f, 0.1f}, w, 0.6));
    CHECK(!keeps_nothing(Grid{0.2f, 0.4f}, w, 0.6));
    CHECK(keeps_nothing(Grid{0.2f, 0.5f}, w, 0.6));
}

TEST_CASE("a policy that returns nonsense is named") {
    std::array<std::int8_t, 2> codes{};
    const std::array<float, 2> w{1.0f, 2.0f};
    CHECK_THROWS_WITH_AS(quantize_region(Bad{.code = 2}, w, codes),
                         "bad returned the code 2 at position 0 of its region; codes are -1, 0 and 1", error);
    CHECK_THROWS_WITH_AS(quantize_region(Bad{.alpha = -1}, w, codes),
                         "bad returned the scale -1; it must be finite and >= 0", error);
    CHECK_THROWS_AS(quantize_region(Bad{.alpha = std::numeric_limits<float>::quiet_NaN()}, w, codes), error);
    CHECK(quantize_region(Bad{.alpha = 3}, w, codes) == 0.0f);  // nothing but zeros
    CHECK(quantize_region(Bad{.alpha = 3, .code = -1}, w, codes) == 3.0f);
}
