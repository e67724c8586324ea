#include <bitnet/pipeline/compress_model.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/compress.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "models.hpp"

namespace layout = bitnet::layout;
namespace preservation = bitnet::preservation;
namespace quantizer = bitnet::quantizer;
namespace scale = bitnet::scale;
namespace sparsity = bitnet::sparsity;
using bitnet::Compressor;
using bitnet::DType;
using bitnet::errc;
using bitnet::Layout;
using bitnet::ModelDir;
using bitnet::ModelTensor;
using bitnet::PackedModel;
using bitnet::Shape;
using bitnet::TernaryTensor;
using bitnet::Treatment;
using bitnet_test::Compressed;
using bitnet_test::floats;
using bitnet_test::floats_of;
using bitnet_test::normal;
using bitnet_test::packed_tensor;
using bitnet_test::read_weights;
using bitnet_test::refusal;
using bitnet_test::report_of;
using bitnet_test::StoredTensor;
using bitnet_test::TempDir;
using bitnet_test::Weights;

namespace {

StoredTensor stored(const ModelDir& model, const ModelTensor& tensor) {
    const auto bytes = model.view(tensor).bytes;
    return {tensor.dtype, tensor.shape, {bytes.begin(), bytes.end()}};
}

/// Rows and columns exchanged, one element after the other.
StoredTensor turned(const StoredTensor& in) {
    StoredTensor out{in.dtype, {in.shape[1], in.shape[0]}, std::vector<std::byte>(in.bytes.size())};
    const std::size_t rows = in.shape[0], cols = in.shape[1], size = bits_of(in.dtype) / 8;
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; ++c)
            for (std::size_t b = 0; b < size; ++b)
                out.bytes[(c * rows + r) * size + b] = in.bytes[(r * cols + c) * size + b];
    return out;
}

StoredTensor as_half(Shape shape, const std::vector<float>& values) {
    StoredTensor out{DType::F16, std::move(shape), {}};
    for (const float value : values) {
        const std::uint16_t bits = bitnet::to_half(value).bits;
        out.bytes.push_back(std::byte{static_cast<std::uint8_t>(bits & 0xff)});
        out.bytes.push_back(std::byte{static_cast<std::uint8_t>(bits >> 8)});
    }
    return out;
}

/// α·q by the definition, code by code.
std::vector<float> weights_of(const TernaryTensor& tensor) {
    std::vector<float> out;
    std::vector<std::int8_t> codes(tensor.cols());
    for (std::size_t r = 0; r < (codes.empty() ? 0 : tensor.rows()); ++r) {
        tensor.codes_of_row(r, codes);
        for (std::size_t c = 0; c < codes.size(); ++c) out.push_back(tensor.scale(r, c) * static_cast<float>(codes[c]));
    }
    return out;
}

/// Compares both files with the policies applied by hand to every tensor.
template <class C>
void check_outputs(const ModelDir& model, const C& compressor, const Compressed& out) {
    const PackedModel packed(out.quantized());
    const Weights dense = read_weights(out.dequantized());
    CHECK(packed.tensors().size() == model.tensors().size());
    CHECK(dense.size() == model.tensors().size());
    CHECK(packed.metadata().policies == policies_to_json(compressor));
    for (const ModelTensor& tensor : model.tensors()) {
        INFO(tensor.name);
        const StoredTensor original = stored(model, tensor);
        const auto& found = packed_tensor(packed, tensor.name);
        CHECK(found.original_shape() == tensor.shape);
        const Treatment treatment = compressor.preservation().treatment({tensor.name, tensor.role, tensor.shape});
        CHECK(report_of(out, tensor.name).treatment == treatment);
        CHECK(report_of(out, tensor.name).stored_bytes == found.stored_bytes());
        if (treatment == Treatment::ternary) {
            const StoredTensor upright = tensor.transposed ? turned(original) : original;
            const TernaryTensor expected = compressor.compress({tensor.name, tensor.dtype, upright.shape, upright.bytes});
            CHECK(packed.ternary(found) == bitnet::TernaryPlanes(expected));
            const StoredTensor half = as_half(upright.shape, weights_of(expected));
            CHECK(dense.at(tensor.name) == (tensor.transposed ? turned(half) : half));
        } else {
            REQUIRE(treatment == Treatment::fp16);
            const StoredTensor half = as_half(tensor.shape, floats_of(original));
            CHECK(read_weights(out.quantized()).at(tensor.name) == half);
            CHECK(dense.at(tensor.name) == half);
        }
    }
}

template <class C>
void check_random_model(const bitnet::RandomModel& made, const C& compressor) {
    INFO(made.architecture, ", ", made.shards, " shards, ", name_of(made.dtype));
    Compressed out;
    bitnet::write_random_model(out.dir / "model", made);
    const ModelDir model(out.dir / "model");
    bitnet_test::compress_into(out, model, compressor);
    check_outputs(model, compressor, out);
    CHECK(out.stats.total_params() == model.parameter_count());
    CHECK(out.stats.original_bytes == 4 * model.parameter_count());
    CHECK(out.stats.quantized_bytes == std::filesystem::file_size(out.quantized()));
    CHECK(out.stats.dequantized_bytes == std::filesystem::file_size(out.dequantized()));
}

template <class C>
std::pair<errc, std::string> refusal_of(const Weights& weights, const C& compressor) {
    Compressed out;
    return refusal([&] { bitnet_test::compress_weights(out, weights, compressor); });
}

constexpr auto everything = "*";
const Compressor whatever{preservation::ByPattern{.ternary = everything}};

}  // namespace

TEST_CASE("every architecture, in any type and number of files, becomes what its policies say") {
    for (const auto& family : bitnet::architectures)
        for (const DType type : {DType::F32, DType::F16, DType::BF16})
            check_random_model({.architecture = std::string(family.name), .vocab_size = 40, .hidden_size = 24,
                                .intermediate_size = 36, .max_positions = 16, .tied = type != DType::BF16, .dtype = type,
                                .shards = type == DType::F16 ? 3u : 1u},
                               bitnet::recipe::Default{});
}

TEST_CASE("transposed weights of GPT-2 become the codes of the upright matrix, whatever the policies") {
    const bitnet::RandomModel made{.architecture = "gpt2", .vocab_size = 40, .hidden_size = 24, .intermediate_size = 44,
                                   .layers = 1, .max_positions = 16};
    check_random_model(made, bitnet::recipe::BitNet158{});
    check_random_model(made, bitnet::recipe::Phase4{});
    check_random_model(made, Compressor{scale::PerGroup<7>{.storage = DType::BF16}, bitnet::pack::Trit5{}});
    check_random_model(made, Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.7f}, bitnet::pack::Int8{}});
}

TEST_CASE("neither the number of threads nor the instruction set changes a byte") {
    TempDir place;
    bitnet::write_random_model(place / "model", {.architecture = "gpt2", .hidden_size = 160, .intermediate_size = 520});
    const ModelDir model(place / "model");
    Compressed first;
    bitnet_test::compress_into(first, model, bitnet::recipe::Default{}, {&bitnet::best_kernels(), 1});
    for (const bitnet::Kernels* kernels : bitnet::available_kernels())
        for (const unsigned threads : {1u, 2u, 5u}) {
            INFO(kernels->arch, ", ", threads, " threads");
            Compressed again;
            bitnet_test::compress_into(again, model, bitnet::recipe::Default{}, {kernels, threads});
            CHECK(bitnet_test::read_text(again.quantized()) == bitnet_test::read_text(first.quantized()));
            CHECK(bitnet_test::read_text(again.dequantized()) == bitnet_test::read_text(first.dequantized()));
            CHECK(again.stats.distortion().relative_error() == first.stats.distortion().relative_error());
        }
}

TEST_CASE("any safetensors file can be compressed by the names of its tensors") {
    Compressed out;
    const Weights weights{{"conv.weight", normal({4, 3, 2, 2}, 1)}, {"fc.weight", normal({5, 70}, 2)},
                          {"fc.bias", normal({5}, 3)},              {"embed.weight", normal({9, 4}, 4)}};
    const Compressor compressor{scale::PerGroup<64>{}};
    bitnet_test::compress_weights(out, weights, compressor);
    check_outputs(ModelDir(out.dir / "original.safetensors", {.architecture = "generic"}), compressor, out);
    CHECK(out.stats.layers_quantized() == 2);
    CHECK(out.stats.quantized_params() == 48 + 350);
}

TEST_CASE("a kept weight beyond FP16 is kept in F32, and its neighbours stay FP16") {
    const std::vector<float> fits{65519.0f, -65504.0f}, beyond{1.0f, 65520.0f};
    Compressed out;
    bitnet_test::compress_weights(out, {{"a.bias", floats({2}, fits)}, {"b.bias", floats({2}, beyond)},
                                        {"w.weight", normal({2, 8}, 1)}}, Compressor<>{});
    for (const Weights& written : {read_weights(out.quantized()), read_weights(out.dequantized())}) {
        CHECK(written.at("a.bias") == as_half({2}, fits));
        CHECK(written.at("b.bias") == floats({2}, beyond));
    }
    CHECK(report_of(out, "a.bias").note.empty());
    CHECK(report_of(out, "b.bias").note == "kept as F32: a weight is beyond 16 bits");
    CHECK(report_of(out, "b.bias").treatment == Treatment::fp32);
    CHECK(report_of(out, "b.bias").stored_bytes == 8);
    CHECK(out.stats.tensors.size() == 3);  // although two passes were made
}

TEST_CASE("a scale beyond FP16 is stored in F32, and so is the dequantized tensor") {
    const std::vector<float> large{70000, 0, -70000, 70000}, small{1e-6f, 0, -1e-6f, 0};
    Compressed out;
    bitnet_test::compress_weights(out, {{"large.weight", floats({1, 4}, large)}, {"small.weight", floats({1, 4}, small)},
                                        {"w.weight", normal({2, 8}, 1)}}, Compressor<>{});
    const PackedModel packed(out.quantized());
    const Weights dense = read_weights(out.dequantized());
    for (const std::string name : {"large.weight", "small.weight"}) {
        INFO(name);
        CHECK(packed.ternary(packed_tensor(packed, name)).planes[0].scale_type == DType::F32);
        CHECK(report_of(out, name).note == "scales stored as F32: one is outside of the range of F16");
        CHECK(report_of(out, name).scale_type == DType::F32);
        CHECK(report_of(out, name).stored_bytes == 5);
    }
    CHECK(dense.at("large.weight") == floats({1, 4}, large));
    CHECK(dense.at("small.weight") == floats({1, 4}, small));
    CHECK(packed.ternary(packed_tensor(packed, "w.weight")).planes[0].scale_type == DType::F16);
    CHECK(dense.at("w.weight").dtype == DType::F16);
    CHECK(out.stats.tensors.size() == 3);
}

TEST_CASE("weights that FP16 cannot hold are dequantized in F32 though BF16 holds their scale") {
    const std::vector<float> large{70144, 0, -70144, 70144};  // a bfloat16
    Compressed out;
    bitnet_test::compress_weights(out, {{"large.weight", floats({1, 4}, large)}},
                                  Compressor{scale::PerChannel{.storage = DType::BF16}});
    CHECK(read_weights(out.dequantized()).at("large.weight") == floats({1, 4}, large));
    CHECK(report_of(out, "large.weight").note == "dequantized as F32: a weight is beyond FP16");
    const PackedModel packed(out.quantized());
    const auto& tensor = packed_tensor(packed, "large.weight");
    CHECK(packed.ternary(tensor).planes[0].scales == std::vector<float>{70144});
    CHECK(report_of(out, "large.weight").stored_bytes == tensor.stored_bytes());
}

TEST_CASE("other precisions of what is kept hold their own ranges") {
    const std::vector<float> large{65520, 1.0f / 3}, largest{std::numeric_limits<float>::max(), 1};
    const Weights weights{{"a.bias", floats({2}, large)}, {"b.bias", floats({2}, largest)},
                          {"embed.weight", floats({1, 2}, large)}};
    Compressed bf16, fp32, int8;
    bitnet_test::compress_weights(bf16, weights, Compressor{preservation::ByRole{.precision = Treatment::bf16}});
    const Weights bf16_weights = read_weights(bf16.quantized());
    CHECK(report_of(bf16, "a.bias").treatment == Treatment::fp32);  // FP16, the type to train in, is too small
    CHECK(bf16_weights.at("b.bias") == floats({2}, largest));
    CHECK(read_weights(bf16.dequantized()).at("b.bias") == floats({2}, largest));

    bitnet_test::compress_weights(fp32, weights, Compressor{preservation::ByRole{.precision = Treatment::fp32}});
    CHECK(read_weights(fp32.quantized()).at("a.bias") == floats({2}, large));
    CHECK(read_weights(fp32.dequantized()).at("a.bias") == floats({2}, large));

    bitnet_test::compress_weights(int8, weights, Compressor{preservation::ByRole{.precision = Treatment::int8_rows}});
    const PackedModel packed(int8.quantized());
    const auto& rows = packed_tensor(packed, "embed.weight");
    CHECK(rows.kind == bitnet::PackedKind::int8_rows);
    const std::vector<float> image{127 * (65520 / 127.0f), 0};
    CHECK(packed.floats(rows) == image);
    CHECK(read_weights(int8.dequantized()).at("embed.weight") == floats({1, 2}, image));
    CHECK(report_of(int8, "embed.weight").stored_bytes == rows.stored_bytes());
}

TEST_CASE("kept weights of ordinary size pass through the precision that was asked for") {
    const std::vector<float> values{1.0f / 3, -2.0f, 0.1f, 0.0f};
    const Weights weights{{"embed.weight", floats({2, 2}, values)}};
    Compressed bf16, int8;
    bitnet_test::compress_weights(bf16, weights, Compressor{preservation::ByRole{.precision = Treatment::bf16}});
    std::vector<float> rounded;
    for (const float value : values) rounded.push_back(bitnet::to_float(bitnet::to_bfloat16(value)));
    CHECK(read_weights(bf16.quantized()).at("embed.weight").dtype == DType::BF16);
    CHECK(floats_of(read_weights(bf16.quantized()).at("embed.weight")) == rounded);
    CHECK(read_weights(bf16.dequantized()).at("embed.weight") == as_half({2, 2}, rounded));

    bitnet_test::compress_weights(int8, weights, Compressor{preservation::ByRole{.precision = Treatment::int8_rows}});
    const PackedModel packed(int8.quantized());
    const std::vector<float> image = packed.floats(packed_tensor(packed, "embed.weight"));
    CHECK(read_weights(int8.dequantized()).at("embed.weight") == as_half({2, 2}, image));
    CHECK(image[1] == doctest::Approx(-2.0f));
}

TEST_CASE("empty and all-zero tensors of any policy come through") {
    const Weights weights{{"none.weight", floats({0, 8}, {})}, {"thin.weight", floats({8, 0}, {})},
                          {"no.bias", floats({0}, {})},        {"zero.weight", bitnet_test::zeros(DType::F32, {3, 10})},
                          {"zero16.weight", bitnet_test::zeros(DType::BF16, {3, 10})}};
    const auto check = [&](const auto& compressor) {
        INFO(to_string(compressor));
        Compressed out;
        bitnet_test::compress_weights(out, weights, compressor);
        const PackedModel packed(out.quantized());
        for (const auto& item : weights) {  // no structured binding: INFO makes a lambda, and clang 14 takes none into it
            const std::string& name = item.first;
            const StoredTensor& tensor = item.second;
            INFO(name);
            const auto& found = packed_tensor(packed, name);
            CHECK(found.original_shape() == tensor.shape);
            CHECK(read_weights(out.dequantized()).at(name) == bitnet_test::zeros(DType::F16, tensor.shape));
            if (found.kind != bitnet::PackedKind::ternary) continue;
            CHECK(packed.ternary(found) == bitnet::TernaryPlanes(compressor.compress({name, tensor.dtype, tensor.shape, tensor.bytes})));
            const TernaryTensor made = packed.ternary(found).planes[0];
            for (const float alpha : made.scales) CHECK(alpha == 0.0f);
        }
        CHECK(out.stats.sparsity_ratio() == 1.0);
    };
    check(bitnet::recipe::Default{});
    check(bitnet::recipe::BitNet158{});
    check(bitnet::recipe::Phase4{});
    check(Compressor{scale::PerTensor{.storage = DType::F32}, bitnet::pack::Trit5{}});
    check(Compressor{preservation::ByRole{.precision = Treatment::int8_rows}, bitnet::pack::Int8{}});
}

TEST_CASE("what no architecture knows is kept byte for byte in both files") {
    Compressed out;
    bitnet::write_random_model(out.dir / "model", {});
    const std::vector<float> odd{std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f};
    Weights extra{{"extra_head.weight", floats({3}, odd)},
                  {"counts", bitnet_test::zeros(DType::I64, {2})},
                  {"flag", bitnet_test::zeros(DType::BOOL, {})},
                  {"codes", bitnet_test::zeros(DType::U8, {5})},
                  {"double", bitnet_test::zeros(DType::F64, {2, 2})}};
    for (auto& [name, tensor] : extra)
        if (tensor.dtype != DType::F32 && tensor.dtype != DType::BOOL) tensor.bytes[1] = std::byte{0xa5};
    bitnet_test::edit_weights(out.dir / "model" / "model.safetensors",
                              [&](Weights& weights) { weights.insert(extra.begin(), extra.end()); });
    bitnet_test::compress_into(out, ModelDir(out.dir / "model"), bitnet::recipe::Default{});
    for (const Weights& written : {read_weights(out.quantized()), read_weights(out.dequantized())})
        for (const auto& item : extra) {
            INFO(item.first);
            CHECK(written.at(item.first) == item.second);
            CHECK(report_of(out, item.first).treatment == Treatment::unchanged);
        }
}

TEST_CASE("masks of an old GPT-2 are kept and are no parameters") {
    Compressed out;
    bitnet::write_random_model(out.dir / "model", {.architecture = "gpt2", .layers = 1});
    bitnet_test::edit_weights(out.dir / "model" / "model.safetensors", [](Weights& weights) {
        weights["h.0.attn.bias"] = bitnet_test::zeros(DType::F32, {1, 1, 4, 4});
    });
    const ModelDir model(out.dir / "model");
    bitnet_test::compress_into(out, model, bitnet::recipe::Default{});
    CHECK(report_of(out, "h.0.attn.bias").treatment == Treatment::unchanged);
    CHECK(report_of(out, "h.0.attn.bias").parameters == 0);
    CHECK(out.stats.total_params() == model.parameter_count());
    CHECK(read_weights(out.quantized()).at("h.0.attn.bias") == bitnet_test::zeros(DType::F32, {1, 1, 4, 4}));
}

TEST_CASE("an output that nobody wants is not written") {
    TempDir place;
    bitnet::write_random_model(place / "model", {});
    const ModelDir model(place / "model");
    const auto one = bitnet::compress_model(model, bitnet::recipe::Default{}, {.quantized = place / "q", .dequantized = {}});
    CHECK(one.dequantized_bytes == 0);
    CHECK(one.compression_ratio() > 1);
    const auto other = bitnet::compress_model(model, bitnet::recipe::Default{}, {.quantized = {}, .dequantized = place / "d"});
    CHECK(other.quantized_bytes == 0);
    CHECK(other.compression_ratio() == 0);
    Compressed both;
    bitnet_test::compress_into(both, model, bitnet::recipe::Default{});
    CHECK(bitnet_test::read_text(place / "q") == bitnet_test::read_text(both.quantized()));
    CHECK(bitnet_test::read_text(place / "d") == bitnet_test::read_text(both.dequantized()));
}

TEST_CASE("progress reaches the end, tensor by tensor") {
    TempDir place;
    bitnet::write_random_model(place / "model", {});
    const ModelDir model(place / "model");
    std::uint64_t before = 0, sum = 0;
    std::size_t calls = 0;
    bitnet::compress_model(model, bitnet::recipe::Default{}, {.quantized = place / "q", .dequantized = {}},
                           bitnet::execution(), [&](const auto& tensor, std::uint64_t done, std::uint64_t total) {
        CHECK(done == before + bitnet::element_count(tensor.shape));
        before = done;
        sum = total;
        ++calls;
    });
    CHECK(before == sum);
    CHECK(calls == model.tensors().size());
}

TEST_CASE("NaN is refused with file, tensor and flat index, ternary or kept") {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()})
        for (const std::string name : {"w.weight", "w.bias", "embed.weight"}) {
            INFO(name);
            StoredTensor tensor = normal({3, 4}, 1);
            std::memcpy(&tensor.bytes[7 * 4], &bad, 4);
            Compressed out;
            const auto [code, what] =
                refusal([&] { bitnet_test::compress_weights(out, {{name, tensor}}, Compressor<>{}); });
            CHECK(code == errc::not_finite);
            CHECK(what == (out.dir / "original.safetensors").string() + ": tensor \"" + name + "\": " +
                              bitnet::message(bad) + " at flat index 7 of shape (3, 4)");
        }
}

TEST_CASE("NaN in a transposed weight is refused with its place in the file") {
    TempDir place;
    bitnet::write_random_model(place / "model", {.architecture = "gpt2", .hidden_size = 8, .intermediate_size = 12,
                                                 .layers = 1, .heads = 2});
    bitnet_test::edit_weights(place / "model" / "model.safetensors", [](Weights& weights) {
        const float bad = std::numeric_limits<float>::quiet_NaN();
        std::memcpy(&weights.at("h.0.attn.c_attn.weight").bytes[(2 * 24 + 3) * 4], &bad, 4);
    });
    const ModelDir model(place / "model");
    const auto [code, what] = refusal([&] {
        bitnet::compress_model(model, bitnet::recipe::Default{}, {.quantized = place / "q", .dequantized = {}});
    });
    CHECK(code == errc::not_finite);
    CHECK(what == (place / "model" / "model.safetensors").string() +
                      ": tensor \"h.0.attn.c_attn.weight\": nan at flat index 51 of shape (8, 24)");
}

TEST_CASE("integers cannot be forced to become ternary") {
    const auto [code, what] = refusal_of({{"ids", bitnet_test::zeros(DType::I64, {2, 2})}}, whatever);
    CHECK(code == errc::unsupported);
    CHECK(what.find("I64") != what.npos);
}

TEST_CASE("a scalar can be ternary too") {
    const float value = 0.75f;
    Compressed out;
    bitnet_test::compress_weights(out, {{"scalar", floats({}, {&value, 1})}}, whatever);
    const PackedModel packed(out.quantized());
    CHECK(packed_tensor(packed, "scalar").shape().empty());
    CHECK(read_weights(out.dequantized()).at("scalar") == as_half({}, {value}));
}

TEST_CASE("two tensors that would have one name in the packed file are refused") {
    const auto [code, what] = refusal_of({{"w.weight", normal({2, 2}, 1)}, {"w.weight.codes", bitnet_test::zeros(DType::U8, {2})}},
                                         Compressor<>{});
    CHECK(code == errc::bad_value);
    CHECK(what.find("w.weight.codes") != what.npos);
}

TEST_CASE("a file that is there already is not written over") {
    TempDir place;
    bitnet::write_random_model(place / "model", {});
    bitnet_test::write_text(place / "q", "precious");
    const auto [code, what] = refusal([&] {
        bitnet::compress_model(ModelDir(place / "model"), bitnet::recipe::Default{}, {.quantized = place / "q", .dequantized = {}});
    });
    CHECK(code == errc::exists);
    CHECK(bitnet_test::read_text(place / "q") == "precious");
}
