#include <bitnet/compress/ternary_tensor.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace bitnet;

namespace {

/// Random codes and scales, and what they stand for, element by element.
struct Sample {
    TernaryTensor tensor;
    std::vector<float> dense;

    Sample(Layout layout, Shape shape, std::size_t group, bool whole, unsigned seed) {
        std::mt19937 random(seed);
        tensor = {.shape = shape, .layout = layout, .group = group, .whole_tensor = whole};
        tensor.scales.resize(whole ? 1 : tensor.rows() * tensor.groups_per_row());
        for (float& scale : tensor.scales) scale = static_cast<float>(random() % 100) / 64.0f;
        std::vector<std::int8_t> row(tensor.cols());
        for (std::size_t r = 0; r < tensor.rows(); ++r) {
            for (std::size_t c = 0; c < row.size(); ++c) {
                row[c] = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
                dense.push_back(tensor.scale(r, c) * static_cast<float>(row[c]));
            }
            std::vector<std::uint8_t> bytes(tensor.row_bytes());
            visit_layout(layout, [&](auto l) { l.pack(row, bytes); });
            tensor.codes.insert(tensor.codes.end(), bytes.begin(), bytes.end());
        }
    }
};

}  // namespace

TEST_CASE("rows and lazy elements dequantize to scale times code") {
    for (const Layout layout : {Layout::int8, Layout::trit2, Layout::trit5})
        for (const Shape& shape : {Shape{3, 7}, Shape{5}, Shape{2, 3, 4, 5}, Shape{2, 6001}})
            for (const std::size_t group : {1u, 3u, 64u, 10000u})
                for (const bool whole : {false, true}) {
                    CAPTURE(to_string(layout));
                    CAPTURE(to_string(shape));
                    CAPTURE(group);
                    const Sample sample(layout, shape, group, whole, 7);
                    std::vector<float> rows, row(sample.tensor.cols());
                    for (std::size_t r = 0; r < sample.tensor.rows(); ++r) {
                        sample.tensor.dequantize_row(r, row);
                        rows.insert(rows.end(), row.begin(), row.end());
                    }
                    REQUIRE(rows == sample.dense);
                    const xt::xarray<float> lazy = sample.tensor.dequantize();
                    REQUIRE(std::vector<std::size_t>(lazy.shape().begin(), lazy.shape().end()) == shape);
                    REQUIRE(std::equal(lazy.begin(), lazy.end(), sample.dense.begin(), sample.dense.end()));
                }
}

TEST_CASE("dequantizing an rvalue owns the tensor") {
    const Sample sample(Layout::trit2, {4, 9}, 9, false, 3);
    const auto owned = TernaryTensor(sample.tensor).dequantize();
    CHECK(owned(3, 8) == sample.dense.back());
    CHECK(owned(0, 0) == sample.dense.front());
}

TEST_CASE("stored bytes count codes and scales as the file holds them") {
    Sample sample(Layout::trit2, {3, 10}, 4, false, 1);
    CHECK(sample.tensor.groups_per_row() == 3);
    CHECK(sample.tensor.stored_bytes() == 3 * 3 + 9 * 2);
    sample.tensor.scale_type = DType::F32;
    CHECK(sample.tensor.stored_bytes() == 3 * 3 + 9 * 4);
}

TEST_CASE("a layout outside of its enumeration is refused") {
    CHECK_THROWS_AS(packed_row_bytes(static_cast<Layout>(9), 4), error);
}
