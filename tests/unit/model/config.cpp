#include <bitnet/model/config.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <support/temp_dir.hpp>

using bitnet::ModelConfig;

namespace {
ModelConfig config_of(std::string_view text, std::string_view architecture = {}) {
    return bitnet::parse_model_config(bitnet::parse_json(text, "config.json"), "config.json", architecture);
}
}  // namespace

TEST_CASE("the class decides the architecture, and the model type where there is no class") {
    CHECK(config_of(R"({"architectures": ["LlamaForCausalLM"]})").architecture == "llama");
    CHECK(config_of(R"({"architectures": ["MistralForCausalLM"], "model_type": "llama"})").architecture == "mistral");
    CHECK(config_of(R"({"architectures": null, "model_type": "qwen2"})").architecture == "qwen2");
    CHECK(config_of(R"({"architectures": [], "model_type": "gpt2"})").class_name == "GPT2LMHeadModel");
    CHECK(config_of(R"({"model_type": "bitnet"})").class_name == "BitNetForCausalLM");
    CHECK(config_of(R"({"architectures": ["MyLlama"]})", "llama").class_name == "LlamaForCausalLM");
}

TEST_CASE("an unknown architecture is refused with the known ones") {
    CHECK_THROWS_WITH_AS(config_of(R"({"architectures": ["LlamaForSequenceClassification"], "model_type": "llama"})"),
                         "config.json: architecture \"LlamaForSequenceClassification\" is unknown; known: "
                         "LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM, GPT2LMHeadModel, BitNetForCausalLM",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(config_of(R"({"model_type": "t5"})"),
                         "config.json: architecture \"t5\" is unknown; known: llama, mistral, qwen2, gpt2, bitnet",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(config_of("{}"),
                         "config.json: architectures and model_type are missing: the architecture cannot be known",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(config_of(R"({"architectures": "LlamaForCausalLM"})"),
                         "config.json: architectures: expected an array, found \"LlamaForCausalLM\"", bitnet::error);
    CHECK_THROWS_WITH_AS(config_of("{}", "lama"),
                         "architecture \"lama\" is unknown; known: llama, mistral, qwen2, gpt2, bitnet, generic",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(config_of("[]"), "config.json: expected an object, found an array of 0", bitnet::error);
}

TEST_CASE("the dtype is a hint in any of its spellings") {
    const auto dtype = [](const std::string& key) { return config_of(R"({"model_type": "llama", )" + key + "}").dtype; };
    CHECK(dtype(R"("torch_dtype": "bfloat16")") == bitnet::DType::BF16);
    CHECK(dtype(R"("dtype": "float16", "torch_dtype": "float32")") == bitnet::DType::F16);
    CHECK(dtype(R"("torch_dtype": "torch.float32")") == bitnet::DType::F32);
    CHECK_FALSE(dtype(R"("dtype": "float8_e4m3fn")").has_value());
    CHECK_FALSE(dtype(R"("dtype": null)").has_value());
}

TEST_CASE("of quantized models only our own and bitnet's are known, and whether their weights are packed") {
    const auto quantized = [](const std::string& keys) {
        return config_of(R"({"model_type": "llama", "quantization_config": {)" + keys + "}}");
    };
    CHECK(quantized(R"("quant_method": "bitnet-cpp")").packed_weights);
    CHECK(quantized(R"("quant_method": "bitnet")").packed_weights);
    CHECK(quantized(R"("quant_method": "bitnet", "linear_class": "autobitlinear")").packed_weights);
    const ModelConfig online =
        quantized(R"("quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online")");
    CHECK_FALSE(online.packed_weights);
    CHECK(online.quant_method == "bitnet");
    CHECK_FALSE(config_of(R"({"model_type": "llama", "quantization_config": null})").packed_weights);
    CHECK_THROWS_WITH_AS(quantized(R"("quant_method": "gptq", "bits": 4)"),
                         "config.json: quantization_config.quant_method \"gptq\" is not supported: the weights are "
                         "quantized already; start from the original model",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(quantized(R"("quant_method": "bitnet", "use_rms_norm": true)"),
                         "config.json: quantization_config.use_rms_norm is not supported", bitnet::error);
}

TEST_CASE("the class of a BitNet layer says which way its scale goes, and a list which modules are none") {
    const auto quantized = [](const std::string& keys) {
        return config_of(R"({"model_type": "llama", "quantization_config": {"quant_method": "bitnet", )" + keys + "}}");
    };
    CHECK_FALSE(quantized(R"("modules_to_not_convert": null)").scale_multiplies);
    CHECK_FALSE(quantized(R"("linear_class": "bitlinear", "quantization_mode": "offline")").scale_multiplies);
    CHECK(quantized(R"("linear_class": "autobitlinear")").scale_multiplies);
    CHECK(quantized(R"("linear_class": "bitlinear", "quantization_mode": "online")").packed_weights);
    CHECK(quantized(R"("modules_to_not_convert": ["lm_head", "o_proj"])").dense_modules ==
          std::vector<std::string>{"lm_head", "o_proj"});
    CHECK_THROWS_WITH_AS(quantized(R"("linear_class": "linear")"),
                         "config.json: quantization_config.linear_class \"linear\" is unknown; known: bitlinear, autobitlinear",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(quantized(R"("quantization_mode": "later")"),
                         "config.json: quantization_config.quantization_mode \"later\" is unknown; known: offline, online",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(quantized(R"("modules_to_not_convert": ["layers.*"])"),
                         "config.json: quantization_config.modules_to_not_convert: \"layers.*\" is a pattern; names of "
                         "modules are expected",
                         bitnet::error);
}

TEST_CASE("unknown keys survive in the order of the file") {
    const std::string_view text = R"({"zeta":[1,{"a":null}],"model_type":"llama","rms_norm_eps":1e-06,"alpha":1.0})";
    CHECK(bitnet::to_text(config_of(text).json, -1) == text);
}

TEST_CASE("config.json is read from a directory, and a folder of adapters is none of a model") {
    const bitnet_test::TempDir dir;
    const std::string missing = (dir / "config.json").string() + ": no such file";
    CHECK_THROWS_WITH_AS(bitnet::read_model_config(dir.path()), missing.c_str(), bitnet::error);
    bitnet_test::write_text(dir / "config.json", R"({"model_type": "llama", "hidden_size": 0})");
    const std::string zero =
        (dir / "config.json").string() + ": hidden_size: expected a whole number from 1 to 2147483647, found 0";
    CHECK_THROWS_WITH_AS(bitnet::read_model_config(dir.path()), zero.c_str(), bitnet::error);
    bitnet_test::write_text(dir / "config.json", R"({"model_type": "llama"})");
    CHECK(bitnet::read_model_config(dir.path()).hidden_size == 4096);
    bitnet_test::write_text(dir / "adapter_config.json", "{}");
    const std::string adapter = dir.path().string() +
                                ": adapter_config.json: an adapter is not a model; merge it into its base model first";
    CHECK_THROWS_WITH_AS(bitnet::read_model_config(dir.path()), adapter.c_str(), bitnet::error);
}
