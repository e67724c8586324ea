#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::Arguments;
using bitnet_test::json_of;
using bitnet_test::names_in;
using bitnet_test::read_text;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::Workplace;

namespace {

/// A random model, and a text of token ids that it learns from.
struct MeteredPlace : Workplace {
    MeteredPlace() : Workplace({.vocab_size = 40, .hidden_size = 32, .intermediate_size = 64, .layers = 2, .max_positions = 16}) {
        bitnet_test::write_text(dir / "ids.txt", bitnet_test::id_documents(60, 16));
    }
    /// Six steps of learning, with measurements before, between and after.
    Arguments learning(const Arguments& more = {}) const {
        Arguments all = compress({"--text", dir / "ids.txt", "--split", "ids", "--fine-tune", "always", "--steps", "6", "--evaluate-every", "3",
                                  "--batch-tokens", "64", "--force"});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

std::vector<Json> lines_of(const fs::path& file) {
    std::vector<Json> out;
    std::istringstream text(read_text(file));
    for (std::string line; std::getline(text, line);) out.push_back(bitnet::parse_json(line, file.string()));
    return out;
}

/// Values by name, in the order in which they were told.
std::map<std::string, std::vector<double>> points_in(const std::vector<Json>& lines) {
    std::map<std::string, std::vector<double>> out;
    for (const Json& line : lines)
        if (line.at("record").as_string() == "point") out[line.at("name").as_string()].push_back(line.at("value").as_double());
    return out;
}

/// The only entry of a directory.
fs::path only_in(const fs::path& directory) {
    const auto names = names_in(directory);
    REQUIRE(names.size() == 1);
    return directory / *names.begin();
}

}  // namespace

TEST_CASE("every output has the metrics of its run, and of what was not measured none") {
    const MeteredPlace place;
    const Json record = json_of(place.compress({"--set", "wandb_project=stories"}));
    const auto lines = lines_of(place.out() / "metrics.jsonl");
    CHECK(lines.front().at("record").as_string() == "run");
    CHECK(lines.front().at("project").as_string() == "stories");
    CHECK(lines.front().at("id").as_string().size() == 8);
    CHECK(lines.front().at("config").at("model_path").as_string() == place.model().string());
    CHECK(lines.front().at("config").at("recipe").as_string() == "default");
    CHECK(lines.back().at("record").as_string() == "end");
    CHECK(lines.back().at("exit_code").as_integer() == 0);
    const auto points = points_in(lines);
    CHECK(points.at("compression/ratio") == std::vector{record.at("compression_ratio").as_double()});
    CHECK(points.at("compression/original_size_mb") == std::vector{record.at("original_bytes").as_double() / 1048576});
    CHECK(points.at("compression/compressed_size_mb") == std::vector{static_cast<double>(fs::file_size(place.out() / "quantized" / "model.safetensors")) / 1048576});
    CHECK(points.at("compression/layers_compressed") == std::vector{2.0});
    CHECK(points.at("compression/layers_quantized") == std::vector{14.0});
    CHECK(points.at("layer/mlp.up_proj/bits").size() == 2);
    const Json& summary = lines.back().at("summary");
    CHECK(summary.at("phase/quantization_method").as_string() == "BitNet-1.58");
    CHECK(summary.at("phase/sparsity_ratio") == record.at("sparsity_ratio"));
    for (const char* const unmeasured : {"compression/pre_perplexity", "compression/post_perplexity", "compression/fine_tune_epochs", "phase/final_perplexity", "train/loss"}) {
        CHECK(points.count(unmeasured) == 0);
        CHECK(summary.find(unmeasured) == nullptr);
    }
}

TEST_CASE("steps of learning are told while they are done, and every sink hears the same") {
    const MeteredPlace place;
    const fs::path logs = place.dir / "logs" / "here";
    const auto learn = [&] { return json_of(place.learning({"--metrics", logs, "--tensorboard", place.dir / "tb", "--wandb", place.dir / "wandb"})); };
    const Json record = learn();
    const auto lines = lines_of(place.out() / "metrics.jsonl");
    const auto points = points_in(lines);
    CHECK(points.at("train/loss").size() == 6);
    CHECK(points.at("train/gradient_norm").size() == 6);
    CHECK(points.at("train/learning_rate").size() == 6);
    CHECK(points.at("train/tokens").size() == 6);
    CHECK(points.at("layer/self_attn.q_proj/output_error").size() == 2);
    const Json& tuned = record.at("fine_tuning");
    const double before = tuned.at("pre_perplexity").as_double(), rounded = tuned.at("post_compression_perplexity").as_double();
    CHECK(points.at("train/perplexity").size() == 3);
    CHECK(points.at("train/perplexity").front() == rounded);
    CHECK(points.at("compression/pre_eval_loss").front() == doctest::Approx(std::log(before)).epsilon(1e-5));
    CHECK(points.at("compression/perplexity_degradation").front() == doctest::Approx((rounded - before) / before).epsilon(1e-3));
    CHECK(points.at("phase/final_perplexity").front() == record.at("quality").at("post_perplexity").as_double());
    CHECK(points.at("compression/fine_tune_time_hours").front() == tuned.at("training").at("seconds").as_double() / 3600);
    CHECK(points.at("compression/fine_tune_epochs").front() == doctest::Approx(tuned.at("training").at("epochs").as_double()));
    // A step is told before the record of the job is.
    const auto place_of = [&](std::string_view name) {
        return std::ranges::find_if(lines, [&](const Json& line) { return line.find("name") != nullptr && line.at("name").as_string() == name; }) - lines.begin();
    };
    CHECK(place_of("train/loss") < place_of("compression/ratio"));
    CHECK(lines_of(logs / "metrics.jsonl") == lines);
    CHECK(fs::file_size(only_in(only_in(place.dir / "tb"))) > 1000);
    CHECK(fs::file_size(only_in(place.dir / "wandb") / ("run-" + lines.front().at("id").as_string() + ".wandb")) > 1000);

    learn();  // another run has places of its own, and lines behind the first one's
    CHECK(names_in(place.dir / "tb").size() == 2);
    CHECK(names_in(place.dir / "wandb").size() == 2);
    CHECK(lines_of(logs / "metrics.jsonl").size() == 2 * lines.size());
}

TEST_CASE("a place that cannot be written is a warning in one line and a note, and the job goes on") {
    const MeteredPlace place;
    const fs::path file = place.dir / "file";
    bitnet_test::write_text(file, "");
    const auto done = run_program(place.learning({"--metrics", file / "a", "--tensorboard", file, "--wandb", file / "b", "--json"}));
    CHECK(done.status == 0);
    CHECK(std::count(done.err.begin(), done.err.end(), '\n') == 3);
    for (const char* const sink : {"jsonl", "tensorboard", "wandb"})
        CHECK(says(done.err, bitnet::message("bitnet: warning: no more metrics for ", sink, ": ", file.string())));
    const Json record = bitnet::parse_json(done.out, "standard output");
    const auto& notes = record.at("notes").as_array();
    CHECK(std::ranges::count_if(notes, [](const Json& note) { return note.as_string().starts_with("metrics: "); }) == 3);
    CHECK(std::ranges::count_if(notes, [&](const Json& note) { return note.as_string() == "metrics: jsonl: " + (file / "a").string() + ": cannot create: Not a directory"; }) == 1);
    CHECK(points_in(lines_of(place.out() / "metrics.jsonl")).at("train/loss").size() == 6);
    CHECK(lines_of(place.out() / "metrics.jsonl").back().at("record").as_string() == "end");
}

TEST_CASE("wandb_enabled is an offline run in the output, unless another place is named") {
    const MeteredPlace place;
    json_of(place.compress({"--set", "wandb_enabled=true"}));
    const fs::path run = only_in(place.out() / "wandb");
    CHECK(run.filename().string().starts_with("offline-run-"));
    CHECK(names_in(run).size() == 3);
    json_of(place.compress({"--set", "wandb_enabled=true", "--wandb", place.dir / "elsewhere", "--force"}));
    CHECK_FALSE(fs::exists(place.out() / "wandb"));
    CHECK(names_in(place.dir / "elsewhere").size() == 1);
}

TEST_CASE("places inside of the output come to be with it") {
    const MeteredPlace place;
    json_of(place.compress({"--tensorboard", place.out() / "logs" / "tb", "--metrics", place.out().string() + "/", "--wandb", place.out() / "." / "w"}));
    CHECK(fs::is_regular_file(only_in(only_in(place.out() / "logs" / "tb"))));
    CHECK(names_in(place.out() / "w").size() == 1);
    const auto lines = lines_of(place.out() / "metrics.jsonl");
    CHECK(std::ranges::count_if(lines, [](const Json& line) { return line.at("record").as_string() == "run"; }) == 1);
    CHECK_FALSE(fs::exists(place.out().string() + ".partial"));
}

TEST_CASE("a job that fails ends its run with a failure") {
    const MeteredPlace place;
    bitnet_test::write_text(place.dir / "ids.txt", "1 2 3\n1 2 41\n");
    CHECK(run_program(place.learning({"--metrics", place.dir / "logs"})).status == 1);
    const auto lines = lines_of(place.dir / "logs" / "metrics.jsonl");
    REQUIRE(lines.size() == 2);
    CHECK(lines.back().at("exit_code").as_integer() == 1);
    CHECK(lines.back().at("summary") == Json::object({{"phase/success", false}}));
    CHECK_FALSE(fs::exists(place.out()));
}
