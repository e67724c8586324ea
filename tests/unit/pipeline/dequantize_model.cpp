#include <bitnet/pipeline/dequantize_model.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <bitnet/compress.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "models.hpp"

namespace layout = bitnet::layout;
namespace preservation = bitnet::preservation;
namespace scale = bitnet::scale;
using bitnet::Compressor;
using bitnet::DType;
using bitnet::errc;
using bitnet::ModelDir;
using bitnet::PackedModel;
using bitnet_test::Compressed;
using bitnet_test::floats;
using bitnet_test::floats_of;
using bitnet_test::normal;
using bitnet_test::packed_tensor;
using bitnet_test::read_weights;
using bitnet_test::refusal;
using bitnet_test::Weights;

namespace {

/// A model of that architecture, compressed.
template <class C>
void compress_random(Compressed& out, const std::string& architecture, const C& compressor) {
    bitnet::write_random_model(out.dir / "model", {.architecture = architecture, .vocab_size = 40, .hidden_size = 24,
                                                   .intermediate_size = 44, .layers = 1, .max_positions = 16});
    bitnet_test::compress_into(out, ModelDir(out.dir / "model"), compressor);
}

}  // namespace

TEST_CASE("dequantizing to FP16 gives the file that compression wrote beside the packed one") {
    for (const auto& family : bitnet::architectures) {
        INFO(family.name);
        Compressed out;
        compress_random(out, std::string(family.name), bitnet::recipe::Default{});
        bitnet::dequantize_model(PackedModel(out.quantized()), out.dir / "again.safetensors", DType::F16);
        CHECK(bitnet_test::read_text(out.dir / "again.safetensors") == bitnet_test::read_text(out.dequantized()));
    }
}

TEST_CASE("every type holds the packed weights, rounded once") {
    for (const bitnet::Layout packing : {bitnet::Layout::int8, bitnet::Layout::trit2, bitnet::Layout::trit5}) {
        Compressed out;
        compress_random(out, "llama", Compressor{layout::Chosen{.layout = packing}, scale::PerGroup<7>{.storage = DType::F32}});
        const PackedModel packed(out.quantized());
        for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
            const auto path = out.dir / bitnet::message(name_of(type), ".safetensors");
            bitnet::dequantize_model(packed, path, type);
            const Weights dense = read_weights(path);
            CHECK(dense.size() == packed.tensors().size());
            for (const auto& tensor : packed.tensors()) {
                INFO(tensor.name, " ", name_of(type));
                std::vector<float> expected;
                if (tensor.kind == bitnet::PackedKind::ternary) {
                    const bitnet::TernaryTensor ternary = packed.ternary(tensor).planes.at(0);
                    std::vector<std::int8_t> codes(ternary.cols());
                    for (std::size_t r = 0; r < ternary.rows(); ++r) {
                        ternary.codes_of_row(r, codes);
                        for (std::size_t c = 0; c < codes.size(); ++c)
                            expected.push_back(ternary.scale(r, c) * static_cast<float>(codes[c]));
                    }
                } else {
                    expected = packed.floats(tensor);
                }
                for (float& value : expected)
                    value = type == DType::F16    ? bitnet::to_float(bitnet::to_half(value))
                            : type == DType::BF16 ? bitnet::to_float(bitnet::to_bfloat16(value))
                                                  : value;
                CHECK(dense.at(tensor.name).dtype == type);
                CHECK(dense.at(tensor.name).shape == tensor.original_shape());
                CHECK(floats_of(dense.at(tensor.name)) == expected);
            }
        }
    }
}

TEST_CASE("what was dequantized is compressed to the same packed tensors") {
    for (const std::string architecture : {"llama", "gpt2"}) {
        Compressed first, again;
        compress_random(first, architecture, bitnet::recipe::Default{});
        std::filesystem::copy(first.dir / "model", again.dir / "model");
        std::filesystem::remove(again.dir / "model" / "model.safetensors");
        bitnet::dequantize_model(PackedModel(first.quantized()), again.dir / "model" / "model.safetensors", DType::F32);
        bitnet_test::compress_into(again, ModelDir(again.dir / "model"), bitnet::recipe::Default{});
        CHECK(bitnet_test::read_text(again.quantized()) == bitnet_test::read_text(first.quantized()));
    }
}

TEST_CASE("8-bit rows and integers come through") {
    Compressed out;
    const Weights weights{{"w.weight", normal({3, 5}, 1)}, {"embed.weight", normal({4, 6}, 2)}, {"a.bias", normal({3}, 3)},
                          {"ids", bitnet_test::zeros(DType::I64, {3})}, {"flag", bitnet_test::zeros(DType::BOOL, {})}};
    bitnet_test::compress_weights(out, weights,
                                  Compressor{preservation::ByRole{.precision = bitnet::Treatment::int8_rows}});
    const PackedModel packed(out.quantized());
    bitnet::dequantize_model(packed, out.dir / "d.safetensors", DType::F32);
    const Weights dense = read_weights(out.dir / "d.safetensors");
    CHECK(floats_of(dense.at("embed.weight")) == packed.floats(packed_tensor(packed, "embed.weight")));
    CHECK(dense.at("ids") == weights.at("ids"));
    CHECK(dense.at("flag") == weights.at("flag"));
    CHECK(dense.size() == weights.size());
}

TEST_CASE("what no architecture knows stays byte for byte, whatever the type") {
    Compressed out;
    bitnet::write_random_model(out.dir / "model", {});
    const std::vector<float> odd{std::numeric_limits<float>::infinity(), 1e30f};
    bitnet_test::edit_weights(out.dir / "model" / "model.safetensors", [&](Weights& weights) {
        weights["extra_head.weight"] = floats({2}, odd);
        weights["extra.int8"] = bitnet_test::zeros(DType::I8, {2, 2});
    });
    bitnet_test::compress_into(out, ModelDir(out.dir / "model"), bitnet::recipe::Default{});
    for (const DType type : {DType::F16, DType::BF16, DType::F32}) {
        const auto path = out.dir / bitnet::message(name_of(type), ".safetensors");
        bitnet::dequantize_model(PackedModel(out.quantized()), path, type);
        CHECK(read_weights(path).at("extra_head.weight") == floats({2}, odd));
        CHECK(read_weights(path).at("extra.int8") == bitnet_test::zeros(DType::I8, {2, 2}));
    }
}

TEST_CASE("a weight that the type cannot hold is refused by tensor name") {
    const std::vector<float> large{70000, 0, -70000, 70000}, bias{65520};
    for (const std::string name : {"w.weight", "a.bias"}) {
        Compressed out;
        bitnet_test::compress_weights(out, {{name, name == "a.bias" ? floats({1}, bias) : floats({1, 4}, large)}}, Compressor<>{});
        const PackedModel packed(out.quantized());
        const auto [code, what] = refusal([&] { bitnet::dequantize_model(packed, out.dir / "h.safetensors", DType::F16); });
        CHECK(code == errc::unsupported);
        CHECK(what == out.quantized().string() + ": tensor \"" + name + "\": a weight is beyond what F16 holds");
        bitnet::dequantize_model(packed, out.dir / "f.safetensors", DType::F32);
        bitnet::dequantize_model(packed, out.dir / "b.safetensors", DType::BF16);
        CHECK(floats_of(read_weights(out.dir / "f.safetensors").at(name)) == (name == "a.bias" ? bias : large));
    }
}

TEST_CASE("empty tensors of any kind come through") {
    Compressed out;
    bitnet_test::compress_weights(out, {{"none.weight", floats({0, 8}, {})}, {"thin.weight", floats({8, 0}, {})},
                                        {"embed.weight", floats({0, 3}, {})}, {"no.bias", floats({0}, {})}},
                                  Compressor{preservation::ByRole{.precision = bitnet::Treatment::int8_rows}});
    for (const DType type : {DType::F32, DType::F16, DType::BF16}) {
        const auto path = out.dir / bitnet::message(name_of(type), ".safetensors");
        bitnet::dequantize_model(PackedModel(out.quantized()), path, type);
        CHECK(read_weights(path).at("none.weight") == bitnet_test::zeros(type, {0, 8}));
        CHECK(read_weights(path).at("thin.weight") == bitnet_test::zeros(type, {8, 0}));
        CHECK(read_weights(path).at("embed.weight") == bitnet_test::zeros(type, {0, 3}));
        CHECK(read_weights(path).at("no.bias") == bitnet_test::zeros(type, {0}));
    }
}

TEST_CASE("every kernel dequantizes to the same bytes") {
    Compressed out;
    compress_random(out, "gpt2", bitnet::recipe::Default{});
    const PackedModel packed(out.quantized());
    for (const bitnet::Kernels* kernels : bitnet::available_kernels()) {
        INFO(kernels->arch);
        const auto path = out.dir / bitnet::message(kernels->arch, ".safetensors");
        bitnet::dequantize_model(packed, path, DType::F16, {kernels, 1});
        CHECK(bitnet_test::read_text(path) == bitnet_test::read_text(out.dequantized()));
    }
}

TEST_CASE("progress is told after each tensor") {
    Compressed out;
    compress_random(out, "llama", bitnet::recipe::Default{});
    const PackedModel packed(out.quantized());
    std::vector<std::string> names;
    bitnet::dequantize_model(packed, out.dir / "d.safetensors", DType::F16, bitnet::execution(),
                             [&](std::string_view tensor, std::size_t done, std::size_t total) {
        names.emplace_back(tensor);
        CHECK(done == names.size());
        CHECK(total == packed.tensors().size());
    });
    CHECK(names.size() == packed.tensors().size());
    CHECK(names.front() == packed.tensors().front().name);
}
