/// The run-time knobs of the whole job, by the names and with the defaults of the phase this library replaces.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/closest.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/policy/sparsity/size_adaptive.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI {

/// What a compiled pipeline still asks for at run time. Quantizers, scales and the like are policies, not knobs.
///
/// Two knobs, sparsity_threshold and target_compression_ratio, adapt to the model's size unless they were set: `given`
/// remembers which were. Changed on purpose from the original defaults: wandb_enabled and mixed_precision are false,
/// and num_workers is the number of threads, 0 for every core.
struct Config {
    static constexpr std::string_view name = "configuration";

    std::string model_path{};
    std::string output_path = "phase4_bitnet_output";
    std::string device = "auto";

    double quantization_bits = 1.58;
    bool preserve_embedding_precision = true;
    bool preserve_output_precision = true;
    double sparsity_threshold = 0.1;

    std::uint64_t calibration_samples = 1000;
    std::string calibration_dataset = "openwebtext";
    std::uint64_t calibration_batch_size = 4;
    std::uint64_t calibration_sequence_length = 512;

    bool enable_fine_tuning = true;
    std::uint64_t fine_tune_epochs = 2;
    double fine_tune_lr = 1e-5;
    std::uint64_t warmup_steps = 50;

    bool enable_grokfast = true;
    double grokfast_ema_alpha = 0.98;
    double grokfast_lambda = 2.0;

    double target_compression_ratio = 8.0;
    double max_accuracy_drop = 0.10;
    double fine_tune_threshold = 0.05;

    bool mixed_precision = false;
    std::uint64_t seed = 42;
    std::uint64_t num_workers = 0;

    bool wandb_enabled = false;
    std::string wandb_project = "agent-forge-v2";

    bool save_quantized = true;
    bool save_dequantized_fp16 = true;

    /// Names of the knobs that somebody set to another value than the default, or that would otherwise adapt.
    std::set<std::string, std::less<>> given{};

    static constexpr void knobs(auto&& visit) {
        constexpr std::uint64_t many = 1'000'000'000;
        constexpr std::array flag{false, true};
        visit(
            Text{"model_path", &Config::model_path},
            Text{"output_path", &Config::output_path},
            Text{"device", &Config::device},
            Knob{"quantization_bits", &Config::quantization_bits, 1.58, 1.58},
            Choice{"preserve_embedding_precision", &Config::preserve_embedding_precision, flag},
            Choice{"preserve_output_precision", &Config::preserve_output_precision, flag},
            Knob{"sparsity_threshold", &Config::sparsity_threshold, 0.0, 4.0},
            Knob{"calibration_samples", &Config::calibration_samples, std::uint64_t{1}, many},
            Text{"calibration_dataset", &Config::calibration_dataset},
            Knob{"calibration_batch_size", &Config::calibration_batch_size, std::uint64_t{1}, many},
            Knob{"calibration_sequence_length", &Config::calibration_sequence_length, std::uint64_t{2}, many},
            Choice{"enable_fine_tuning", &Config::enable_fine_tuning, flag},
            Knob{"fine_tune_epochs", &Config::fine_tune_epochs, std::uint64_t{0}, many},
            Knob{"fine_tune_lr", &Config::fine_tune_lr, 0.0, 1.0},
            Knob{"warmup_steps", &Config::warmup_steps, std::uint64_t{0}, many},
            Choice{"enable_grokfast", &Config::enable_grokfast, flag},
            Knob{"grokfast_ema_alpha", &Config::grokfast_ema_alpha, 0.0, 1.0},
            Knob{"grokfast_lambda", &Config::grokfast_lambda, 0.0, 100.0},
            Knob{"target_compression_ratio", &Config::target_compression_ratio, 1.0, 32.0},
            Knob{"max_accuracy_drop", &Config::max_accuracy_drop, 0.0, 0.5},
            Knob{"fine_tune_threshold", &Config::fine_tune_threshold, 0.0, 1e6},
            Choice{"mixed_precision", &Config::mixed_precision, flag},
            Knob{"seed", &Config::seed, std::uint64_t{0}, ~std::uint64_t{0}},
            Knob{"num_workers", &Config::num_workers, std::uint64_t{0}, std::uint64_t{1024}},
            Choice{"wandb_enabled", &Config::wandb_enabled, flag},
            Text{"wandb_project", &Config::wandb_project},
            Choice{"save_quantized", &Config::save_quantized, flag},
            Choice{"save_dequantized_fp16", &Config::save_dequantized_fp16, flag});
    }

    /// "tiny" below 50 M parameters, "small" below 500 M, "medium" below 2 G, else "large".
    static std::string_view size_category(std::uint64_t parameters) { return size_class(parameters).name; }

    /// Threshold and target ratio of the model's size class, each unless it was given.
    void adapt_to_model_size(std::uint64_t parameters) {
        const SizeClass& row = size_class(parameters);
        // Through its decimal text, so that 0.05f becomes 0.05 and not 0.05000000074505806.
        if (!given.contains("sparsity_threshold")) sparsity_threshold = std::stod(message(row.threshold));
        if (!given.contains("target_compression_ratio")) target_compression_ratio = row.compression_ratio;
    }

    /// Sets one knob from text, as on a command line. errc::bad_value for an unknown name or a bad value; then nothing
    /// has changed.
    void set(std::string_view key, std::string_view text);

    bool operator==(const Config&) const = default;
};

namespace detail {

inline constexpr std::string_view adaptive = "adaptive";  // in JSON: a knob that follows the model's size

constexpr bool can_adapt(std::string_view key) { return key == "sparsity_threshold" || key == "target_compression_ratio"; }
inline bool is_adaptive(const Config& config, std::string_view key) { return can_adapt(key) && !config.given.contains(key); }

/// Calls f(knob) for the knob of that name; errc::bad_value with the nearest known name when there is none.
template <class F>
void with_knob(std::string_view key, std::string_view where, F&& f) {
    bool known = false;
    std::vector<std::string_view> names;
    Config::knobs([&](const auto&... knob) {
        ((names.push_back(knob.name), knob.name == key ? (f(knob), known = true) : false), ...);
    });
    if (!known)
        throw error(errc::bad_value,
                    message(where, ": no knob is called \"", key, "\"; did you mean \"", closest(key, names), "\"?"));
}

template <class Knob>
void check_knob(const Knob& knob, const Config& config) {
    if (knob.name == "quantization_bits" && config.quantization_bits != 1.58)
        throw error(errc::bad_value, "Phase 4 uses BitNet 1.58-bit quantization only");
    knob.check(config);
    if (knob.name == "device" && config.device != "auto" && config.device != "cpu")
        throw error(errc::bad_value, message("configuration: device = ", config.device, " is none of auto, cpu"));
}

/// Checks a knob that was just set and remembers it.
template <class Knob>
void take_knob(const Knob& knob, Config& config) {
    check_knob(knob, config);
    if (can_adapt(knob.name) || config.*(knob.member) != Config{}.*(knob.member))
        config.given.emplace(knob.name);
    else
        config.given.erase(std::string(knob.name));
}

}  // namespace detail

inline void Config::set(std::string_view key, std::string_view text) {
    Config changed = *this;
    detail::with_knob(key, name, [&](const auto& knob) {
        if constexpr (requires { (changed.*(knob.member)).substr(0); })
            changed.*(knob.member) = text;
        else
            knob.read(changed, text);
        detail::take_knob(knob, changed);
    });
    *this = std::move(changed);
}

/// Every knob; "adaptive" for those that follow the model's size. config_from_json gives the same value back.
inline Json to_json(const Config& config) {
    Json out = Json::object();
    Config::knobs([&](const auto&... knob) {
        (out.set(std::string(knob.name), detail::is_adaptive(config, knob.name) ? Json(detail::adaptive)
                                                                                : Json(config.*(knob.member))), ...);
    });
    return out;
}

/// A configuration from an object of knobs; those left out keep their defaults. `file` stands in errors.
/// A value that differs from the default, and any threshold or target ratio, counts as given.
inline Config config_from_json(const Json& json, std::string_view file) {
    Config config;
    for (const auto& [key, value] : json.as_object(file)) {
        detail::with_knob(key, file, [&, &key = key, &value = value](const auto& knob) {
            auto& member = config.*(knob.member);
            using Value = std::remove_reference_t<decltype(member)>;
            const std::string what = message(file, ": ", key);
            if (value.is_string() && detail::is_adaptive(config, key) && value.as_string() == detail::adaptive) return;
            if constexpr (std::same_as<Value, bool>)
                member = value.as_bool(what);
            else if constexpr (std::same_as<Value, std::string>)
                member = value.as_string(what);
            else if constexpr (std::same_as<Value, double>)
                member = value.as_double(what);
            else
                member = value.as_unsigned(what);
            detail::take_knob(knob, config);
        });
    }
    return config;
}

}  // namespace bitnet::inline BITNET_ABI
