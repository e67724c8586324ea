#include "program.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <map>

#include <sys/resource.h>

#include <bitnet/pipeline/metadata.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::Arguments;
using bitnet_test::json_of;
using bitnet_test::names_in;
using bitnet_test::read_text;
using bitnet_test::says;

namespace {

/// Every file below by name, with what is in it.
std::map<std::string, std::string> files_below(const fs::path& directory) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.is_regular_file()) out[entry.path().lexically_relative(directory)] = read_text(entry.path());
    return out;
}

/// Both models of an output: its files that do not tell the time.
std::map<std::string, std::string> models_of(const fs::path& out) {
    auto files = files_below(out);
    for (const std::string_view told : {bitnet::metadata_file_name, bitnet::report_file_name, std::string_view("metrics.jsonl")}) files.erase(std::string(told));
    return files;
}

struct CrampedRun {
    int status = -1;
    std::vector<std::string> lines{};  ///< that the program says on standard error, without its name
};

/// Where no file may be longer than that. It refuses a write as a full disk does, to any user and at a place that can be chosen.
CrampedRun run_cramped(std::uintmax_t most, const Arguments& arguments) {
    std::array<int, 2> err{};
    REQUIRE(::pipe2(err.data(), O_CLOEXEC) == 0);  // what it says would be cut short in a file
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    REQUIRE(nowhere >= 0);
    const pid_t child = bitnet_test::start_program(arguments, nowhere, err[1], [most] {
        const rlimit limit{static_cast<rlim_t>(most), static_cast<rlim_t>(most)};
        ::signal(SIGXFSZ, SIG_IGN);  // or the kernel ends the process before it can clean up
        return ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
    });
    ::close(nowhere);
    ::close(err[1]);
    std::FILE* const told = ::fdopen(err[0], "r");
    REQUIRE(told != nullptr);
    const std::string text = bitnet_test::whole(told);
    CrampedRun out{.status = bitnet_test::end_of(child)};
    const std::string name = "bitnet: ";  // a program that counts its lines for coverage may go on about what it cannot write either
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
        end = std::min(text.find('\n', begin), text.size());
        if (text.compare(begin, name.size(), name) == 0) out.lines.push_back(text.substr(begin + name.size(), end - begin - name.size()));
    }
    return out;
}

/// A model with a file beside its weights that goes along, a text of token ids, and what jobs without and with learning make of them.
struct CrampedPlace : bitnet_test::Workplace {
    explicit CrampedPlace(Arguments more) : options{"--text", dir / "ids.txt", "--split", "ids", "--batch-tokens", "64", "--threads", "1"} {
        bitnet_test::write_text(dir / "ids.txt", bitnet_test::id_documents(40, 16));
        bitnet_test::write_text(model() / "generation_config.json", "{\"note\": \"" + std::string(2000, 'x') + "\"}\n");
        options.insert(options.end(), more.begin(), more.end());
        original = files_below(model());
        json_of(compress(options));
        undisturbed = models_of(out());
        for (const auto& entry : fs::recursive_directory_iterator(out()))
            if (entry.is_regular_file()) sizes[entry.path().lexically_relative(out())] = entry.file_size();
        fs::remove_all(out());
    }
    /// Between the size of the one file and that of the other, which is larger: times make some a little longer or shorter.
    std::uintmax_t between(const std::string& fits, const std::string& does_not) const {
        REQUIRE(sizes.at(fits) + 200 < sizes.at(does_not));
        return (sizes.at(fits) + sizes.at(does_not)) / 2;
    }
    fs::path checkpoint() const { return dir / "out.work/checkpoint.safetensors"; }

    /// The job ends in one line that names the file, and leaves the original, what there is to go on from, and nothing else;
    /// the next one, with space enough, makes what one makes that was never disturbed. -> whether there was something to go on from
    bool ends_at(std::uintmax_t most, const std::string& file, bool learns) const {
        CAPTURE(file);
        CAPTURE(most);
        std::set<std::string> names = names_in(dir.path());
        const CrampedRun failed = run_cramped(most, compress(options));
        CHECK(failed.status == 1);
        const bool kept = fs::exists(dir / "out.work"), warned = learns && !fs::exists(checkpoint());
        REQUIRE(failed.lines.size() == (warned ? 2 : 1));
        if (warned) CHECK(failed.lines.front().starts_with("warning: checkpoint not written: " + checkpoint().string()));
        INFO(failed.lines.back());
        CHECK(failed.lines.back().starts_with((dir / file).string() + ": cannot "));
        CHECK(failed.lines.back().ends_with(": File too large"));
        CHECK(files_below(model()) == original);
        Arguments next = compress(options);
        if (kept) {
            for (const auto& entry : fs::directory_iterator(dir / "out.work")) CHECK(entry.file_size() <= most);
            CHECK_FALSE(fs::exists(dir / "out.work/trained"));
            CHECK(says(bitnet_test::refusal_of_program(next), "an interrupted run; continue it with --resume"));
            next.emplace_back("--resume");
            names.insert("out.work");
        }
        CHECK(names_in(dir.path()) == names);
        names.erase("out.work");
        json_of(next);
        CHECK(models_of(out()) == undisturbed);
        fs::remove_all(out());
        CHECK(names_in(dir.path()) == names);
        return kept;
    }

    Arguments options;
    std::map<std::string, std::string> original{}, undisturbed{};
    std::map<std::string, std::uintmax_t> sizes{};  ///< of an output's files
};

}  // namespace

TEST_CASE("a job that a full disk stops, whichever file it is at, says so in a line, leaves nothing that is half-written, and succeeds when there is space") {
    const CrampedPlace place({"--fine-tune", "never", "--gates", "off"});
    const std::string config = "quantized/config.json", companion = "quantized/generation_config.json", packed = "quantized/model.safetensors",
                      dense = "dequantized/model.safetensors", record(bitnet::metadata_file_name), report(bitnet::report_file_name);
    CHECK_FALSE(place.ends_at(0, "out.partial.lock", false));
    CHECK_FALSE(place.ends_at(10, "out.work/bitnet_work", false));
    CHECK_FALSE(place.ends_at(200, "out.partial/attempt/" + config, false));
    place.ends_at(place.between(config, companion), "out.partial/attempt/" + companion, false);
    place.ends_at(place.between(companion, packed), "out.partial/attempt/" + packed, false);
    place.ends_at(place.between(packed, dense), "out.partial/attempt/" + dense, false);
    place.ends_at(place.between(dense, record), "out.partial/" + record, false);
    place.ends_at(place.between(record, report), "out.partial/" + report, false);
}

TEST_CASE("so does one that learns, and goes on from its last checkpoint where that was written") {
    // Small histograms and curves against a checkpoint without moments: the page is the longest file.
    const CrampedPlace place({"--fine-tune", "always", "--steps", "6", "--checkpoint-every", "2", "--evaluate-every", "3", "--optimizer", "sgd", "--gates", "warn"});
    const std::string dense = "dequantized/model.safetensors", record(bitnet::metadata_file_name), report(bitnet::report_file_name);
    CHECK_FALSE(place.ends_at(0, "out.partial.lock", false));
    CHECK_FALSE(place.ends_at(10, "out.work/bitnet_work", false));
    place.ends_at(place.sizes.at(dense) * 3 / 2, "out.work/trained/model.safetensors", true);  // twice as wide
    place.ends_at(place.between(dense, record), "out.partial/" + record, true);
    CHECK(place.ends_at(place.sizes.at(report) - 2000, "out.partial/" + report, true));
}

TEST_CASE("a job that learns ends well without what it can do without: checkpoints and metrics, and says so") {
    const CrampedPlace place({"--fine-tune", "always", "--steps", "60", "--checkpoint-every", "20", "--gates", "off"});
    const auto most = place.between(std::string(bitnet::report_file_name), "metrics.jsonl");
    std::string old;
    while (old.size() + 20 < most) old += "{}\n";
    const fs::path logs = place.dir / "logs", lines = logs / "metrics.jsonl";
    fs::create_directory(logs);
    bitnet_test::write_text(lines, old);
    Arguments job = place.compress(place.options);
    job.insert(job.end(), {"--metrics", logs, "--force"});
    const CrampedRun done = run_cramped(most, job);
    CHECK(done.status == 0);
    REQUIRE(done.lines.size() == 2);
    CHECK(done.lines[0] == "warning: no more metrics for jsonl: " + lines.string() + ": cannot write: File too large");
    CHECK(done.lines[1].starts_with("warning: checkpoint not written: " + place.checkpoint().string()));
    CHECK(done.lines[1].ends_with(": File too large; training goes on"));
    CHECK(models_of(place.out()) == place.undisturbed);
    CHECK(names_in(place.dir.path()) == std::set<std::string>{"ids.txt", "logs", "model", "out"});
    CHECK(bitnet_test::run_program({"validate", place.out()}).status == 0);

    const Json record = bitnet::read_json_file(place.out() / bitnet::metadata_file_name);
    const auto notes = record.at("notes").as_array();
    for (const fs::path& file : {lines, place.dir / "out.partial/metrics.jsonl"})
        CHECK(std::ranges::count_if(notes, [&](const Json& note) { return note.as_string() == "metrics: jsonl: " + file.string() + ": cannot write: File too large"; }) == 1);
    const auto history = record.at("fine_tuning").at("training").at("history").as_array();
    CHECK(std::ranges::count_if(history, [](const Json& line) { return line.find("event") != nullptr && line.at("event").as_string().starts_with("checkpoint not written: "); }) > 1);

    json_of(job);  // with space, behind the line that was cut short
    const std::string all = read_text(lines);
    CHECK(all.starts_with(old));
    CHECK(says(all.substr(old.size(), 40), "\n{\"record\":\"run\""));
    CHECK(all.ends_with("}\n"));
}
