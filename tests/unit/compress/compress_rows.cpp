#include <bitnet/compress/compress_rows.hpp>

#include <doctest/doctest.h>

#include <bitnet/compress.hpp>
#include <bitnet/core/rng.hpp>

using namespace bitnet;

namespace {

/// Rounds each weight of a block to the sign, with the scale 2 in the first plane and 0.5 in the second.
void signs(RowsInWork<2>& rows) {
    for (std::size_t r = 0; r < rows.rows(); ++r)
        for (std::size_t c = 0; c < rows.cols(); ++c)
            for (std::size_t p = 0; p < 2; ++p) {
                rows.codes[p](r, c) = rows.w(r, c) < 0 ? -1 : 1;
                rows.scales[p](r, c / rows.group) = p == 0 ? 2.0f : 0.5f;
            }
}

}  // namespace

TEST_CASE("rows reach the quantizer in blocks, and what it leaves the packed planes") {
    std::vector<float> w(130 * 5);
    Random random(1);
    for (float& x : w) x = random.normal();
    const TensorView view{"w", DType::F32, Shape{130, 5}, std::as_bytes(std::span(w))};
    const auto check = [&](const auto& compressor, std::size_t blocks) {
        std::atomic<std::size_t> seen = 0;
        TernaryPlanes out;
        detail::compress_rows<2>(compressor, view, out, {execution().kernels, 2}, [&](RowsInWork<2>& rows) {
            ++seen;
            signs(rows);
        });
        CHECK(seen == blocks);
        std::vector<float> row(5);
        for (std::size_t r = 0; r < 130; ++r) {
            out.dequantize_row(r, row);
            for (std::size_t c = 0; c < 5; ++c) CHECK(row[c] == (w[r * 5 + c] < 0 ? -2.5f : 2.5f));
        }
        return out;
    };
    CHECK(check(Compressor{scale::PerGroup<2>{}}, 3).planes[0].scales.size() == 130 * 3);
    CHECK(check(Compressor{scale::PerTensor{}}, 1).planes[1].scales == std::vector<float>{0.5f});
    w[7] = INFINITY;
    TernaryPlanes out;
    CHECK_THROWS_WITH_AS(detail::compress_rows<2>(Compressor{}, view, out, execution(), signs), "w: inf at flat index 7 of shape (130, 5)", error);
}
