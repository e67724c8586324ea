#include <bitnet/pipeline/ternary_source.hpp>

#include <doctest/doctest.h>

#include <bitnet/compress.hpp>
#include <bitnet/model/packed_model.hpp>
#include <bitnet/pipeline/compress_model.hpp>
#include <bitnet/pipeline/dequantize_model.hpp>

#include "models.hpp"

using namespace bitnet;
using bitnet_test::floats_of;
using bitnet_test::normal;
using bitnet_test::TempDir;
using bitnet_test::Weights;

namespace {

struct Named {
    static constexpr Role role = Role::preservation;
    static constexpr std::string_view name = "named";
    Treatment treatment(const TensorInfo& tensor) const { return tensor.name.starts_with("layer") ? Treatment::ternary : Treatment::fp32; }
    bool operator==(const Named&) const = default;
};

/// A generic model of four tensors, and tensors for three of them: two planes, one in a rotated basis, and one with offsets.
struct Prepared {
    TempDir dir{};
    Weights weights{{"layer.a", normal({6, 32}, 1)}, {"layer.b", normal({4, 64}, 2)}, {"layer.c", normal({3, 20}, 4)}, {"table", normal({5, 3}, 3)}};
    MadeTensors<Named> source{{}, Layout::trit5, Json::object({{"quantizer", "mine{}"}}), {}};

    Prepared() {
        write_weights(dir / "original.safetensors", weights);
        const auto view = [&](const char* name) {
            const auto& stored = weights.at(name);
            return TensorView{name, stored.dtype, stored.shape, stored.bytes};
        };
        Compressor{quantizer::TritPlanes<2>{}, scale::PerGroup<16>{}, pack::Trit5{}}.compress_into(source.made["layer.a"], view("layer.a"));
        TernaryPlanes& turned = source.made["layer.b"];
        Compressor{pack::Trit5{}, scale::PerChannel{}}.compress_into(turned, view("layer.b"));
        turned.rotation = {64, 9};
        Compressor{quantizer::Asymmetric<>{}, pack::Trit5{}, scale::PerGroup<16>{}}.compress_into(source.made["layer.c"], view("layer.c"));
    }
    ModelDir model() const { return ModelDir(dir / "original.safetensors", {.architecture = "generic"}); }
};

}  // namespace

TEST_CASE("tensors that were made before reach the files as they are, in planes, rotated, with offsets, and the report tells of them") {
    const Prepared prepared;
    const ModelDir model = prepared.model();
    const CompressionStats stats = write_compressed(model, prepared.source, {prepared.dir / "q", prepared.dir / "d"});
    const PackedModel packed(prepared.dir / "q");
    CHECK(packed.metadata().policies == prepared.source.how);
    const auto dense = bitnet_test::read_weights(prepared.dir / "d");
    for (const PackedTensor& tensor : packed.tensors()) {
        if (tensor.kind != PackedKind::ternary) continue;
        const TernaryPlanes made = packed.ternary(tensor);
        CHECK(made == prepared.source.made.at(tensor.name));
        const std::vector<float> values = floats_of(dense.at(tensor.name));
        std::vector<float> row(made.cols());
        for (std::size_t r = 0; r < made.rows(); ++r) {
            made.dequantize_row(r, row);
            for (std::size_t c = 0; c < row.size(); ++c) CHECK(values[r * row.size() + c] == to_float(to_half(row[c])));
        }
    }
    const TensorReport& first = stats.tensors.at(0);
    CHECK(first.stored_bytes == prepared.source.made.at("layer.a").stored_bytes());
    CHECK(first.distortion.relative_error() < 0.3);
    CHECK(stats.layers_quantized() == 3);
    CHECK(stats.tensors.at(2).stored_bytes == 3 * 4 + 2 * 3 * 2 * 2);
    CHECK(packed.metadata().tensors.at("layer.c").offsets);
    CHECK_FALSE(packed.metadata().tensors.at("layer.b").offsets);
    dequantize_model(packed, prepared.dir / "again", DType::F16);
    for (const char* const name : {"layer.a", "layer.c"}) CHECK(bitnet_test::read_weights(prepared.dir / "again").at(name) == dense.at(name));
}

TEST_CASE("a tensor that was to be made and was not is named") {
    Prepared prepared;
    prepared.source.made.erase("layer.b");
    const auto [code, what] = bitnet_test::refusal([&] { write_compressed(prepared.model(), prepared.source, {prepared.dir / "q", {}}); });
    CHECK(code == errc::missing);
    CHECK(what == "tensor \"layer.b\": calibration makes the matrices of a model's layers ternary, and this is none; keep it");
}

TEST_CASE("a file whose second plane or offsets are missing, or of another shape, is refused by name") {
    const Prepared prepared;
    write_compressed(prepared.model(), prepared.source, {prepared.dir / "q", {}});
    const SafetensorsFile file(prepared.dir / "q");
    for (const auto& [part, missing] : {std::pair{"layer.a.scales1", true}, {"layer.a.scales1", false}, {"layer.c.offsets", true}, {"layer.c.offsets", false}}) {
        std::vector<PlannedTensor> plan;
        for (const TensorEntry& entry : file.tensors()) {
            if (entry.name != part)
                plan.push_back({entry.name, entry.dtype, entry.shape});
            else if (!missing)
                plan.push_back({entry.name, entry.dtype, {entry.shape[0], 1}});
        }
        std::filesystem::remove(prepared.dir / "bad");
        SafetensorsWriter writer(prepared.dir / "bad", plan, file.metadata());
        for (const PlannedTensor& planned : plan) writer.write(planned.name, file.view(*file.find(planned.name)).bytes.first(element_count(planned.shape) * bits_of(planned.dtype) / 8));
        writer.finish();
        const auto [code, what] = bitnet_test::refusal([&] { PackedModel{prepared.dir / "bad"}; });
        CHECK(code == (missing ? errc::missing : errc::bad_file));
        CHECK(what.find(part) != std::string::npos);
    }
}

TEST_CASE("an offset that is not finite is refused by file, tensor and index") {
    Prepared prepared;
    prepared.source.made.at("layer.c").offsets[3] = std::numeric_limits<float>::quiet_NaN();
    write_compressed(prepared.model(), prepared.source, {prepared.dir / "q", {}});
    const PackedModel packed(prepared.dir / "q");
    for (const PackedTensor& tensor : packed.tensors())
        if (tensor.name == "layer.c")
            CHECK(bitnet_test::refusal([&] { packed.ternary(tensor); }).second ==
                  (prepared.dir / "q").string() + ": tensor \"layer.c.offsets\": offset nan at index 3; offsets are finite");
}
