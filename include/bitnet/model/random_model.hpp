/// Models with random weights, of any architecture and size: for tests, benches and trials of new code.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/narrow.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/model/config.hpp>
#include <bitnet/model/weight_files.hpp>

namespace bitnet::inline BITNET_ABI {

/// Which model to make. The defaults are a model of a few hundred kilobytes.
struct RandomModel {
    std::string architecture = "llama";  ///< name in the registry
    std::size_t vocab_size = 256;
    std::size_t hidden_size = 64;
    std::size_t intermediate_size = 192;
    std::size_t layers = 2;
    std::size_t heads = 4;
    std::size_t kv_heads = 2;  ///< GPT-2 has as many as heads and ignores this
    std::size_t max_positions = 128;
    bool tied = true;
    DType dtype = DType::F32;  ///< F16, BF16 or F32
    std::size_t shards = 1;    ///< 1: model.safetensors; more: shards and an index
    std::uint64_t seed = 0;
    Json::Object keys = {};    ///< set in config.json on top of all others: {{"attention_bias", true}}
};

/// config.json of such a model, with the keys that transformers writes for its family.
inline Json random_model_config(const RandomModel& model) {
    const Architecture& family = architecture_named(model.architecture);
    std::string dtype = "float32";
    if (model.dtype == DType::F16) dtype = "float16";
    if (model.dtype == DType::BF16) dtype = "bfloat16";
    Json config = Json::object({{"architectures", Json::array({family.class_name})},
                                {"model_type", family.model_type},
                                {"dtype", dtype},
                                {"vocab_size", model.vocab_size},
                                {"tie_word_embeddings", model.tied},
                                {"initializer_range", 0.02}});
    if (model.architecture == "gpt2") {
        config.set("n_embd", model.hidden_size).set("n_inner", model.intermediate_size).set("n_layer", model.layers);
        config.set("n_head", model.heads).set("n_positions", model.max_positions).set("n_ctx", model.max_positions);
        config.set("activation_function", "gelu_new").set("layer_norm_epsilon", 1e-5);
    } else {
        config.set("hidden_size", model.hidden_size).set("intermediate_size", model.intermediate_size);
        config.set("num_hidden_layers", model.layers).set("num_attention_heads", model.heads);
        config.set("num_key_value_heads", model.kv_heads).set("max_position_embeddings", model.max_positions);
        const bool squared = model.architecture == "bitnet";
        config.set("hidden_act", squared ? "relu2" : "silu").set("rms_norm_eps", squared ? 1e-5 : 1e-6);
        config.set("rope_theta", squared ? 500000.0 : 10000.0);
    }
    for (const auto& [key, value] : model.keys) config.set(key, value);
    return config;
}

namespace detail {

/// Values of one tensor in order, in pieces of fixed size: which values depends on seed and name, not on who asks.
class RandomTensor {
public:
    static constexpr std::size_t piece = std::size_t{1} << 16;

    RandomTensor(const TensorSpec& spec, std::uint64_t seed)
        : random_(derived_seed(seed, spec.name)),
          matrix_(spec.shape.size() > 1),
          ones_(spec.role == TensorRole::norm && !spec.name.ends_with(".bias")) {}

    /// The next values; all pieces but the last are `piece` long.
    void fill(std::span<float> values) {
        if (ones_) {
            std::fill(values.begin(), values.end(), 1.0f);
            return;
        }
        for (float& value : values) value = 0.02f * random_.normal();
        // Trained weights have a few values far outside their distribution: one in 2,048, ten times as large.
        if (!matrix_) return;
        for (std::size_t i = 0; i < values.size() / 2048; ++i)
            values[static_cast<std::size_t>(random_.below(values.size()))] *= 10.0f;
    }

private:
    Random random_;
    bool matrix_;
    bool ones_;
};

inline void write_random_tensor(SafetensorsWriter& writer, const TensorSpec& spec, DType dtype, std::uint64_t seed) {
    const std::size_t width = bits_of(dtype) / 8, count = element_count(spec.shape, spec.name);
    std::vector<float> values(std::min(count, RandomTensor::piece));
    std::vector<std::byte> bytes;
    RandomTensor tensor(spec, seed);
    for (std::size_t done = 0; done < count;) {
        const std::size_t next = std::min(count - done, RandomTensor::piece);
        tensor.fill(std::span(values).first(next));
        bytes.clear();
        narrow(std::span(values).first(next), dtype, bytes);
        writer.write(spec.name, done * width, bytes);
        done += next;
    }
}

inline std::string shard_name(std::size_t index, std::size_t count) {
    const auto digits = [](std::size_t number) {
        const std::string text = message(number);
        return std::string(text.size() < 5 ? 5 - text.size() : 0, '0') + text;
    };
    if (count == 1) return std::string(weights_file_name);
    return message("model-", digits(index + 1), "-of-", digits(count), ".safetensors");
}

}  // namespace detail

/// Writes config.json and the weights, and no tokenizer, into `directory`, which is created if it is not there.
///
/// Weights and biases are normal with standard deviation 0.02 and a few outliers, norms are 1. The same model has the
/// same bytes on every machine, and the same values in every dtype and number of shards, up to rounding. Needs
/// memory for one piece of one tensor only.
///
/// Errors  errc::bad_value for a dtype or a number of shards that cannot be; those of parse_model_config for sizes
///         that fit no model; errc::exists when the directory holds such files already; errc::io
inline void write_random_model(const std::filesystem::path& directory, const RandomModel& model) {
    if (model.dtype != DType::F32 && model.dtype != DType::F16 && model.dtype != DType::BF16)
        throw error(errc::bad_value,
                    message("a random model is written in F32, F16 or BF16, not ", name_of(model.dtype)));
    const Json json = random_model_config(model);
    const ModelConfig config = parse_model_config(json, config_file_name, model.architecture);
    std::vector<TensorSpec> specs = expected_tensors(config);
    std::erase_if(specs, [](const TensorSpec& spec) { return spec.optional; });
    if (model.shards == 0 || model.shards > specs.size())
        throw error(errc::bad_value, message(model.shards, " shards for ", specs.size(), " tensors"));

    std::error_code reason;
    std::filesystem::create_directories(directory, reason);
    if (reason) throw_io_error(directory, "create", reason.value());
    Json::Object weight_map;
    std::size_t parameters = 0;
    for (std::size_t shard = 0, first = 0; shard < model.shards; ++shard) {
        const std::size_t last = (shard + 1) * specs.size() / model.shards;
        const std::span<const TensorSpec> mine = std::span(specs).subspan(first, last - first);
        const std::string name = detail::shard_name(shard, model.shards);
        std::vector<PlannedTensor> plan;
        for (const TensorSpec& spec : mine) {
            plan.push_back({spec.name, model.dtype, spec.shape});
            weight_map.emplace_back(spec.name, name);
            parameters += element_count(spec.shape, spec.name);
        }
        SafetensorsWriter writer(directory / name, std::move(plan));
        for (const TensorSpec& spec : mine) detail::write_random_tensor(writer, spec, model.dtype, model.seed);
        writer.finish();
        first = last;
    }
    if (model.shards > 1) {
        std::sort(weight_map.begin(), weight_map.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        const std::size_t bytes = parameters * bits_of(model.dtype) / 8;
        const Json index =
            Json::object({{"metadata", Json::object({{"total_parameters", parameters}, {"total_size", bytes}})},
                          {"weight_map", Json::object(std::move(weight_map))}});
        write_file(directory / weights_index_name, to_text(index) + "\n");
    }
    write_file(directory / config_file_name, to_text(json) + "\n");
}

}  // namespace bitnet::inline BITNET_ABI
