#include "program.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using namespace bitnet_test;

namespace {

/// A random model, which predicts nothing that rounding could spoil much, and texts of token ids.
struct GatedPlace : Workplace {
    GatedPlace() : Workplace({.vocab_size = 32, .hidden_size = 64, .intermediate_size = 128, .layers = 2, .max_positions = 32}) {
        std::string text;
        bitnet::Random random(3);
        for (int document = 0; document < 40; ++document) {
            for (int i = 0; i < 24; ++i) text += std::to_string(random.below(32)) + " ";
            text += "\n";
        }
        write_text(ids(), text);
    }
    fs::path ids() const { return dir / "ids.txt"; }
    Arguments judged(const Arguments& more = {}) const {
        Arguments all = compress({"--text", ids(), "--split", "ids", "--eval-text", ids(), "--fine-tune", "never", "--force"});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

std::string state_of(const Json& record, std::string_view gate) {
    for (const Json& one : record.at("gates").as_array())
        if (one.at("name").as_string() == gate) return one.at("state").as_string();
    return "missing";
}

}  // namespace

TEST_CASE("with a text every gate is measured on the files, and a model that passes is written") {
    const GatedPlace place;
    const Json record = json_of(place.judged());
    for (const char* const gate : {"perplexity_degradation", "gradient_flow", "dequantization_accuracy", "compression_ratio", "quantized_share"}) {
        CAPTURE(gate);
        CHECK(state_of(record, gate) == "passed");
    }
    CHECK(record.at("verdict").at("passed").as_bool());
    CHECK(record.at("rungs").as_array().size() == 1);
    CHECK(record.at("agreement").at("dequantization_accuracy").as_double() > 0.995);
    const Json measured = json_of({"eval", place.out() / "quantized", "--text", place.ids(), "--split", "ids"});
    CHECK(measured.at("perplexity").as_double() == doctest::Approx(record.at("quality").at("post_perplexity").as_double()).epsilon(1e-12));
    const auto shown = run_program(place.judged());
    CHECK(says(shown.out, "passed       compression_ratio"));
    CHECK(says(shown.out, "\nmeasured    on the files"));
}

TEST_CASE("a gate out of reach ends in status 3: a sentence each, no output, the earlier one and the original untouched") {
    const GatedPlace place;
    const auto original = read_text(place.weights());
    CHECK(run_program(place.judged()).status == 0);
    const auto earlier = read_text(place.out() / "quantized/model.safetensors");
    const auto before = names_in(place.dir.path());
    const auto failed = run_program(place.judged({"--set", "target_compression_ratio=32", "--set", "max_accuracy_drop=0"}));
    CHECK(failed.status == 3);
    CHECK(says(failed.err, "not written, the original is untouched"));
    CHECK(says(failed.err, "\nbitnet: compression_ratio: the compression ratio is "));
    CHECK(says(failed.err, "at least 32.00x is asked for"));
    CHECK(says(failed.out, "note        what is kept holds "));
    CHECK_FALSE(says(failed.out, "\nwritten "));
    CHECK(read_text(place.weights()) == original);
    CHECK(read_text(place.out() / "quantized/model.safetensors") == earlier);
    CHECK(names_in(place.dir.path()) == before);

    const auto kept = run_program(place.judged({"--set", "target_compression_ratio=32", "--keep-rejected"}));
    CHECK(kept.status == 3);
    CHECK(says(kept.err, "out.rejected: kept, rejected"));
    const Json record = bitnet::read_json_file(place.dir / "out.rejected/compression_metadata.json");
    CHECK_FALSE(record.at("verdict").at("passed").as_bool());
    CHECK(says(record.at("output").as_string(), "out.rejected"));
    CHECK(fs::exists(place.dir / "out.rejected/quantized/model.safetensors"));
    CHECK(read_text(place.out() / "quantized/model.safetensors") == earlier);
}

TEST_CASE("where the ratio fails, rows of INT8 and denser codes are tried, and the rung that passes is kept") {
    const GatedPlace place;
    const Json plain = json_of(place.judged({"--gates", "warn"}));
    const double ratio = plain.at("compression_ratio").as_double();
    const Json better = json_of(place.judged({"--set", "target_compression_ratio=" + std::to_string(ratio * 1.05)}));
    CHECK(better.at("compression_ratio").as_double() >= ratio * 1.05);
    const Json::Array& rungs = better.at("rungs").as_array();
    REQUIRE(rungs.size() >= 2);
    CHECK(rungs.front().at("failed").as_unsigned() == 1);
    CHECK(rungs.back().at("failed").as_unsigned() == 0);
    CHECK(rungs.back().at("kept").as_bool());
    CHECK(better.at("verdict").at("passed").as_bool());
    // What was typed is not changed.
    const auto typed = run_program(place.judged({"--set", "target_compression_ratio=" + std::to_string(ratio * 1.05), "--keep-as", "fp16", "--layout", "trit2"}));
    CHECK(typed.status == 3);
}

TEST_CASE("where perplexity fails, another threshold is tried of a quantizer that has one, and more text where there was little") {
    const GatedPlace place;
    const auto names_of = [](const Json& record) {
        std::vector<std::string> out;
        for (const Json& rung : record.at("rungs").as_array()) out.push_back(rung.at("name").as_string());
        return out;
    };
    const auto rejected = [&](const Arguments& more) {
        const auto result = run_program(place.judged([&] {
            Arguments all{"--set", "max_accuracy_drop=0", "--set", "target_compression_ratio=32", "--json", "-q"};
            all.insert(all.end(), more.begin(), more.end());
            return all;
        }()));
        REQUIRE(result.status == 3);
        return bitnet::parse_json(result.out, "standard output");
    };
    const auto has = [](const std::vector<std::string>& names, std::string_view name) { return std::ranges::count(names, name) == 1; };
    CHECK(has(names_of(rejected({"--recipe", "phase4"})), "another threshold"));
    CHECK_FALSE(has(names_of(rejected({"--recipe", "phase4", "--sparsity-threshold", "0.4"})), "another threshold"));
    CHECK_FALSE(has(names_of(rejected({})), "another threshold"));

    CHECK_FALSE(has(names_of(rejected({"--scale", "group:64"})), "more calibration"));  // all of the text was used
    const auto written = run_program({"compress", fs::path(BITNET_SOURCE_DIR) / "examples/models/stories", "-o", place.out(), "--self-text", "4", "--fine-tune", "never", "--keep-rejected",
                                      "--keep-as", "fp16", "--layout", "trit2", "--scale", "group:64", "--set", "max_accuracy_drop=0", "--json", "-q"});
    REQUIRE(written.status == 3);
    const Json record = bitnet::parse_json(written.out, "standard output");
    CHECK(names_of(record) == std::vector<std::string>{"as asked", "more calibration"});
    CHECK(record.at("fine_tuning").at("calibration").at("samples").as_unsigned() == 15);  // 3 of 4, one measures; and 12 more
}

TEST_CASE("--profile tells of every stage and tensor how fast it was, beside what the machine can do") {
    const GatedPlace place;
    const Json profile = json_of(place.judged({"--profile"})).at("profile");
    CHECK(profile.at("machine").at("gb_per_s").as_double() > 0);
    std::map<std::string, double> gflop;
    for (const Json& stage : profile.at("stages").as_array()) {
        gflop[stage.at("name").as_string()] = stage.at("gflop").as_double();
        CHECK(stage.at("share_of_peak").as_double() < 1);
        CHECK(stage.at("gflop_per_s").as_double() * stage.at("seconds").as_double() == doctest::Approx(stage.at("gflop").as_double()));
    }
    CHECK(gflop.at("calibrate") > 0);
    CHECK(gflop.at("measure") > 0);
    CHECK(gflop.at("compress") == 0);  // nothing is multiplied there
    REQUIRE(profile.at("tensors").as_array().size() == json_of({"inspect", place.model()}).at("tensors").as_array().size());
    for (const Json& tensor : profile.at("tensors").as_array()) CHECK(tensor.at("bytes").as_double() > 0);
    const auto told = run_program(place.judged({"--profile", "--gates", "off"}));
    CHECK(told.status == 0);
    CHECK(says(told.out, "\nprofile     this machine, "));
    CHECK(json_of(place.judged()).find("profile") == nullptr);
}

TEST_CASE("gates that warn tell and write, gates that are off measure nothing; without a text sizes alone are told") {
    const GatedPlace place;
    const Json warned = json_of(place.judged({"--gates", "warn", "--set", "target_compression_ratio=32"}));
    CHECK(state_of(warned, "compression_ratio") == "failed");
    CHECK(fs::exists(place.out() / "quantized/model.safetensors"));
    const Json off = json_of(place.judged({"--gates", "off", "--set", "target_compression_ratio=32"}));
    CHECK(off.find("gates") == nullptr);
    CHECK(off.find("quality") == nullptr);
    const Json blind = json_of(place.compress({"--force", "--set", "target_compression_ratio=32"}));
    CHECK(state_of(blind, "perplexity_degradation") == "not measured");
    CHECK(state_of(blind, "compression_ratio") == "failed");
    CHECK(run_program(place.compress({"--force", "--gates", "enforce", "--set", "target_compression_ratio=32"})).status == 3);
}

TEST_CASE("a job killed at thirty random moments goes on from its last checkpoint and ends with the bytes of one that was not disturbed") {
    const GatedPlace place;
    const auto learning = [&](const fs::path& out) {
        return Arguments{"compress", place.model(), "-o", out, "-q", "--text", place.ids(), "--split", "ids", "--fine-tune", "always", "--steps", "200", "--batch-tokens", "512",
                         "--checkpoint-every", "10", "--evaluate-every", "50", "--gates", "warn"};
    };
    const auto begin = std::chrono::steady_clock::now();
    json_of(learning(place.dir / "undisturbed"));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    Arguments resumed = learning(place.out());
    resumed.emplace_back("--resume");
    const fs::path checkpoint = place.dir / "out.work/checkpoint.safetensors";
    std::FILE* const ignored = std::tmpfile();
    bitnet::Random random(11);
    const auto check_output = [&] {
        for (const char* const name : {"quantized/model.safetensors", "dequantized/model.safetensors", "dequantized/config.json"})
            CHECK(read_text(place.out() / name) == read_text(place.dir / "undisturbed" / name));
        fs::remove_all(place.out());
    };
    int found = 0;  // kills that left a checkpoint to go on from
    for (int kill = 0; kill < 30; ++kill) {
        const pid_t child = start_program(resumed, ::fileno(ignored), ::fileno(ignored));
        std::this_thread::sleep_for(std::chrono::duration<double>(random.uniform() * seconds / 3));
        ::kill(child, SIGKILL);
        end_of(child);
        found += fs::exists(checkpoint) ? 1 : 0;
        if (fs::exists(place.out())) check_output();  // that one had ended; the next begins anew, or where a kill behind the commit left it
    }
    std::fclose(ignored);
    CHECK(found > 0);
    if (fs::exists(checkpoint)) CHECK(says(refusal_of_program(learning(place.out())), "an interrupted run; continue it with --resume, or begin anew with --force"));
    json_of(resumed);
    check_output();
    CHECK_FALSE(fs::exists(place.dir / "out.work"));
}

TEST_CASE("Ctrl-C ends a job within a second, with nothing half-written and a checkpoint") {
    const GatedPlace place;
    const auto learning = [&](const fs::path& out, const char* more) {
        return Arguments{"compress", place.model(), "-o", out, "-q", "--text", place.ids(), "--split", "ids", "--fine-tune", "always", "--steps", "300", "--batch-tokens", "512",
                         "--checkpoint-every", "10", "--gates", "warn", more};
    };
    std::FILE* const err = std::tmpfile();
    const pid_t child = start_program(learning(place.out(), "--force"), ::fileno(err), ::fileno(err));
    const fs::path work = place.dir / "out.work", checkpoint = work / "checkpoint.safetensors";
    for (int i = 0; i < 6000 && !fs::exists(checkpoint); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto begin = std::chrono::steady_clock::now();
    ::kill(child, SIGINT);
    const int status = end_of(child);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(1500));  // a second, and the time of a busy machine
    CHECK(status < 0);
    CHECK_FALSE(fs::exists(place.out()));
    CHECK_FALSE(fs::exists(place.dir / "out.partial"));
    CHECK_FALSE(fs::exists(place.dir / "out.partial.lock"));
    REQUIRE(fs::exists(checkpoint));
    std::rewind(err);
    std::string said(4096, '\0');
    said.resize(std::fread(said.data(), 1, said.size(), err));
    std::fclose(err);
    CHECK(says(said, "bitnet: interrupted; "));
    CHECK(says(said, "out.work is where the same command goes on from with --resume"));
    CHECK(std::ranges::count(said, '\n') == 1);
    json_of(learning(place.out(), "--resume"));
    json_of(learning(place.dir / "undisturbed", "--force"));
    CHECK(read_text(place.out() / "quantized/model.safetensors") == read_text(place.dir / "undisturbed/quantized/model.safetensors"));
    CHECK_FALSE(fs::exists(work));
}

TEST_CASE("a job that Ctrl-C ends while it calibrates goes on behind its last whole layer, and ends with the bytes of one that was not disturbed") {
    const GatedPlace place;
    const auto calibrating = [&](const fs::path& out) {
        return Arguments{"compress", place.model(), "-o", out, "-q", "--text", place.ids(), "--split", "ids", "--fine-tune", "never", "--refine", "150", "--gates", "off", "--resume"};
    };
    const auto kept_layers = [&] {
        std::vector<fs::path> out;
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(place.dir / "out.work", ignored))
            if (entry.path().filename().string().starts_with("calibration-") && entry.path().extension() == ".safetensors") out.push_back(entry.path());
        return out;
    };
    std::FILE* const ignored = std::tmpfile();
    const pid_t child = start_program(calibrating(place.out()), ::fileno(ignored), ::fileno(ignored));
    for (int i = 0; i < 30000 && kept_layers().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ::kill(child, SIGINT);
    CHECK(end_of(child) < 0);
    std::fclose(ignored);
    REQUIRE(kept_layers().size() == 1);
    const auto written = fs::last_write_time(kept_layers()[0]);
    Arguments anew = calibrating(place.out());
    anew.pop_back();
    CHECK(says(refusal_of_program(anew), "an interrupted run; continue it with --resume, or begin anew with --force"));
    CHECK(fs::last_write_time(kept_layers()[0]) == written);
    const Json resumed = json_of(calibrating(place.out())), undisturbed = json_of(calibrating(place.dir / "undisturbed"));
    for (const char* const name : {"quantized/model.safetensors", "dequantized/model.safetensors"})
        CHECK(read_text(place.out() / name) == read_text(place.dir / "undisturbed" / name));
    const auto errors = [](const Json& record) {
        std::vector<double> out;
        for (const Json& matrix : record.at("fine_tuning").at("calibration").at("matrices").as_array()) out.push_back(matrix.at("output_error").as_double());
        return out;
    };
    CHECK(errors(resumed) == errors(undisturbed));
    CHECK_FALSE(fs::exists(place.dir / "out.work"));
}

TEST_CASE("what a search chose is taken again by --resume, with its figures") {
    const GatedPlace place;
    const auto searching = [&](const Arguments& more) {
        Arguments all{"compress", place.model(), "-o", place.out(), "--text", place.ids(), "--split", "ids", "--fine-tune", "always", "--steps", "300", "--batch-tokens", "512", "--gates", "off", "--search", "60"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    const auto kept_search = [&]() -> fs::path {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(place.dir / "out.work", ignored))
            if (entry.path().filename().string().starts_with("search-") && entry.path().extension() == ".json") return entry.path();
        return {};
    };
    std::FILE* const ignored = std::tmpfile();
    const pid_t child = start_program(searching({"-q"}), ::fileno(ignored), ::fileno(ignored));
    for (int i = 0; i < 30000 && kept_search().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ::kill(child, SIGINT);
    CHECK(end_of(child) < 0);
    std::fclose(ignored);
    REQUIRE_FALSE(kept_search().empty());
    const std::string kept = read_text(kept_search());
    Json other = bitnet::parse_json(kept, "kept");
    other.set("chosen", Json(other.at("chosen")).set("scale", "column"));
    write_text(kept_search(), to_text(other));
    CHECK(says(refusal_of_program(searching({"--resume"})), ": chosen: one of "));
    write_text(kept_search(), kept);
    CHECK(json_of(searching({"--resume"})).at("search") == bitnet::parse_json(kept, "kept"));
    CHECK_FALSE(fs::exists(place.dir / "out.work"));
}

TEST_CASE("options that would do nothing are refused, and what is in the way of a rejected model is found before the work") {
    const GatedPlace place;
    const auto refused = [&](const Arguments& more) {
        const auto result = run_program(place.compress(more));
        CHECK(result.status == 2);
        return result.err;
    };
    CHECK(says(refused({"--other-text", place.ids()}), "--other-text: nothing is measured"));
    CHECK(says(refused({"--keep-rejected"}), "--keep-rejected: nothing is rejected unless gates are enforced"));
    CHECK(says(refused({"--time-limit", "5"}), "--time-limit: nothing that takes long"));
    fs::create_directory(place.dir / "out.rejected");
    write_text(place.dir / "out.rejected/mine", "");
    CHECK(says(refusal_of_program(place.judged({"--keep-rejected"})), "out.rejected is not replaced: it is not empty"));
    CHECK(says(refusal_of_program(place.judged({"--registry", place.dir / "nowhere/models.json"})), "there is no directory"));
    CHECK_FALSE(fs::exists(place.out()));
}

TEST_CASE("a search that ends in a failed gate climbs the ladder too, and ends in status 3") {
    const Workplace place;
    const fs::path models = fs::path(BITNET_SOURCE_DIR) / "examples/models";
    std::string lines = read_text(models / "stories.jsonl");
    for (std::size_t line = 0, end = 0; line < 2; ++line) {
        end = lines.find('\n', end) + 1;
        if (line == 1) lines.resize(end);
    }
    write_text(place.dir / "few.jsonl", lines);
    const auto failed = run_program({"compress", models / "stories", "-o", place.out(), "-q", "--text", place.dir / "few.jsonl", "--split", "jsonl", "--eval-text", place.dir / "few.jsonl",
                                     "--search", "2", "--steps", "1", "--batch-tokens", "64", "--learning-rate", "1e-9", "--tables", "0", "--set", "max_accuracy_drop=0", "--set",
                                     "target_compression_ratio=1", "--set", "calibration_samples=2", "--set", "calibration_sequence_length=16", "--keep-rejected"});
    INFO(failed.err);
    REQUIRE(failed.status == 3);
    const Json record = bitnet::read_json_file(place.dir / "out.rejected/compression_metadata.json");
    CHECK(record.at("search").at("tried").as_array().size() > 1);
    CHECK(record.at("rungs").as_array().back().at("name").as_string() == "bits where they pay");
}
