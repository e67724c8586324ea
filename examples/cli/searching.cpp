#include "searching.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/compress/search.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/train/evaluate.hpp>
#include <bitnet/train/ternary_weight.hpp>

#include "kept_stages.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// One way to round.
struct Candidate {
    RecipeRequest request;
    std::optional<double> threshold{};  ///< where the quantizer has one
};

bool has_threshold(const RecipeRequest& request) { return quantizer_of(request) == "absmean"; }

/// As somebody would type it.
std::string typed_text(const Candidate& one) {
    std::string out = one.request.quantizer.empty() ? "" : message("--quantizer ", one.request.quantizer, " ");
    out += message("--scale ", one.request.scale);
    return one.threshold ? message(out, " --sparsity-threshold ", *one.threshold) : out;
}

Config config_for(const Candidate& one, const Config& config) {
    Config out = config;
    if (one.threshold) out.set("sparsity_threshold", message(*one.threshold));
    return out;
}

/// Documents evenly spread over the text, and the beginning of one that is too long: a few thousand tokens tell ways apart.
Documents some_of(const Documents& text) {
    constexpr std::size_t most = 8192;
    std::size_t tokens = 0;
    for (const auto& document : text) tokens += document.size();
    const std::size_t step = std::max<std::size_t>(1, (tokens + most - 1) / most);
    Documents out;
    for (std::size_t i = 0; i < text.size(); i += step) {
        out.push_back(text[i]);
        if (out.back().size() > most) out.back().resize(most);
    }
    return out;
}

/// Rounds, measures and remembers.
class Judge {
public:
    Judge(const Config& config, const ModelDir& model, Network<float>& original, const Documents& text, std::size_t context, double seconds, Execution run, bool quiet)
        : config_(config), model_(model), original_(original), rounded_(original.config(), original.parameters(), *run.kernels), text_(some_of(text)),
          context_(context), seconds_(seconds), run_(run), progress_("search", quiet) {}

    double seconds_left() const { return std::max(0.0, seconds_ - elapsed()); }
    double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
    /// Whether an evaluation as long as the longest so far would still fit.
    bool has_time() const { return longest_ <= seconds_left(); }
    /// The least divergence so far in that scale.
    double least_in(const std::string& scale) const {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < tried_.size(); ++i)
            if (tried_[i].request.scale == scale && !rows_[i].at("kl").is_null()) least = std::min(least, rows_[i].at("kl").as_double());
        return least;
    }
    const std::vector<Candidate>& tried() const { return tried_; }
    const Json::Array& rows() const { return rows_; }
    std::size_t best() const { return best_; }
    std::size_t tokens() const { return tokens_; }

    /// The mean divergence of its predictions from the original's, in nats.
    double operator()(const Candidate& one) {
        const double begin = elapsed();
        const Config config = config_for(one, config_);
        round(one.request, config);
        const Perplexity measured = evaluate(rounded_, text_, {context_, context_}, run_.threads, &original_);
        const double loss = measured.mean_divergence(), seconds = elapsed() - begin;
        tokens_ = measured.tokens;
        longest_ = std::max(longest_, seconds);
        remember(one, loss, measured.perplexity(), preflight_with(one.request, config, model_), seconds);
        progress_.update(std::min(1.0, std::max(elapsed() / seconds_, static_cast<double>(tried_.size()) / most_tried)), typed_text(one));
        return loss;
    }

private:
    void round(const RecipeRequest& request, const Config& config) {
        const RoundMatrix quantize = round_with(request, config);
        const preservation::ByPattern kept = preservation_of(request, config);
        for (std::size_t i = 0; i < original_.parameters().size(); ++i) {
            const Parameter<float>& from = original_.parameters()[i];
            if (!becomes_ternary(from, kept)) continue;
            const Shape shape{from.value.rows(), from.value.cols()};
            quantize(planes_, {from.spec.name, DType::F32, shape, std::as_bytes(std::span<const float>(from.value.values()))}, run_);
            put_image(planes_, rounded_.parameters()[i].value, run_);
        }
    }

    void remember(const Candidate& one, double loss, double perplexity, const Preflight& sizes, double seconds) {
        const auto number = [](double value) { return is_finite(value) ? Json(value) : Json(nullptr); };
        Json row = Json::object({{"recipe", typed_text(one)}, {"quantizer", quantizer_of(one.request)}, {"scale", one.request.scale}});
        if (one.threshold) row.set("threshold", *one.threshold);
        row.set("bits", sizes.bits_per_weight()).set("compression_ratio", sizes.compression_ratio()).set("kl", number(loss)).set("perplexity", number(perplexity)).set("seconds", seconds);
        rows_.push_back(std::move(row));
        tried_.push_back(one);
        if (is_finite(loss) && (!least_ || loss < *least_)) {
            least_ = loss;
            best_ = tried_.size() - 1;
        }
    }

    static constexpr double most_tried = 32;  ///< about as many as there are
    const Config& config_;
    const ModelDir& model_;
    Network<float>& original_;
    Network<float> rounded_;
    Documents text_;
    std::size_t context_, tokens_ = 0, best_ = 0;
    double seconds_, longest_ = 0;
    Execution run_;
    Progress progress_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    TernaryPlanes planes_{};
    std::vector<Candidate> tried_{};
    Json::Array rows_{};
    std::optional<double> least_{};
};

/// What may be tried, the request first.
std::vector<RecipeRequest> ways(const CalibratingOptions& calibrating, const RecipeRequest& request, const Config& config, const ModelDir& model) {
    const bool calibrates = target_of(calibrating, request, true).has_value();
    std::vector<RecipeRequest> out = variants_of(request);
    const double least = std::min(config.target_compression_ratio, preflight_with(out[0], config, model).compression_ratio());
    std::erase_if(out, [&](const RecipeRequest& one) {
        const bool same = quantizer_of(one) == quantizer_of(request);
        if (!same && (calibrates || (config.given.contains("sparsity_threshold") && !has_threshold(one)))) return true;
        return preflight_with(one, config, model).compression_ratio() < least;
    });
    return out;
}

/// Each as it is, then the thresholds of those that have one, in the scale that did best first, while there is time. Returns whether
/// all was tried.
bool try_all(Judge& judge, std::vector<RecipeRequest> ways, const Config& config) {
    const bool threshold_is_typed = config.given.contains("sparsity_threshold");
    std::vector<Candidate> list;
    for (const RecipeRequest& one : ways)  // a threshold that nobody typed suits none of the others
        if (!has_threshold(one) || threshold_is_typed || list.empty()) list.push_back({one, has_threshold(one) ? std::optional(config.sparsity_threshold) : std::nullopt});
    const auto loss = [&judge](const Candidate& one) { return judge(one); };
    bool all = search_list(std::span<const Candidate>(list), loss, {.evaluations = list.size(), .seconds = judge.seconds_left()}).finished;
    std::erase_if(ways, [&](const RecipeRequest& one) { return !has_threshold(one) || threshold_is_typed; });
    std::ranges::stable_sort(ways, {}, [&](const RecipeRequest& one) { return judge.least_in(one.scale); });
    for (const RecipeRequest& one : ways) {
        if (!judge.has_time()) return false;
        const KnobRange range{.low = 0.1, .high = 1.3, .grid = 5, .tolerance = 0.01};
        const auto at = [&](double threshold) { return judge({one, std::round(1000 * threshold) / 1000}); };
        all = search_knob(range, at, {.evaluations = 16, .seconds = judge.seconds_left()}).finished && all;
    }
    return all;
}

/// What a search before this one chose.
Candidate chosen_of(const Json& record, const std::vector<RecipeRequest>& allowed, const std::filesystem::path& file) {
    const Json& chosen = record.at("chosen");
    const auto found = std::ranges::find_if(allowed, [&](const RecipeRequest& one) { return quantizer_of(one) == chosen.at("quantizer").as_string() && one.scale == chosen.at("scale").as_string(); });
    if (found == allowed.end()) throw error(errc::bad_value, message(file.string(), ": chosen: one of ", allowed.size(), " ways to round is expected, ", chosen.at("recipe").as_string(), " is none"));
    const Json* const threshold = chosen.find("threshold");
    return {*found, threshold == nullptr ? std::nullopt : std::optional(threshold->as_double())};
}

}  // namespace

void add_searching(CLI::App& app, SearchingOptions& options) {
    app.add_option("--search", options.seconds, "for so many seconds, try quantizers, scales and thresholds that nobody typed and whose files reach the target ratio, and "
                   "go on with what predicts most like the original, rounded; needs --text or --self-text")
        ->check(CLI::PositiveNumber);
}

void check_searching(const SearchingOptions& options, const CalibratingOptions& calibrating, const RecipeRequest& request, const Config& config, bool has_text) {
    if (!options.given()) return;
    if (!is_finite(options.seconds)) throw error(errc::bad_value, "--search: a finite number of seconds is expected");
    if (!has_text) throw error(errc::bad_value, "--search: needs --text or --self-text, to judge by");
    if (calibrating.allots()) throw error(errc::bad_value, "--search: --bits and --degradation choose scales themselves; leave one of the two out");
    if (calibrating.rotate) throw error(errc::bad_value, "--search: what is rounded is judged in the weights' own basis; leave --rotate out");
    const bool threshold = has_threshold(request) && !config.given.contains("sparsity_threshold");
    const bool quantizer = request.quantizer.empty() && request.planes == 1 && !request.asymmetric && !target_of(calibrating, request, true);
    if (!threshold && !quantizer && !request.scale.empty())
        throw error(errc::bad_value, "--search: everything that could be searched was typed; leave --search out, or one of --quantizer, --scale, --sparsity-threshold");
}

Json search_recipe(const SearchingOptions& options, const CalibratingOptions& calibrating, RecipeRequest& request, Config& config, Network<float>& original,
                   const Documents& validation, std::size_t context, Execution run, bool quiet, const std::filesystem::path& kept) {
    const ModelDir model(config.model_path);
    const std::vector<RecipeRequest> allowed = ways(calibrating, request, config, model);
    if (!kept.empty() && std::filesystem::exists(kept)) {
        Json record = read_json_file(kept);
        const Candidate chosen = chosen_of(record, allowed, kept);
        config = config_for(chosen, config);
        request = chosen.request;
        return record;
    }
    Judge judge(config, model, original, validation, context, options.seconds, run, quiet);
    const bool all = try_all(judge, allowed, config);
    const Candidate& best = judge.tried()[judge.best()];
    Json record = Json::object({{"budget_seconds", options.seconds},
                                {"seconds", judge.elapsed()},
                                {"finished", all},
                                {"tokens", judge.tokens()},
                                {"tried", Json::array(judge.rows())},
                                {"chosen", judge.rows()[judge.best()]}});
    if (!kept.empty()) keep_stage(kept, to_text(record));
    config = config_for(best, config);
    request = best.request;
    return record;
}

std::string search_text(const Json& record) {
    const auto divergence = [](const Json& row) { return row.at("kl").is_null() ? std::string("not finite") : fixed(row.at("kl").as_double(), 4); };
    const auto& tried = record.at("tried").as_array();
    return message(tried.size(), " tried in ", fixed(record.at("seconds").as_double(), 1), " s", record.at("finished").as_bool() ? "" : ", all that there was time for", ": ",
                   record.at("chosen").at("recipe").as_string(), " diverges by ", divergence(record.at("chosen")), " from the original, as typed ", divergence(tried[0]));
}

}  // namespace cli
