/// Records of compressions that nobody made, for tests of reports.
#pragma once

#include <string>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>

namespace bitnet_test {

inline bitnet::Json ternary_tensor(const std::string& name, double zeros = 0.42, double error = 0.5) {
    using bitnet::Json;
    return Json::object({{"name", name},
                         {"role", "feed_forward"},
                         {"treatment", "ternary"},
                         {"shape", Json::array({64, 32})},
                         {"dtype", "F16"},
                         {"stored_bytes", 576},
                         {"bits_per_weight", 2.25},
                         {"seconds", 0.0005},
                         {"scale_type", "F16"},
                         {"distortion", Json::object({{"minus", 0.29},
                                                      {"zeros", zeros},
                                                      {"plus", 0.29},
                                                      {"relative_error", error},
                                                      {"sqnr_db", nullptr},
                                                      {"cosine", 0.8},
                                                      {"max_error", 1.25}})}});
}

/// The keys that a report needs.
inline bitnet::Json small_record() {
    using bitnet::Json;
    return Json::object({{"compression_ratio", 9.87}, {"tensors", Json::array({ternary_tensor("h.0.attn.c_attn.weight")})}});
}

inline bitnet::Json gate(const char* name, const char* state, const char* sentence) {
    return bitnet::Json::object({{"name", name}, {"state", state}, {"sentence", sentence}});
}

inline bitnet::Json learning_record() {
    using bitnet::Json;
    const auto point = [](int step, double loss) {
        return Json::object({{"step", step}, {"tokens", step == 0 ? 0 : 64}, {"loss", loss}, {"perplexity", 20 - 0.1 * step}});
    };
    Json diverged = point(20, 0.7);
    diverged.set("event", "diverged: back to step 10");
    const Json matrix =
        Json::object({{"name", "model.layers.0.mlp.up_proj.weight"}, {"output_error", 0.05}, {"plain_error", 0.1}, {"seconds", 0.25}});
    return Json::object({{"pre_perplexity", 16.0},
                         {"post_compression_perplexity", 20.0},
                         {"fine_tuned", true},
                         {"optimizer", "adamw{}"},
                         {"calibration", Json::object({{"target", "stream"}, {"warning", "few tokens"}, {"matrices", Json::array({matrix})}})},
                         {"training", Json::object({{"best_perplexity", 18.0}, {"history", Json::array({point(0, 0), point(10, 0.9), diverged})}})}});
}

/// Every section has something to show.
inline bitnet::Json full_record() {
    using bitnet::Json;
    Json kept = Json::object({{"name", "model.embed_tokens.weight"},
                              {"role", "token_embedding"},
                              {"treatment", "fp16"},
                              {"shape", Json::array({512, 32})},
                              {"stored_bytes", 32768},
                              {"bits_per_weight", 16.0},
                              {"seconds", 0.001},
                              {"note", "tied"}});
    const auto rung = [](const char* name, double bits, double perplexity, bool is_kept) {
        return Json::object(
            {{"name", name}, {"bits_per_weight", bits}, {"perplexity", perplexity}, {"ratio", 9.0}, {"seconds", 3.5}, {"kept", is_kept}});
    };
    return Json::object(
        {{"model", "/models/stories/"},
         {"bitnet_version", "0.1.0"},
         {"recipe", "default"},
         {"size_category", "tiny"},
         {"compression_ratio", 9.87},
         {"sparsity_ratio", 0.42},
         {"total_params", 1902336},
         {"quantized_params", 1769472},
         {"original_bytes", 7609344},
         {"quantized_bytes", 770960},
         {"dequantized_bytes", 3807760},
         {"policies", Json::object({{"sparsity", "optimal{}"}})},
         {"config", Json::object({{"seed", 42}, {"mixed_precision", false}})},
         {"tensors",
          Json::array({kept, ternary_tensor("model.layers.0.mlp.up_proj.weight"), ternary_tensor("model.layers.1.mlp.up_proj.weight", 0.4, 0.6)})},
         {"notes", Json::array({"the first note"})},
         {"fine_tuning", learning_record()},
         {"verdict", Json::object({{"passed", true}, {"sentence", "all that was asked for holds"}})},
         {"gates", Json::array({gate("gradient_flow", "passed", "it flows"), gate("sparsity", "warning", "many zeros")})},
         {"agreement", Json::object({{"mean_divergence", 0.08},
                                     {"top1_agreement", 0.87},
                                     {"dequantization_accuracy", 0.9993},
                                     {"int8_accuracy", 0.988},
                                     {"reference_accuracy", 0.46},
                                     {"other_accuracy", 0.45}})},
         {"rungs", Json::array({rung("as asked", 2.06, 19.5, false), rung("more scales", 2.25, 18.0, true)})},
         {"out_of_domain", Json::object({{"name", "wikitext2"}, {"pre_perplexity", 800.0}, {"post_perplexity", 1000.0}, {"mean_divergence", 0.24}})},
         {"samples", Json::array({Json::object({{"prompt", "Once"}, {"original", "upon a time"}, {"compressed", "there was"}})})},
         {"histograms", Json::array({Json::object({{"name", "model.layers.0.mlp.up_proj.weight"},
                                                   {"edges", Json::array({-1, 0, 1})},
                                                   {"before", Json::array({1, 3})},
                                                   {"after", Json::array({0.5, 0.5})}})})},
         {"timing", Json::object({{"load", 0.8}, {"calibrate", 14.0}})},
         {"speed", Json::object({{"original_tokens_per_second", 100.0}, {"packed_tokens_per_second", 350.0}})}});
}

/// The tensors of so many layers of seven matrices.
inline bitnet::Json large_record(std::size_t layers) {
    using bitnet::Json;
    Json::Array tensors;
    for (std::size_t layer = 0; layer < layers; ++layer)
        for (const char* matrix :
             {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})
            tensors.push_back(
                ternary_tensor(bitnet::message("model.layers.", layer, ".", matrix, ".weight"), 0.3 + 0.1 / static_cast<double>(layer + 1)));
    return Json::object({{"compression_ratio", 9.87}, {"tensors", Json::array(std::move(tensors))}});
}

}  // namespace bitnet_test
