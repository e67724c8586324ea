#include <bitnet/pipeline/model_plan.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include <bitnet/compress.hpp>

#include "models.hpp"

using namespace bitnet;
using bitnet_test::normal;
using bitnet_test::TempDir;
using bitnet_test::write_weights;

namespace {

/// A generic model of a matrix, a table, a bias and something that is no weight.
struct PlannedModel {
    TempDir dir{};
    PlannedModel() {
        write_weights(dir / "original.safetensors", {{"layer.weight", normal({6, 70}, 1)}, {"embed.weight", normal({9, 4}, 2)},
                                                     {"layer.bias", normal({6}, 3)}, {"counts", bitnet_test::zeros(DType::I64, {2})}});
    }
    ModelDir model() const { return ModelDir(dir / "original.safetensors", {.architecture = "generic"}); }
};

template <class Plan>
std::uint64_t stored(const Plan& plan, const ModelDir& model, std::string_view name) {
    for (std::size_t i = 0; i < model.tensors().size(); ++i)
        if (model.tensors()[i].name == name) return plan.stored_bytes(i);
    throw std::runtime_error("no tensor of that name");
}

}  // namespace

TEST_CASE("a plan names every part of both files, with types and shapes") {
    const PlannedModel planned;
    const ModelDir model = planned.model();
    const Compressor compressor{scale::PerGroup<64>{}};
    const RoundedTensors<std::remove_const_t<decltype(compressor)>> source{compressor};
    WideTensors wide;
    const ModelPlan plan(model, source, wide);
    const auto find = [](const std::vector<PlannedTensor>& parts, std::string_view name) {
        const auto found = std::ranges::find(parts, name, &PlannedTensor::name);
        REQUIRE(found != parts.end());
        return *found;
    };
    const auto packed = plan.quantized(), dense = plan.dequantized();
    CHECK(packed.size() == 5);
    CHECK(dense.size() == 4);
    CHECK(find(packed, "layer.weight.codes").shape == Shape{6, 18});
    CHECK(find(packed, "layer.weight.scales").shape == Shape{6, 2});
    CHECK(find(packed, "layer.weight.scales").dtype == DType::F16);
    CHECK(find(packed, "embed.weight").dtype == DType::F16);
    CHECK(find(packed, "counts").dtype == DType::I64);
    CHECK(find(dense, "layer.weight").dtype == DType::F16);
    CHECK(find(dense, "counts").dtype == DType::I64);
    CHECK(stored(plan, model, "layer.weight") == 6 * 18 + 6 * 2 * 2);
    CHECK(stored(plan, model, "embed.weight") == 9 * 4 * 2);
    CHECK(stored(plan, model, "counts") == 16);

    wide = {"layer.weight", "layer.bias"};
    CHECK(find(plan.quantized(), "layer.weight.scales").dtype == DType::F32);
    CHECK(find(plan.dequantized(), "layer.weight").dtype == DType::F32);
    const ModelPlan again(model, source, wide);
    CHECK(find(again.quantized(), "layer.bias").dtype == DType::F32);
    CHECK(find(again.quantized(), "embed.weight").dtype == DType::F16);
    CHECK(stored(again, model, "layer.weight") == 6 * 18 + 6 * 2 * 4);
}

TEST_CASE("rows of 8 bits are planned with their scales, whatever the rank") {
    const PlannedModel planned;
    const ModelDir model = planned.model();
    const Compressor compressor{preservation::ByRole{.precision = Treatment::int8_rows}};
    const RoundedTensors<std::remove_const_t<decltype(compressor)>> source{compressor};
    const WideTensors none;
    const ModelPlan plan(model, source, none);
    CHECK(stored(plan, model, "embed.weight") == 9 * (4 + 4));
    CHECK(plan.metadata().at("bitnet").find("\"int8_rows\":[\"embed.weight\"") != std::string::npos);
}
