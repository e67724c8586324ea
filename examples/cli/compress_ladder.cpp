#include <algorithm>
#include <optional>

#include "compressing.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// Bits a ternary weight may take so that the file is no larger than the gate of the ratio allows; nothing where that gate fails already.
std::optional<double> affordable_bits(const Outcome& outcome, double least_ratio) {
    if (outcome.fails("compression_ratio")) return std::nullopt;
    const Json& record = outcome.record;
    constexpr double header_of_a_plane = 256;  // names, types and shapes of codes and scales
    double ternary_bytes = 0, weights = 0, headers = 0;
    for (const Json& tensor : record.at("tensors").as_array())
        if (tensor.at("treatment").as_string() == "ternary") {
            headers += header_of_a_plane;
            ternary_bytes += tensor.at("stored_bytes").as_double();
            weights += 8 * tensor.at("stored_bytes").as_double() / tensor.at("bits_per_weight").as_double();
        }
    const double kept_bytes = record.at("quantized_bytes").as_double() - ternary_bytes;
    return 8 * (record.at("original_bytes").as_double() / least_ratio - kept_bytes - headers) / weights;
}

bool is_coarse(const CompressRequest& request) {
    const std::string& scale = request.recipe.scale;
    return scale == "tensor" || scale == "row" || scale == "group:128" || (scale.empty() && request.recipe.recipe != "default");
}

}  // namespace

std::vector<Rung<CompressRequest>> CompressJob::ladder() {
    using Next = std::optional<CompressRequest>;
    std::vector<Rung<CompressRequest>> out;
    const auto is_free = [this](std::initializer_list<const char*> names) {
        return std::ranges::none_of(names, [this](const char* name) { return options_.typed.contains(name); });
    };
    const auto add = [&](const char* name, bool possible, const char* gate, auto change) {
        if (!possible) return;
        out.push_back({name, [gate, change](const CompressRequest& best, const Outcome& outcome) -> Next {
            CompressRequest next = best;
            return outcome.fails(gate) && change(next, outcome) ? Next(std::move(next)) : std::nullopt;
        }});
    };
    add("rows of INT8 for what is kept", is_free({"--keep-as"}), "compression_ratio", [](CompressRequest& next, const Outcome&) {
        return std::exchange(next.recipe.preservation.precision, Treatment::int8_rows) == Treatment::fp16;
    });
    add("codes in 1.6 bits", is_free({"--layout"}), "compression_ratio", [](CompressRequest& next, const Outcome&) {
        return std::exchange(next.recipe.layout, Layout::trit5) == Layout::trit2;
    });
    if (!reads_texts()) return out;
    add("another threshold", is_free({"--sparsity-threshold"}) && !config_.given.contains("sparsity_threshold"), "perplexity_degradation",
        [this](CompressRequest& next, const Outcome&) {
            if (quantizer_of(next.recipe) != "absmean" || next.recipe.planes > 1 || next.recipe.asymmetric) return false;
            next.threshold = better_threshold(next);
            return next.threshold.has_value();
        });
    const bool may_train = options_.request.fine_tune != "never";
    add("more training", may_train, "perplexity_degradation", [](CompressRequest& next, const Outcome& outcome) {
        if (!next.can_learn()) return false;
        next.fine_tune = "always";
        if (outcome.record.at("fine_tuning").at("fine_tuned").as_bool()) {
            next.learning.step.steps *= 3;
            next.learning.epochs *= 3;
        }
        return true;
    });
    add("a scale for 64 weights", is_free({"--scale"}), "perplexity_degradation", [](CompressRequest& next, const Outcome&) {
        const bool helps = is_coarse(next);
        next.recipe.scale = "group:64";
        return helps;
    });
    add("more calibration", !config_.given.contains("calibration_samples"), "perplexity_degradation",
        [this](CompressRequest& next, const Outcome& outcome) {
            const Json* const learning = outcome.record.find("fine_tuning");
            const Json* const calibration = learning == nullptr ? nullptr : learning->find("calibration");
            if (calibration == nullptr || calibration->find("warning") == nullptr) return false;  // what it had was not little
            const bool writes = options_.lesson.self_text != 0;
            if (!writes && calibration->at("samples").as_unsigned() < config_.calibration_samples) return false;  // all of the text
            next.text_factor = 4;
            return true;
        });
    add("bits where they pay", is_free({"--planes", "--scale", "--asymmetric", "--bits", "--degradation", "--quantizer", "--calibrate", "--recipe", "--rotate", "--refine-together", "--fine-tune"}), "perplexity_degradation",
        [this, is_free](CompressRequest& next, const Outcome& outcome) {
            constexpr double least_bits = 1.9;  // one plane with its scales
            const std::optional<double> bits = affordable_bits(outcome, config_.target_compression_ratio);
            if (bits && *bits < least_bits) return false;
            next.recipe.scale.clear();  // what a search chose: both are chosen matrix by matrix
            next.recipe.quantizer.clear();
            next.threshold.reset();
            if (is_free({"--layout"})) next.recipe.layout = Layout::trit5;
            next.fine_tune = "auto";
            next.calibrating = CalibratingOptions{.target = "stream", .refine = is_free({"--refine"}) ? std::size_t{4} : next.calibrating.refine, .refine_together = 4, .bits = bits && *bits < 4 ? *bits : 0,
                                                  .degradation = 0.95 * std::max(1e-3, config_.max_accuracy_drop)};
            return true;
        });
    return out;
}

}  // namespace cli
