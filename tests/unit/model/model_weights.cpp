#include <bitnet/model/model_weights.hpp>

#include <doctest/doctest.h>

#include <bitnet/pipeline/output_directory.hpp>

#include "packed_by_transformers.hpp"

using bitnet::execution;
using bitnet::Json;
using bitnet::Matrix;
using bitnet::ModelWeights;
using bitnet::TernaryTensor;
using bitnet_test::refusal;
using bitnet_test::TempDir;

namespace {

/// Both outputs of the model that is there.
void compress(const std::filesystem::path& place) {
    const bitnet::ModelDir original(place / "model");
    std::filesystem::create_directory(place / "out");
    bitnet::compress_model(original, bitnet::recipe::Default{}, bitnet::prepare_outputs(original, place / "out", {}), execution());
}
void compress_model(const std::filesystem::path& place, const bitnet::RandomModel& model) {
    bitnet::write_random_model(place / "model", model);
    compress(place);
}

}  // namespace

TEST_CASE("a linear weight has its outputs as rows, packed or not, however the file stores it") {
    for (const std::string architecture : {"llama", "gpt2"}) {
        const TempDir dir;
        compress_model(dir.path(), {.architecture = architecture});
        const ModelWeights dense(dir / "model"), packed(dir / "out" / "quantized"), twin(dir / "out" / "dequantized");
        CHECK_FALSE(dense.packed());
        CHECK(packed.packed());
        CHECK_FALSE(twin.packed());
        const std::string name = architecture == "gpt2" ? "h.1.mlp.c_proj.weight" : "model.layers.1.mlp.down_proj.weight";
        const auto original = std::get<Matrix<float>>(dense.linear(name, execution()));
        const auto ternary = std::get<bitnet::TernaryPlanes>(packed.linear(name, execution())).planes.at(0);
        const auto half = std::get<bitnet::HalfMatrix>(twin.linear(name, execution())).bits;
        CHECK(original.rows() == 64);
        CHECK(original.cols() == 192);
        CHECK(ternary.shape == bitnet::Shape{64, 192});
        REQUIRE(half.rows() == 64);
        std::vector<float> row(192);
        std::size_t other_sign = 0, not_rounded = 0;
        for (std::size_t r = 0; r < 64; ++r) {
            ternary.dequantize_row(r, row, execution());
            for (std::size_t c = 0; c < 192; ++c) {
                other_sign += row[c] * original(r, c) < 0;
                not_rounded += half(r, c) != bitnet::to_half(row[c]).bits;
            }
        }
        CHECK(other_sign == 0);
        CHECK(not_rounded == 0);
    }
}

TEST_CASE("what the architecture does not know is told, packed or not, with its bytes") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {});
    CHECK(ModelWeights(dir / "model").unknown().empty());
    bitnet_test::edit_weights(dir / "model" / "model.safetensors", [](bitnet_test::Weights& weights) {
        weights["my.notes"] = {bitnet::DType::U8, {2}, {std::byte{7}, std::byte{8}}};
    });
    compress(dir.path());
    for (const char* const model : {"model", "out/quantized", "out/dequantized"}) {
        CAPTURE(model);
        const ModelWeights weights(dir / model);
        REQUIRE(weights.unknown().size() == 1);
        CHECK(weights.unknown()[0].name == "my.notes");
        CHECK(weights.unknown()[0].bytes[1] == std::byte{8});
    }
}

TEST_CASE("an output of compression as a whole is no model, and the sentence names the two in it") {
    const TempDir dir;
    compress_model(dir.path(), {});
    const auto problem = refusal([&] { ModelWeights(dir / "out"); });
    CHECK(problem.first == bitnet::errc::missing);
    CHECK(problem.second == (dir / "out").string() + ": no config.json here; an output of compression holds two models, "
                            "quantized/ and dequantized/: name one");
}

TEST_CASE("packed tensors that contradict config.json are refused with both shapes") {
    const TempDir dir;
    compress_model(dir.path(), {});
    const auto path = dir / "out" / "quantized";
    Json config = bitnet::read_json_file(path / "config.json");
    config.set("intermediate_size", 128);
    std::filesystem::remove(path / "config.json");
    bitnet::write_file(path / "config.json", to_text(config));
    const auto problem = refusal([&] { ModelWeights{path}; });
    CHECK(problem.first == bitnet::errc::bad_shape);
    CHECK(problem.second == path.string() + ": tensor \"model.layers.0.mlp.gate_proj.weight\": shape (192, 64), expected "
                            "(128, 64) = (intermediate_size, hidden_size) of config.json");
}

TEST_CASE("a model whose layers make their weights ternary as they run has ternary weights here") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.architecture = "bitnet",
                                               .keys = {{"quantization_config", Json::object({{"quant_method", "bitnet"},
                                                                                              {"linear_class", "autobitlinear"},
                                                                                              {"quantization_mode", "online"}})}}});
    const ModelWeights weights(dir / "model");
    CHECK(weights.hf_bitnet());
    CHECK_FALSE(weights.packed());
    const auto ternary = std::get<bitnet::TernaryPlanes>(weights.linear("model.layers.0.mlp.up_proj.weight", execution())).planes.at(0);
    CHECK(ternary.whole_tensor);
    CHECK(ternary.scale_type == bitnet::DType::F32);
    const Matrix<float> dense = weights.dense("model.layers.0.mlp.up_proj.weight", execution());
    double sum = 0;
    for (const float w : dense.values()) sum += std::fabs(static_cast<double>(w));
    CHECK(static_cast<double>(ternary.scales[0]) == doctest::Approx(sum / static_cast<double>(dense.values().size())));
}

TEST_CASE("weights that transformers has packed are those that the model made as it ran") {
    for (const std::string linear_class : {"bitlinear", "autobitlinear"}) {
        const TempDir dir;
        const bitnet::RandomModel model{.architecture = "bitnet"};
        bitnet_test::write_packed_by_transformers(dir / "online", dir / "offline", model, linear_class);
        const ModelWeights online(dir / "online"), offline(dir / "offline");
        CHECK(offline.packed());
        CHECK(offline.hf_bitnet());
        CHECK(offline.bias_is_scaled() == (linear_class == "autobitlinear"));
        const std::string name = "model.layers.0.self_attn.k_proj.weight";
        const auto made = std::get<bitnet::TernaryPlanes>(online.linear(name, execution())).planes.at(0);
        const auto read = std::get<bitnet::TernaryPlanes>(offline.linear(name, execution())).planes.at(0);
        CHECK(read.shape == made.shape);
        CHECK(read.codes == made.codes);
        CHECK(static_cast<double>(read.scales[0]) == doctest::Approx(static_cast<double>(made.scales[0])).epsilon(1e-6));
        const Matrix<float> dense = offline.dense(name, execution());
        CHECK(dense.rows() == 32);
        std::vector<float> row(64);
        read.dequantize_row(31, row, execution());
        CHECK(std::ranges::equal(dense.row(31), row));
    }
}

TEST_CASE("modules that are not to be converted keep their weights, packed model or not") {
    const TempDir dir;
    Json config = bitnet_test::quantization_config("autobitlinear", "online");
    config.set("modules_to_not_convert", Json::array({"lm_head", "model.layers.0", "v_proj"}));
    bitnet::write_random_model(dir / "model", {.architecture = "bitnet", .keys = {{"quantization_config", config}}});
    const auto dense = [&](const std::string& name) {
        return std::holds_alternative<Matrix<float>>(ModelWeights(dir / "model").linear(name, execution()));
    };
    CHECK(dense("model.layers.0.mlp.up_proj.weight"));
    CHECK(dense("model.layers.1.self_attn.v_proj.weight"));
    CHECK_FALSE(dense("model.layers.1.mlp.up_proj.weight"));
    config.set("quantization_mode", "offline");
    bitnet_test::edit_json(dir / "model" / "config.json", [&](Json& json) { json.set("quantization_config", config); });
    const auto problem = refusal([&] { ModelWeights{dir / "model"}; });
    CHECK(problem.second == (dir / "model" / "model.safetensors").string() +
                                ": tensor \"model.layers.1.self_attn.q_proj.weight_scale\", the scale of the packed "
                                "\"model.layers.1.self_attn.q_proj.weight\", is missing");
}
