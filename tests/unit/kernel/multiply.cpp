#include <bitnet/kernel/multiply.hpp>

#include <doctest/doctest.h>

#include <bitnet/kernel/dispatch.hpp>

#include "matrices.hpp"

using namespace bitnet;

TEST_CASE("a product fills the rows that were asked for and no others") {
    std::mt19937 random(61);
    const auto m = matrices::random_matrix(random, Layout::trit2, 6, 128, 64);
    const std::vector<float> ones(2 * 128, 1.0f);
    Int8Activations x;
    FloatActivations floats;
    prepare(x, ones, m.view(), best_kernels());
    prepare(floats, ones, m.view(), best_kernels());
    std::vector<float> y(12, 9.0f), z(12, 9.0f);
    multiply(m.view(), 2, 5, x, y, best_kernels());
    multiply(m.view(), 2, 5, floats, z, best_kernels());
    for (std::size_t i = 0; i < 12; ++i) {
        const bool asked_for = i % 6 >= 2 && i % 6 < 5;
        CHECK((y[i] != 9.0f) == asked_for);
        CHECK(y[i] == z[i]);  // all ones are 127 / 127
    }
    multiply(m.view(), 3, 3, x, y, best_kernels());
    Int8Activations none;
    prepare(none, {}, m.view(), best_kernels());
    multiply(m.view(), 0, 6, none, {}, best_kernels());
}

TEST_CASE("shapes that contradict each other are refused with both numbers") {
    std::mt19937 random(62);
    const auto m = matrices::random_matrix(random, Layout::trit2, 6, 128, 64);
    const std::vector<float> floats(128, 1.0f);
    std::vector<float> y(6);
    Int8Activations x;
    prepare(x, floats, m.view(), best_kernels());
    const auto message_of = [&](const TernaryMatrix& w, std::size_t last, std::span<float> out) {
        try {
            multiply(w, 0, last, x, out, best_kernels());
        } catch (const error& e) {
            return std::string(e.what());
        }
        return std::string("no error");
    };
    CHECK(message_of(m.view(), 6, y) == "no error");
    CHECK(message_of(m.view(), 7, y) == "rows 0 to 7 of a matrix of 6");
    CHECK(message_of(m.view(), 6, std::span(y).first(5)) == "a product of 1 tokens and 6 rows needs 6 places, not 5");
    TernaryMatrix w = m.view();
    w.codes = w.codes.first(191);
    CHECK(message_of(w, 6, y) == "a packed matrix of 6 x 128 has 191 bytes of codes, expected 192");
    w = m.view();
    w.scales = w.scales.first(11);
    CHECK(message_of(w, 6, y) == "a packed matrix of 6 x 128 has 11 scales, expected 12");
    w = m.view();
    w.group = 0;
    CHECK(message_of(w, 6, y) == "a packed matrix with groups of 0 columns");
    w.cols = std::size_t{1} << 22;
    CHECK(message_of(w, 6, y) == "a packed matrix of 4194304 columns; products add up to 4,194,303");
    const auto other = matrices::random_matrix(random, Layout::trit2, 6, 128, 128);
    CHECK(message_of(other.view(), 6, y) ==
          "activations prepared for groups of 64 columns or another layout; the matrix has groups of 128 in trit2");
    const auto wider = matrices::random_matrix(random, Layout::trit2, 6, 129, 64);
    CHECK(message_of(wider.view(), 6, y) == "activations of 128 columns for a matrix of 129");
    CHECK_THROWS_WITH_AS(prepare(x, std::span(floats).first(127), m.view(), best_kernels()),
                         "127 activations are no rows of 128 columns", error);
}
