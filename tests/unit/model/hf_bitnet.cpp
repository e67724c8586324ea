#include <bitnet/model/hf_bitnet.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include <bitnet/core/half.hpp>

#include "packed_by_transformers.hpp"

using bitnet::DType;
using bitnet::errc;
using bitnet::execution;
using bitnet::Shape;
using bitnet::TensorRole;
using bitnet::TensorView;
using bitnet::TernaryTensor;
using bitnet_test::packed_by_transformers;
using bitnet_test::refusal;
using bitnet_test::StoredTensor;

namespace {

TensorView view(std::string_view name, const StoredTensor& tensor) { return {name, tensor.dtype, tensor.shape, tensor.bytes}; }

StoredTensor scale_of(float value) { return bitnet_test::floats({1}, std::span(&value, 1)); }

TernaryTensor read(const StoredTensor& codes, const StoredTensor& scale, bool multiplies = false, unsigned threads = 1) {
    return bitnet::read_hf_bitnet(view("up.weight", codes), view("up.weight_scale", scale), multiplies, "m.safetensors",
                                  execution(threads));
}

std::vector<std::vector<int>> codes_of(const TernaryTensor& tensor) {
    std::vector<std::vector<int>> out;
    std::vector<std::int8_t> row(tensor.cols());
    for (std::size_t r = 0; r < tensor.rows(); ++r) {
        tensor.codes_of_row(r, row);
        out.emplace_back(row.begin(), row.end());
    }
    return out;
}

}  // namespace

TEST_CASE("the four codes of a byte are of rows a quarter of the rows apart") {
    StoredTensor packed = bitnet_test::zeros(DType::U8, {2, 2});  // the published example
    packed.bytes = {std::byte{0xA1}, std::byte{0x18}, std::byte{0x90}, std::byte{0x0A}};
    const TernaryTensor tensor = read(packed, scale_of(1));
    CHECK(tensor.shape == Shape{8, 2});
    CHECK(tensor.layout == bitnet::Layout::trit2);
    CHECK(tensor.whole_tensor);
    CHECK(codes_of(tensor) ==
          std::vector<std::vector<int>>{{0, -1}, {-1, 1}, {-1, 1}, {-1, 1}, {1, 0}, {0, -1}, {1, -1}, {1, -1}});
}

TEST_CASE("any number of columns comes back, on any number of threads, and padding is the code 0") {
    constexpr unsigned seed = 3;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (const std::size_t cols : {1u, 2u, 3u, 4u, 5u, 63u, 64u, 257u}) {
        CAPTURE(cols);
        std::vector<std::vector<int>> codes(1024, std::vector<int>(cols));
        for (auto& row : codes)
            for (int& code : row) code = static_cast<int>(random() % 3) - 1;
        const TernaryTensor tensor = read(packed_by_transformers(codes), scale_of(2), false, 1);
        CHECK(codes_of(tensor) == codes);
        CHECK(tensor == read(packed_by_transformers(codes), scale_of(2), false, 3));
        std::vector<std::uint8_t> expected(tensor.row_bytes());
        const std::vector<std::int8_t> row(codes[1].begin(), codes[1].end());
        bitnet::pack::Trit2::pack(std::span(row), expected);
        CHECK(std::ranges::equal(tensor.packed_row(1), expected));
    }
}

TEST_CASE("a stored scale divides, or multiplies for the class autobitlinear, whatever its type") {
    const StoredTensor packed = packed_by_transformers({{1}, {0}, {-1}, {1}});
    CHECK(read(packed, scale_of(4), false).scales == std::vector<float>{0.25f});
    CHECK(read(packed, scale_of(4), true).scales == std::vector<float>{4.0f});
    StoredTensor half = bitnet_test::zeros(DType::BF16, {});
    const std::uint16_t bits = bitnet::to_bfloat16(0.375f).bits;
    std::memcpy(half.bytes.data(), &bits, 2);
    CHECK(read(packed, half, true).scales == std::vector<float>{0.375f});
}

TEST_CASE("a packed tensor that is none is refused with file, tensor and what was expected") {
    const StoredTensor packed = packed_by_transformers({{1}, {0}, {-1}, {1}});
    const auto refused = [&](const StoredTensor& codes, const StoredTensor& scale, bool multiplies = false) {
        return refusal([&] { read(codes, scale, multiplies); });
    };
    using Refusal = std::pair<errc, std::string>;
    const std::string weight = "m.safetensors: tensor \"up.weight\": ", scale = "m.safetensors: tensor \"up.weight_scale\": ";
    CHECK(refused(bitnet_test::zeros(DType::I8, {1, 1}), scale_of(1)) ==
          Refusal{errc::unsupported, weight + "stored as I8; packed weights of \"bitnet\" are U8"});
    CHECK(refused(bitnet_test::zeros(DType::U8, {1, 2, 2}), scale_of(1)) ==
          Refusal{errc::bad_shape, weight + "shape (1, 2, 2), expected (1, 4), a quarter of the rows of (4, 4) = "
                                            "(rows, columns)"});
    CHECK(refused(packed, bitnet_test::zeros(DType::U8, {1})) ==
          Refusal{errc::unsupported, scale + "stored as U8; scales are F16, BF16, F32 or F64"});
    CHECK(refused(packed, bitnet_test::zeros(DType::F32, {4})) ==
          Refusal{errc::bad_shape, scale + "shape (4), expected (1), one scale for the whole tensor"});
    StoredTensor three = bitnet_test::zeros(DType::U8, {2, 3});
    three.bytes[5] = std::byte{0x70};
    CHECK(refused(three, scale_of(1)) ==
          Refusal{errc::bad_file, weight + "byte 112 at row 1, column 2 holds the code 3; codes are 0, 1 and 2"});
    for (const auto& [value, text] : {std::pair(0.0f, "0"), std::pair(-2.0f, "-2"),
                                      std::pair(std::numeric_limits<float>::infinity(), "inf"),
                                      std::pair(std::numeric_limits<float>::quiet_NaN(), "nan")})
        for (const bool multiplies : {false, true})
            CHECK(refused(packed, scale_of(value), multiplies) ==
                  Refusal{errc::bad_file, scale + "scale " + text + "; expected a finite number above 0"});
    CHECK(refused(packed, scale_of(1e-45f)).first == errc::bad_file);
    CHECK(read(packed, scale_of(1e-45f), true).scales[0] > 0);
}

TEST_CASE("rows that are no multiple of four cannot have been packed") {
    const bitnet::TensorEntry codes{"up.weight", DType::U8, {2, 8}}, scale{"up.weight_scale", DType::F32, {1}};
    CHECK(refusal([&] { bitnet::check_hf_bitnet(codes, scale, {10, 8}, "(a, b)", "f"); }) ==
          std::pair(errc::bad_shape, std::string("f: tensor \"up.weight\": only a matrix of a multiple of 4 rows can be "
                                                 "packed, not (10, 8) = (a, b)")));
    CHECK_NOTHROW(bitnet::check_hf_bitnet(codes, scale, {8, 8}, "(a, b)", "f"));
}

TEST_CASE("every linear layer of the decoder is a BitNet layer but those that the configuration keeps") {
    bitnet::ModelConfig config;
    const auto is_layer = [&](const std::string& name, TensorRole role = TensorRole::attention, bool transposed = false) {
        return bitnet::is_hf_bitnet_layer(config, {name, role, {4, 4}, "", transposed});
    };
    const std::string query = "model.layers.1.self_attn.q_proj.weight";
    CHECK_FALSE(is_layer(query));
    config.quant_method = "bitnet";
    CHECK(is_layer(query));
    CHECK(is_layer("model.layers.1.mlp.up_proj.weight", TensorRole::feed_forward));
    CHECK_FALSE(is_layer("h.0.attn.c_attn.weight", TensorRole::attention, true));
    CHECK_FALSE(is_layer("lm_head.weight", TensorRole::lm_head));
    CHECK_FALSE(is_layer("model.norm.weight", TensorRole::norm));
    config.dense_modules = {"lm_head", "model.layers.1", "o_proj"};
    CHECK_FALSE(is_layer(query));
    CHECK_FALSE(is_layer("model.layers.0.self_attn.o_proj.weight"));
    CHECK(is_layer("model.layers.11.self_attn.q_proj.weight"));
    config.dense_modules = {"model.layers.1.self_attn.q_proj"};
    CHECK_FALSE(is_layer(query));
    CHECK(is_layer("model.layers.1.self_attn.k_proj.weight"));
}
