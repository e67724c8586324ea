#include <bitnet/compress/float_rows.hpp>

#include <doctest/doctest.h>

#include <limits>

#include <bitnet/core/half.hpp>

using namespace bitnet;

namespace {

const std::vector<float> values{1.0f, -2.0f, 0.5f, 4.0f, -0.25f, 8.0f};

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& data, std::size_t shift) {
    std::vector<std::byte> out(shift + data.size() * sizeof(T));
    std::memcpy(out.data() + shift, data.data(), data.size() * sizeof(T));
    return out;
}

void check_rows(DType dtype, std::span<const std::byte> bytes) {
    const TensorView view{"w", dtype, {2, 3}, bytes};
    const FloatRows rows(view, *execution().kernels);
    std::vector<float> buffer;
    const auto second = rows.row(1, buffer);
    CHECK(std::vector<float>(second.begin(), second.end()) == std::vector<float>(values.begin() + 3, values.end()));
    const auto all = rows.all(buffer);
    CHECK(std::vector<float>(all.begin(), all.end()) == values);
}

}  // namespace

TEST_CASE("rows of every weight type read the same, aligned or not") {
    std::vector<Half> half;
    std::vector<BFloat16> bfloat;
    std::vector<double> wide(values.begin(), values.end());
    for (const float x : values) {
        half.push_back(to_half(x));
        bfloat.push_back(to_bfloat16(x));
    }
    for (const std::size_t shift : {0u, 1u}) {
        CAPTURE(shift);
        check_rows(DType::F32, std::span<const std::byte>(bytes_of(values, shift)).subspan(shift));
        check_rows(DType::F16, std::span<const std::byte>(bytes_of(half, shift)).subspan(shift));
        check_rows(DType::BF16, std::span<const std::byte>(bytes_of(bfloat, shift)).subspan(shift));
        check_rows(DType::F64, std::span<const std::byte>(bytes_of(wide, shift)).subspan(shift));
    }
}

TEST_CASE("integers are no weights, and a NaN is named by its place") {
    const std::vector<std::byte> bytes(6);
    const TensorView integers{"ids", DType::I8, {2, 3}, bytes};
    CHECK_THROWS_WITH_AS(FloatRows(integers, *execution().kernels),
                         "ids: weights of type I8 cannot be compressed; F32, F16, BF16 and F64 can", error);
    std::vector<float> broken = values;
    broken[4] = std::numeric_limits<float>::quiet_NaN();
    const TensorView view{"w", DType::F32, {2, 3}, std::as_bytes(std::span(broken))};
    const FloatRows rows(view, *execution().kernels);
    std::vector<float> buffer;
    CHECK_NOTHROW(rows.require_finite(0, rows.row(0, buffer)));
    CHECK_THROWS_WITH_AS(rows.require_finite(3, rows.row(1, buffer)), "w: nan at flat index 4 of shape (2, 3)", error);
}
