#include <bitnet/model/packed_model.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/compress.hpp>
#include <bitnet/pipeline/dequantize_model.hpp>

#include "../pipeline/models.hpp"

namespace fs = std::filesystem;
namespace preservation = bitnet::preservation;
namespace scale = bitnet::scale;
using bitnet::Compressor;
using bitnet::DType;
using bitnet::errc;
using bitnet::Json;
using bitnet::PackedKind;
using bitnet::PackedModel;
using bitnet_test::Compressed;
using bitnet_test::normal;
using bitnet_test::packed_tensor;
using bitnet_test::refusal;
using bitnet_test::StoredTensor;
using bitnet_test::Weights;

namespace {

/// A packed file as values, to be damaged: 11 columns leave padding in every layout but int8.
struct Packed {
    Weights weights;
    Json metadata;

    template <class C>
    static Packed of(const C& compressor) {
        Compressed out;
        bitnet_test::compress_weights(out, {{"a.weight", normal({3, 11}, 1)}, {"embed.weight", normal({2, 4}, 2)},
                                            {"a.bias", normal({3}, 3)}, {"ids", bitnet_test::zeros(DType::I64, {2})}},
                                      compressor);
        const bitnet::SafetensorsFile file(out.quantized());
        return {bitnet_test::read_weights(out.quantized()), bitnet::parse_json(file.metadata().at("bitnet"), "metadata")};
    }
    void write(const fs::path& path) const {
        fs::remove(path);
        std::vector<bitnet::PlannedTensor> plan;
        for (const auto& [name, tensor] : weights) plan.push_back({name, tensor.dtype, tensor.shape});
        bitnet::SafetensorsWriter writer(path, plan, {{"bitnet", to_text(metadata, -1)}});
        for (const auto& [name, tensor] : weights) writer.write(name, tensor.bytes);
        writer.finish();
    }
    Json& entry() { return *metadata.find("tensors")->find("a.weight"); }
};

const Compressor rows{scale::PerChannel{}, preservation::ByRole{.precision = bitnet::Treatment::int8_rows}};

void read_all(const PackedModel& packed) {
    for (const auto& tensor : packed.tensors()) {
        if (tensor.kind == PackedKind::ternary)
            packed.ternary(tensor);
        else if (tensor.kind == PackedKind::int8_rows || is_weight_type(tensor.data->dtype))
            packed.floats(tensor);
    }
}

/// What refuses the file once `damage` has been at it; without the file's name, which must stand in front.
template <class C = std::remove_const_t<decltype(rows)>>
std::pair<errc, std::string> refused(const std::function<void(Packed&)>& damage, const C& compressor = rows) {
    const bitnet_test::TempDir place;
    Packed packed = Packed::of(compressor);
    damage(packed);
    packed.write(place / "p.safetensors");
    auto [code, what] = refusal([&] { read_all(PackedModel(place / "p.safetensors")); });
    const std::string file = (place / "p.safetensors").string() + ": ";
    REQUIRE(what.starts_with(file));
    CHECK(what.find('\n') == what.npos);
    return {code, what.substr(file.size())};
}
std::pair<errc, std::string> bad(std::string what) { return {errc::bad_file, std::move(what)}; }
std::pair<errc, std::string> missing(std::string what) { return {errc::missing, std::move(what)}; }

void set_float(StoredTensor& tensor, std::size_t index, float value) {
    REQUIRE(tensor.dtype == DType::F16);
    const std::uint16_t bits = bitnet::to_half(value).bits;
    std::memcpy(&tensor.bytes[2 * index], &bits, 2);
}

}  // namespace

TEST_CASE("an undamaged packed file opens with every tensor of the original") {
    const bitnet_test::TempDir place;
    Packed::of(rows).write(place / "model.safetensors");
    for (const fs::path& path : {place / "model.safetensors", place.path()}) {
        const PackedModel packed(path);
        CHECK(packed.tensors().size() == 4);
        CHECK(packed_tensor(packed, "a.weight").kind == PackedKind::ternary);
        CHECK(packed_tensor(packed, "a.weight").stored_bytes() == 3 * 3 + 3 * 2);
        CHECK(packed_tensor(packed, "embed.weight").kind == PackedKind::int8_rows);
        CHECK(packed_tensor(packed, "embed.weight").stored_bytes() == 8 + 2 * 4);
        CHECK(packed_tensor(packed, "a.bias").kind == PackedKind::plain);
        CHECK(packed_tensor(packed, "ids").kind == PackedKind::unchanged);
        CHECK(packed.tensors()[0].name == "a.weight");  // ternary tensors come first
        read_all(packed);
    }
}

TEST_CASE("8-bit rows are their integers times the scale of the row") {
    const bitnet_test::TempDir place;
    Packed::of(rows).write(place / "p.safetensors");
    const PackedModel packed(place / "p.safetensors");
    const std::vector<float> original = bitnet_test::floats_of(normal({2, 4}, 2));
    const std::vector<float> read = packed.floats(packed_tensor(packed, "embed.weight"));
    REQUIRE(read.size() == 8);
    for (std::size_t i = 0; i < 8; ++i) CHECK(read[i] == doctest::Approx(original[i]).epsilon(0.02).scale(1));
}

TEST_CASE("a file that is no packed model says so") {
    const bitnet_test::TempDir place;
    bitnet_test::write_weights(place / "p.safetensors", {{"a", normal({2}, 1)}});
    CHECK(refusal([&] { PackedModel(place / "p.safetensors"); }) ==
          bad((place / "p.safetensors").string() + ": no \"bitnet\" in its metadata: this is not a packed model"));
    CHECK(refusal([&] { PackedModel(place / "none.safetensors"); }).second.starts_with((place / "none.safetensors").string()));
    CHECK(refusal([&] { PackedModel(place.path()); }).second.starts_with((place / "model.safetensors").string()));
}

TEST_CASE("codes or scales that are missing are named") {
    CHECK(refused([](Packed& p) { p.weights.erase("a.weight.codes"); }) == missing("tensor \"a.weight.codes\" is missing"));
    CHECK(refused([](Packed& p) { p.weights.erase("a.weight.scales"); }) == missing("tensor \"a.weight.scales\" is missing"));
    CHECK(refused([](Packed& p) { p.weights.erase("embed.weight.int8_scales"); }) ==
          missing("tensor \"embed.weight.int8_scales\" is missing"));
    CHECK(refused([](Packed& p) { p.weights.erase("embed.weight.int8"); }) == missing("tensor \"embed.weight.int8\" is missing"));
    CHECK(refused([](Packed& p) { p.weights.erase("ids"); }) == missing("tensor \"ids\" is missing"));
}

TEST_CASE("codes and scales of another type or shape than the metadata says are refused with both") {
    CHECK(refused([](Packed& p) { p.weights["a.weight.codes"].dtype = DType::I8; }) ==
          bad("tensor \"a.weight.codes\": I8 of shape (3, 3), expected U8 of shape (3, 3)"));
    CHECK(refused([](Packed& p) { p.weights["a.weight.codes"].shape = {9}; }) ==
          bad("tensor \"a.weight.codes\": U8 of shape (9), expected U8 of shape (3, 3)"));
    CHECK(refused([](Packed& p) { p.weights["a.weight.scales"].dtype = DType::I16; }) ==
          bad("tensor \"a.weight.scales\": I16 of shape (3, 1), expected F16, BF16 or F32 of shape (3, 1)"));
    CHECK(refused([](Packed& p) { p.weights["a.weight.scales"] = bitnet_test::zeros(DType::F16, {3, 2}); }) ==
          bad("tensor \"a.weight.scales\": F16 of shape (3, 2), expected F16, BF16 or F32 of shape (3, 1)"));
    CHECK(refused([](Packed& p) { p.weights["embed.weight.int8_scales"] = bitnet_test::zeros(DType::F32, {3}); }) ==
          bad("tensor \"embed.weight.int8_scales\": F32 of shape (3), expected F32 of shape (2)"));
    CHECK(refused([](Packed& p) { p.weights["embed.weight.int8"].dtype = DType::U8; }) ==
          bad("tensor \"embed.weight.int8\": U8 of shape (2, 4), expected I8 of shape (2, 4)"));
    CHECK(refused([](Packed& p) { p.weights["embed.weight.int8_scales"].dtype = DType::I32; }) ==
          bad("tensor \"embed.weight.int8_scales\": I32 of shape (2), expected F32 of shape (2)"));
}

TEST_CASE("metadata that contradicts the tensors is refused") {
    CHECK(refused([](Packed& p) { p.entry().set("shape", Json::array({3, 13})); }) ==
          bad("tensor \"a.weight.codes\": U8 of shape (3, 3), expected U8 of shape (3, 4)"));
    CHECK(refused([](Packed& p) { p.entry().set("shape", Json::array({4, 11})); }).first == errc::bad_file);
    CHECK(refused([](Packed& p) { p.entry().set("shape", Json::array({})); }).first == errc::bad_file);
    CHECK(refused([](Packed& p) { p.entry().set("group", 10); }) ==
          bad("tensor \"a.weight.scales\": F16 of shape (3, 1), expected F16, BF16 or F32 of shape (3, 2)"));
    CHECK(refused([](Packed& p) { p.entry().set("group", "tensor"); }) ==
          bad("tensor \"a.weight.scales\": F16 of shape (3, 1), expected F16, BF16 or F32 of shape (1, 1)"));
    CHECK(refused([](Packed& p) { p.metadata.set("layout", "int8"); }) ==
          bad("tensor \"a.weight.codes\": U8 of shape (3, 3), expected U8 of shape (3, 11)"));
    CHECK(refused([](Packed& p) { p.metadata.find("tensors")->set("b", p.entry()); }) ==
          missing("tensor \"b.codes\" is missing"));
    const std::uint64_t huge = std::uint64_t{1} << 40;
    CHECK(refused([&](Packed& p) { p.entry().set("shape", Json::array({0, huge, huge})); }).second.find("a.weight") !=
          std::string::npos);
}

TEST_CASE("a shape of as many bytes but other columns is refused by its padding") {
    const auto [code, what] = refused([](Packed& p) { p.entry().set("shape", Json::array({3, 10})).set("group", 10); });
    CHECK(code == errc::bad_file);
    CHECK(what.starts_with("tensor \"a.weight.codes\": byte "));
}

TEST_CASE("bytes that packing never writes are refused with their place") {
    const auto with_byte = [](std::size_t index, unsigned byte) {
        return [=](Packed& p) { p.weights["a.weight.codes"].bytes[index] = static_cast<std::byte>(byte); };
    };
    for (const unsigned byte : {0x03u, 0xc0u, 0x0cu, 0x30u, 0xffu})
        CHECK(refused(with_byte(4, byte)) == bad(bitnet::message("tensor \"a.weight.codes\": byte ", byte,
                                                                 " at row 1, byte 1 of the row is no trit2 byte")));
    const Compressor trit5{bitnet::pack::Trit5{}};
    const Compressor int8{bitnet::pack::Int8{}};
    CHECK(refused(with_byte(3, 20), trit5) ==
          bad("tensor \"a.weight.codes\": byte 20 at row 1, byte 0 of the row is no trit5 byte"));
    CHECK(refused(with_byte(12, 2), int8) ==
          bad("tensor \"a.weight.codes\": byte 2 at row 1, byte 1 of the row is no int8 byte"));
}

TEST_CASE("padding that is not zero is refused") {
    // The last byte of a row holds codes 8, 9, 10 and one place of padding, where 01 is the code 0.
    CHECK(refused([](Packed& p) { p.weights["a.weight.codes"].bytes[8] = std::byte{0x15}; }) ==
          bad("tensor \"a.weight.codes\": byte 21 at row 2, byte 2 of the row is no trit2 byte"));
    CHECK(refused([](Packed& p) { p.weights["a.weight.codes"].bytes[5] = std::byte{0x95}; }) ==
          bad("tensor \"a.weight.codes\": byte 149 at row 1, byte 2 of the row is no trit2 byte"));
    CHECK(refused([](Packed& p) { p.weights["a.weight.codes"].bytes[8] = std::byte{0}; }, Compressor{bitnet::pack::Trit5{}})
              .first == errc::bad_file);
}

TEST_CASE("a scale that is NaN, infinite or negative is refused with its place") {
    const auto with_scale = [](float value) {
        return [=](Packed& p) { set_float(p.weights["a.weight.scales"], 2, value); };
    };
    const std::string where = "tensor \"a.weight.scales\": scale ";
    const std::string rule = " at index 2; scales are finite and not negative";
    CHECK(refused(with_scale(std::numeric_limits<float>::quiet_NaN())) == bad(where + "nan" + rule));
    CHECK(refused(with_scale(std::numeric_limits<float>::infinity())) == bad(where + "inf" + rule));
    CHECK(refused(with_scale(-1.0f)) == bad(where + "-1" + rule));
    CHECK(refused(with_scale(-0.0f)) == bad(where + "-0" + rule));
}

TEST_CASE("integers that the metadata does not explain are refused") {
    CHECK(refused([](Packed& p) { p.metadata.set("unchanged", Json::array({})); }) ==
          bad("tensor \"ids\": I64, expected F32, F16, BF16 or F64, or its name under \"unchanged\" or \"int8_rows\" "
              "in the metadata"));
}

TEST_CASE("two tensors of one name are refused") {
    CHECK(refused([](Packed& p) { p.weights["a.weight"] = normal({3, 11}, 4); }) ==
          bad("tensor \"a.weight\": stored in two forms"));
    CHECK(refused([](Packed& p) { p.weights["embed.weight"] = normal({2, 4}, 4); }) ==
          bad("tensor \"embed.weight\": stored in two forms"));
    CHECK(refused([](Packed& p) { p.metadata.find("tensors")->set("embed.weight", p.entry()); }).first == errc::missing);
}

TEST_CASE("an empty tensor with absurd columns costs no memory") {
    const bitnet_test::TempDir place;
    const std::uint64_t huge = std::uint64_t{1} << 60;
    Packed packed;
    packed.weights["e.codes"] = bitnet_test::zeros(DType::U8, {0, huge / 4});
    packed.weights["e.scales"] = bitnet_test::zeros(DType::F16, {0, 1});
    packed.metadata = Json::object(
        {{"format", 1}, {"layout", "trit2"}, {"policies", Json::object()},
         {"tensors", Json::object({{"e", Json::object({{"shape", Json::array({0, huge})}, {"group", huge}})}})}});
    packed.write(place / "p.safetensors");
    const PackedModel model(place / "p.safetensors");
    read_all(model);
    bitnet::dequantize_model(model, place / "d.safetensors", DType::F16);
    CHECK(bitnet_test::read_weights(place / "d.safetensors").at("e").shape == bitnet::Shape{0, huge});
}

TEST_CASE("a group longer than any row means one scale for each row") {
    const bitnet_test::TempDir place;
    Packed packed = Packed::of(rows);
    packed.write(place / "p.safetensors");
    packed.entry().set("group", ~std::uint64_t{0});
    packed.write(place / "q.safetensors");
    bitnet::dequantize_model(PackedModel(place / "p.safetensors"), place / "dp.safetensors", DType::F32);
    bitnet::dequantize_model(PackedModel(place / "q.safetensors"), place / "dq.safetensors", DType::F32);
    CHECK(bitnet_test::read_text(place / "dp.safetensors") == bitnet_test::read_text(place / "dq.safetensors"));
}

TEST_CASE("any flipped bits leave a file that reads as a valid one or is refused, never a crash") {
    constexpr unsigned seed = 20;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    const bitnet_test::TempDir place;
    Packed::of(rows).write(place / "p.safetensors");
    const std::string sound = bitnet_test::read_text(place / "p.safetensors");
    const std::size_t header = 8 + static_cast<unsigned char>(sound[0]) + 256u * static_cast<unsigned char>(sound[1]);
    REQUIRE(header < sound.size());
    int refusals = 0;
    for (int round = 0; round < 2000; ++round) {
        std::string damaged = sound;
        for (auto flips = 1 + random() % 3; flips > 0; --flips) {
            // Half of them where the header ends at the latest, for the codes are few.
            const std::size_t place_of_bit = random() % 2 == 0 ? random() % header : random() % sound.size();
            damaged[place_of_bit] = static_cast<char>(damaged[place_of_bit] ^ 1 << random() % 8);
        }
        bitnet_test::write_text(place / "d.safetensors", damaged);
        try {
            const PackedModel packed(place / "d.safetensors");
            read_all(packed);
            fs::remove(place / "out.safetensors");
            bitnet::dequantize_model(packed, place / "out.safetensors", DType::F32);
        } catch (const bitnet::error& problem) {
            ++refusals;
            CHECK(std::string_view(problem.what()).find('\n') == std::string_view::npos);
        }
    }
    CHECK(refusals > 1000);
    CHECK(refusals < 2000);  // a changed scale or embedding is still a model
}

TEST_CASE("a packed file cut short anywhere is refused") {
    const bitnet_test::TempDir place;
    Packed::of(rows).write(place / "p.safetensors");
    const std::string sound = bitnet_test::read_text(place / "p.safetensors");
    for (std::size_t size = 0; size < sound.size(); ++size) {
        bitnet_test::write_text(place / "cut.safetensors", std::string_view(sound).substr(0, size));
        const auto [code, what] = refusal([&] { PackedModel(place / "cut.safetensors"); });
        if (what.empty() || code != errc::bad_file || what.find("cut.safetensors: ") == what.npos)
            FAIL_CHECK(size << " bytes: " << what);
    }
}
