#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <support/weights.hpp>

using bitnet::Json;
using bitnet_test::Arguments;
using bitnet_test::Finished;
using bitnet_test::json_of;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::Workplace;

namespace {

/// A random model whose matrices are most of it, and a text of token ids.
struct SearchingPlace : Workplace {
    SearchingPlace() : Workplace({.vocab_size = 40, .hidden_size = 128, .intermediate_size = 256, .layers = 2, .max_positions = 16}) {
        bitnet_test::write_text(ids(), bitnet_test::id_documents(40, 16));
    }
    std::filesystem::path ids() const { return dir / "ids.txt"; }
    Arguments searching(const Arguments& more) const {
        Arguments all = compress({"--text", ids(), "--split", "ids", "--fine-tune", "never", "--gates", "off", "--force", "--search", "60"});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

std::set<std::string> all_of(const Json& search, std::string_view key) {
    std::set<std::string> out;
    for (const Json& row : search.at("tried").as_array()) out.insert(row.at(key).as_string());
    return out;
}

/// The least divergence was chosen, and the files are of that choice.
void check_chosen(const Json& report) {
    const Json& search = report.at("search");
    const Json& chosen = search.at("chosen");
    bool found = false;
    for (const Json& row : search.at("tried").as_array()) {
        CHECK(chosen.at("kl").as_double() <= row.at("kl").as_double());
        found = found || row == chosen;
    }
    CHECK(found);
    CHECK(says(report.at("policies").at("scale").as_string(), chosen.at("scale").as_string() == "row" ? "per_channel" : chosen.at("scale").as_string() == "tensor" ? "per_tensor" : "per_group"));
    CHECK(chosen.at("compression_ratio").as_double() == doctest::Approx(report.at("compression_ratio").as_double()).epsilon(0.01));
}

}  // namespace

TEST_CASE("--search tries quantizers, scales and thresholds, and goes on with the one that diverges least") {
    const SearchingPlace place;
    const Json report = json_of(place.searching({"--calibrate", "never"})), &search = report.at("search");
    check_chosen(report);
    CHECK(search.at("finished").as_bool());
    CHECK(search.at("budget_seconds").as_double() == 60);
    CHECK(search.at("seconds").as_double() <= 60);
    CHECK(search.at("tried").as_array()[0].at("recipe").as_string() == "--quantizer least_squares --scale group:64");
    CHECK(all_of(search, "quantizer") == std::set<std::string>{"absmean", "round_clip", "least_squares"});
    CHECK(all_of(search, "scale") == std::set<std::string>{"tensor", "row", "group:64", "group:128"});
    CHECK(says(report.at("policies").at("quantizer").as_string(), search.at("chosen").at("quantizer").as_string()));
    // The same, typed: the same bytes.
    const std::string bytes = bitnet_test::read_text(place.out() / "quantized" / "model.safetensors");
    Arguments typed = place.compress({"--force", "--quantizer", search.at("chosen").at("quantizer").as_string(), "--scale", search.at("chosen").at("scale").as_string()});
    if (const Json* const threshold = search.at("chosen").find("threshold"))
        typed.insert(typed.end(), {"--sparsity-threshold", bitnet::message(threshold->as_double())});
    REQUIRE(run_program(typed).status == 0);
    CHECK(bitnet_test::read_text(place.out() / "quantized" / "model.safetensors") == bytes);
}

TEST_CASE("what was typed is not searched over") {
    const SearchingPlace place;
    const Json rows = json_of(place.searching({"--recipe", "phase4", "--scale", "row", "--quantizer", "absmean"}));
    check_chosen(rows);
    CHECK(all_of(rows.at("search"), "quantizer") == std::set<std::string>{"absmean"});
    CHECK(all_of(rows.at("search"), "scale") == std::set<std::string>{"row"});
    CHECK(rows.at("search").at("tried").as_array()[0].at("threshold").as_double() == 0.05);
    CHECK(rows.at("config").at("sparsity_threshold").as_double() == rows.at("search").at("chosen").at("threshold").as_double());

    const Json typed = json_of(place.searching({"--recipe", "phase4", "--sparsity-threshold", "0.4"}));
    check_chosen(typed);
    CHECK(typed.at("search").at("tried").as_array().size() == 4);
    for (const Json& row : typed.at("search").at("tried").as_array()) CHECK(row.at("threshold").as_double() == 0.4);
    const Json planes = json_of(place.searching({"--planes", "2", "--calibrate", "never"}));
    check_chosen(planes);
    CHECK(all_of(planes.at("search"), "quantizer") == std::set<std::string>{"two planes"});
}

TEST_CASE("nothing is tried that would miss the target ratio, unless the request misses it") {
    const SearchingPlace place;
    const double rows = json_of({"compress", place.model(), "--dry-run", "--scale", "row"}).at("compression_ratio").as_double();
    const Arguments close{"--calibrate", "never", "--recipe", "bitnet158", "--set", bitnet::message("target_compression_ratio=", rows)};
    CHECK(all_of(json_of(place.searching(close)).at("search"), "scale") == std::set<std::string>{"tensor", "row"});
    // group:64 misses 30 and may not be made worse: all others are smaller.
    CHECK(all_of(json_of(place.searching({"--calibrate", "never", "--set", "target_compression_ratio=30"})).at("search"), "scale").size() == 4);
    CHECK(all_of(json_of(place.searching({"--calibrate", "never", "--recipe", "bitnet158", "--set", "target_compression_ratio=30"})).at("search"), "scale") == std::set<std::string>{"tensor"});
}

TEST_CASE("where the run calibrates, only what calibration fits is tried, and it is calibrated then") {
    const SearchingPlace place;
    const Json report = json_of(place.searching({}));
    check_chosen(report);
    CHECK(all_of(report.at("search"), "quantizer") == std::set<std::string>{"least_squares"});
    CHECK(report.at("search").at("tried").as_array().size() == 4);
    CHECK(report.at("fine_tuning").find("calibration") != nullptr);
}

TEST_CASE("a moment is enough for the request alone, and says that there was no time for more") {
    const SearchingPlace place;
    Arguments moment = place.compress({"--text", place.ids(), "--split", "ids", "--fine-tune", "never", "--calibrate", "never", "--search", "1e-6"});
    const Finished printed = run_program(moment);
    REQUIRE(printed.status == 0);
    CHECK(says(printed.out, "search      1 tried in "));
    CHECK(says(printed.out, "all that there was time for: --quantizer least_squares --scale group:64 diverges by "));
}

TEST_CASE("--search without a text, with budgets of bits, or with nothing left to search is wrong usage") {
    const SearchingPlace place;
    const auto refused = [&](const Arguments& arguments) {
        const Finished result = run_program(arguments);
        CHECK(result.status == 2);
        return result.err;
    };
    CHECK(says(refused(place.compress({"--search", "5"})), "--search: needs --text or --self-text"));
    CHECK(says(refused(place.searching({"--bits", "3"})), "choose scales themselves"));
    CHECK(says(refused(place.searching({"--rotate"})), "leave --rotate out"));
    CHECK(says(refused(place.searching({"--quantizer", "round_clip", "--scale", "row"})), "everything that could be searched was typed"));
    CHECK(says(refused(place.compress({"--text", place.ids(), "--split", "ids", "--search", "-1"})), "--search"));
}

TEST_CASE("on the model that comes with bitnet the choice is no worse than the default recipe") {
    const Workplace place;
    const std::filesystem::path models = std::filesystem::path(BITNET_SOURCE_DIR) / "examples" / "models";
    const Json report = json_of({"compress", models / "stories", "-o", place.out(), "--text", models / "stories.jsonl", "--split", "jsonl", "--calibrate", "never", "--fine-tune", "never", "--gates", "off", "--search", "20"});
    check_chosen(report);
    const Json& search = report.at("search");
    CHECK(search.at("tried").as_array().size() > 1);
    CHECK(search.at("chosen").at("kl").as_double() <= search.at("tried").as_array()[0].at("kl").as_double());
    CHECK(std::isfinite(search.at("chosen").at("perplexity").as_double()));
}
