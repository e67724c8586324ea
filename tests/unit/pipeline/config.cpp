#include <bitnet/pipeline/config.hpp>

#include <doctest/doctest.h>

#include <string>
#include <tuple>

using bitnet::Config;
using bitnet::config_from_json;
using bitnet::errc;
using bitnet::error;
using bitnet::Json;

namespace {

Config parsed(const std::string& text) { return config_from_json(bitnet::parse_json(text, "c.json"), "c.json"); }

/// The sentence that refuses a file, or a setting on the command line.
std::string refused(const std::string& text) {
    try {
        parsed(text);
    } catch (const error& problem) {
        CHECK(problem.code() == errc::bad_value);
        return problem.what();
    }
    return "accepted";
}
std::string refused_setting(const std::string& key, const std::string& text) {
    Config config;
    try {
        config.set(key, text);
    } catch (const error& problem) {
        CHECK(problem.code() == errc::bad_value);
        return problem.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a configuration survives the trip through JSON, and so does what was given") {
    CHECK(config_from_json(to_json(Config{}), "c.json") == Config{});
    Config config;
    config.set("model_path", "models/a, b");
    config.set("sparsity_threshold", "0.1");  // the default, but given
    config.set("fine_tune_lr", "3e-4");
    config.set("seed", "18446744073709551615");
    config.set("wandb_enabled", "true");
    config.set("num_workers", "3");
    const Config again = config_from_json(bitnet::parse_json(to_text(to_json(config)), "c.json"), "c.json");
    CHECK(again == config);
    CHECK(to_json(again) == to_json(config));
    CHECK(again.given.contains("sparsity_threshold"));
    CHECK_FALSE(again.given.contains("target_compression_ratio"));
}

TEST_CASE("every knob stands in the JSON by its name") {
    const Json json = to_json(Config{});
    std::size_t knobs = 0;
    const auto check = [&](std::string_view name) {
        CHECK(json.find(name) != nullptr);
        ++knobs;
    };
    Config::knobs([&](const auto&... knob) { (check(knob.name), ...); });
    CHECK(json.as_object().size() == knobs);
    CHECK(json.at("sparsity_threshold") == Json("adaptive"));
    CHECK(json.at("target_compression_ratio") == Json("adaptive"));
    CHECK(json.at("grokfast_ema_alpha") == Json(0.98));
}

TEST_CASE("a file of no knobs is the default configuration") {
    CHECK(parsed("{}") == Config{});
    CHECK(parsed(R"({"sparsity_threshold": "adaptive", "seed": 42})") == Config{});
}

TEST_CASE("a knob that is set again to its default is no longer given, except where it would adapt") {
    Config config;
    config.set("seed", "7");
    config.set("sparsity_threshold", "0.3");
    CHECK(config.given == std::set<std::string, std::less<>>{"seed", "sparsity_threshold"});
    config.set("seed", "42");
    config.set("sparsity_threshold", "0.1");
    CHECK(config.given == std::set<std::string, std::less<>>{"sparsity_threshold"});
}

TEST_CASE("threshold and target ratio follow the size of the model") {
    struct Row {
        std::uint64_t parameters;
        std::string_view category;
        double threshold, ratio;
    };
    for (const Row& row : {Row{0, "tiny", 0.05, 6}, Row{25'000'000, "tiny", 0.05, 6}, Row{49'999'999, "tiny", 0.05, 6},
                           Row{50'000'000, "small", 0.10, 8}, Row{499'999'999, "small", 0.10, 8},
                           Row{500'000'000, "medium", 0.15, 10}, Row{1'999'999'999, "medium", 0.15, 10},
                           Row{2'000'000'000, "large", 0.20, 12}, Row{~std::uint64_t{0}, "large", 0.20, 12}}) {
        Config config;
        config.adapt_to_model_size(row.parameters);
        CHECK(Config::size_category(row.parameters) == row.category);
        CHECK(config.sparsity_threshold == row.threshold);
        CHECK(config.target_compression_ratio == row.ratio);
        CHECK(config.given.empty());
    }
}

TEST_CASE("a threshold or ratio that was given wins over the size of the model") {
    Config config = parsed(R"({"sparsity_threshold": 0.1})");
    config.adapt_to_model_size(3'000'000'000);
    CHECK(config.sparsity_threshold == 0.1);
    CHECK(config.target_compression_ratio == 12);
    Config other;
    other.set("target_compression_ratio", "8");
    other.adapt_to_model_size(1);
    CHECK(other.sparsity_threshold == 0.05);
    CHECK(other.target_compression_ratio == 8);
}

TEST_CASE("a setting on the command line wins over the file") {
    Config config = parsed(R"({"seed": 1, "num_workers": 4})");
    config.set("seed", "2");
    CHECK(config.seed == 2);
    CHECK(config.num_workers == 4);
}

TEST_CASE("both ends of a knob's range are allowed and nothing beyond") {
    Config::knobs([](const auto&... knob) {
        const auto try_one = [](const auto& one) {
            if constexpr (requires { one.highest; }) {
                if (one.name == "quantization_bits") return;  // has a sentence of its own
                Config config;
                const auto set = [&](double value) { config.*(one.member) = static_cast<decltype(one.highest)>(value); };
                for (const auto end : {one.lowest, one.highest}) {
                    config.*(one.member) = end;
                    one.check(config);
                }
                if (one.highest != static_cast<decltype(one.highest)>(~std::uint64_t{0})) {
                    set(static_cast<double>(one.highest) + 1);
                    CHECK_THROWS_AS(one.check(config), error);
                }
                if (one.lowest > 0 || std::is_floating_point_v<decltype(one.lowest)>) {
                    set(static_cast<double>(one.lowest) - 1);
                    CHECK_THROWS_AS(one.check(config), error);
                }
            }
        };
        (try_one(knob), ...);
    });
}

TEST_CASE("an unknown knob is refused with the nearest known one") {
    CHECK(refused(R"({"sed": 1})") == R"(c.json: no knob is called "sed"; did you mean "seed"?)");
    CHECK(refused_setting("fine_tune_lrr", "1") ==
          R"(configuration: no knob is called "fine_tune_lrr"; did you mean "fine_tune_lr"?)");
    CHECK(refused_setting("", "1").starts_with(R"(configuration: no knob is called ""; did you mean)"));
}

TEST_CASE("bits other than 1.58 are refused in one sentence") {
    for (const std::string bits : {"1", "1.5", "2", "8", "nan"})
        CHECK(refused_setting("quantization_bits", bits) == "Phase 4 uses BitNet 1.58-bit quantization only");
    CHECK(refused(R"({"quantization_bits": 4})") == "Phase 4 uses BitNet 1.58-bit quantization only");
    CHECK(refused_setting("quantization_bits", "1.58") == "accepted");
}

TEST_CASE("a value on the command line is refused with its knob and what it may be") {
    CHECK(refused_setting("max_accuracy_drop", "0.51") == "configuration: max_accuracy_drop = 0.51 is outside [0, 0.5]");
    CHECK(refused_setting("max_accuracy_drop", "-0.1") == "configuration: max_accuracy_drop = -0.1 is outside [0, 0.5]");
    CHECK(refused_setting("max_accuracy_drop", "nan") == "configuration: max_accuracy_drop = nan is outside [0, 0.5]");
    CHECK(refused_setting("sparsity_threshold", "4.5") == "configuration: sparsity_threshold = 4.5 is outside [0, 4]");
    CHECK(refused_setting("fine_tune_lr", "fast") == "configuration: fine_tune_lr = fast is not a number");
    CHECK(refused_setting("fine_tune_lr", "") == "configuration: fine_tune_lr =  is not a number");
    for (const std::string seed : {"-1", "1.5", "18446744073709551616", "1 "})
        CHECK(refused_setting("seed", seed) == "configuration: seed = " + seed + " is not a number");
    CHECK(refused_setting("wandb_enabled", "yes") == "configuration: wandb_enabled = yes is none of false, true");
    CHECK(refused_setting("device", "cuda") == "configuration: device = cuda is none of auto, cpu");
    CHECK(refused_setting("wandb_project", "a\"b") == "configuration: wandb_project holds a double quote");
}

TEST_CASE("a value in a file is refused with the file, its knob and what it should be") {
    CHECK(refused("[]") == "c.json: expected an object, found an array of 0");
    CHECK(refused(R"({"seed": -1})") == "c.json: seed: expected an unsigned integer, found -1");
    CHECK(refused(R"({"seed": 1.5})") == "c.json: seed: expected an unsigned integer, found 1.5");
    CHECK(refused(R"({"wandb_enabled": 1})") == "c.json: wandb_enabled: expected true or false, found 1");
    CHECK(refused(R"({"model_path": null})") == "c.json: model_path: expected a string, found null");
    CHECK(refused(R"({"fine_tune_lr": "1e-5"})") == R"(c.json: fine_tune_lr: expected a number, found "1e-5")");
    CHECK(refused(R"({"sparsity_threshold": "small"})") ==
          R"(c.json: sparsity_threshold: expected a number, found "small")");
    CHECK(refused(R"({"max_accuracy_drop": "adaptive"})") ==
          R"(c.json: max_accuracy_drop: expected a number, found "adaptive")");
    CHECK(refused(R"({"max_accuracy_drop": 1})").ends_with("max_accuracy_drop = 1 is outside [0, 0.5]"));
    CHECK(refused(R"({"device": "gpu"})").ends_with("device = gpu is none of auto, cpu"));
}
