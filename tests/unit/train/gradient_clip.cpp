#include <bitnet/train/gradient_clip.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <numeric>
#include <vector>

using bitnet::clip_gradient_norm;

namespace {

constexpr float infinite = std::numeric_limits<float>::infinity();

double clip(std::vector<std::vector<float>>& gradients, double most) {
    const std::vector<std::span<float>> views(gradients.begin(), gradients.end());
    return clip_gradient_norm(views, most);
}

}  // namespace

TEST_CASE("the norm is that of all gradients together, and what is longer is shortened to the limit") {
    std::vector<std::vector<float>> g{{3.0f, 0.0f}, {}, {-4.0f}, {12.0f}};  // 3² + 4² + 12² = 13²
    CHECK(clip(g, 6.5) == 13.0);
    CHECK(g == std::vector<std::vector<float>>{{1.5f, 0.0f}, {}, {-2.0f}, {6.0f}});
}

TEST_CASE("a norm at the limit or below changes nothing") {
    std::vector<std::vector<float>> g{{3.0f}, {4.0f}};
    CHECK(clip(g, 5.0) == 5.0);
    CHECK(clip(g, 1e9) == 5.0);
    CHECK(clip(g, std::numeric_limits<double>::infinity()) == 5.0);
    CHECK(g == std::vector<std::vector<float>>{{3.0f}, {4.0f}});
    CHECK(clip_gradient_norm({}, 1.0) == 0.0);
}

TEST_CASE("every element of a long gradient counts once") {
    std::vector<std::vector<float>> g(1, std::vector<float>(1003));
    std::iota(g[0].begin(), g[0].end(), 1.0f);
    CHECK(clip(g, 1e9) == doctest::Approx(std::sqrt(1003.0 * 1004 * 2007 / 6)).epsilon(1e-14));
    CHECK(clip(g, 2.0) > 2.0);
    CHECK(clip(g, 1e9) == doctest::Approx(2.0).epsilon(1e-6));
}

TEST_CASE("any number of threads gives the same bits") {
    std::vector<std::vector<float>> one(3, std::vector<float>(150'001)), three;
    for (std::size_t i = 0; i < one.size(); ++i)
        for (std::size_t c = 0; c < one[i].size(); ++c) one[i][c] = static_cast<float>((7 * c + i) % 1009) - 300;
    three = one;
    const std::vector<std::span<float>> views(three.begin(), three.end());
    CHECK(clip(one, 5.0) == clip_gradient_norm(views, 5.0, 3));
    CHECK(one == three);
}

TEST_CASE("a norm that is no number is returned, and nothing is scaled") {
    for (const float bad : {infinite, -infinite, std::numeric_limits<float>::quiet_NaN()}) {
        std::vector<std::vector<float>> g{{100.0f, bad}, {7.0f}};
        CHECK(!std::isfinite(clip(g, 1.0)));
        CHECK(g[0][0] == 100.0f);
        CHECK(g[1][0] == 7.0f);
    }
}

TEST_CASE("the squares of the largest floats do not overflow") {
    std::vector<std::vector<float>> g{{3e38f, -3e38f}};
    CHECK(clip(g, 1.0) == doctest::Approx(3e38 * std::sqrt(2.0)).epsilon(1e-6));
    CHECK(g[0][0] == doctest::Approx(std::sqrt(0.5)).epsilon(1e-6));
}

TEST_CASE("a limit that is not above 0 is refused") {
    for (const double most : {0.0, -1.0})
        CHECK_THROWS_AS(clip_gradient_norm({}, most), bitnet::error);
    CHECK_THROWS_WITH_AS(clip_gradient_norm({}, std::nan("")), "clip_gradient_norm: most = nan is not above 0", bitnet::error);
}
