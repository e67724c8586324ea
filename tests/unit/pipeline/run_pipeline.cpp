#include <bitnet/pipeline/run_pipeline.hpp>

#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

using namespace bitnet;
using bitnet_test::TempDir;

namespace {

/// Requests are numbers; what becomes of them was written down beforehand.
struct Rehearsal {
    using Request = std::size_t;
    std::vector<GateFigures> figures;
    std::vector<Rung<std::size_t>> rungs{};
    std::vector<std::string> names{};
    std::size_t judged = 0;

    Json make(const Request& request, const std::filesystem::path& directory) {
        write_file(directory / "made", std::to_string(request));
        if (request == 1) write_file(directory / "only of 1", "");
        return Json::object({{"request", request}, {"total_params", 8}, {"quantized_bytes", 2}});
    }
    GateFigures judge(const std::filesystem::path& directory, Json& record) {
        CHECK(std::filesystem::exists(directory / "made"));
        ++judged;
        const std::size_t request = record.at("request").as_unsigned();
        record.set("quality", Json::object({{"post_perplexity", 10 + static_cast<double>(request)}}));
        return figures.at(request);
    }
    std::vector<Rung<std::size_t>> ladder() const { return rungs; }
    void told(std::string_view name) { names.emplace_back(name); }
};
static_assert(CompressionJob<Rehearsal>);

Rung<std::size_t> rung_to(std::size_t request) {
    return {message("rung ", request), [request](const std::size_t&, const Outcome&) { return std::optional(request); }};
}
std::set<std::string> files_in(const std::filesystem::path& directory) {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) out.insert(entry.path().filename());
    return out;
}
GateFigures rise(double degradation) { return {.degradation = degradation, .dequantization_accuracy = 1, .compression_ratio = 9, .quantized_share = 0.9}; }

}  // namespace

TEST_CASE("what passes at once is the result, and no rung is tried") {
    const TempDir dir;
    Rehearsal job{{rise(0.05), rise(0.01)}, {rung_to(1)}};
    const PipelineResult result = run_pipeline(job, 0, {}, dir.path());
    CHECK(result.success());
    CHECK(result.failures().empty());
    CHECK(result.record.at("verdict").at("passed").as_bool());
    CHECK(result.record.at("rungs").as_array().size() == 1);
    CHECK(result.record.at("rungs").as_array()[0].at("bits_per_weight").as_double() == 2);
    CHECK(bitnet_test::read_text(dir / "made") == "0");
    CHECK(job.names == std::vector<std::string>{"as asked"});
}

TEST_CASE("rungs are climbed until one passes, and one that says nothing is passed over") {
    const TempDir dir;
    Rehearsal job{{rise(0.5), rise(0.3), rise(0.08), rise(0.01)}, {rung_to(1), {"nothing", [](const std::size_t&, const Outcome&) { return std::optional<std::size_t>(); }}, rung_to(2), rung_to(3)}};
    std::vector<std::size_t> seen;
    job.rungs[2].next = [&](const std::size_t& best, const Outcome& outcome) {
        seen.push_back(best);
        CHECK(outcome.figures.degradation == 0.3);
        CHECK(outcome.record.at("request").as_unsigned() == 1);
        return std::optional<std::size_t>(2);
    };
    const PipelineResult result = run_pipeline(job, 0, {}, dir.path());
    CHECK(seen == std::vector<std::size_t>{1});
    CHECK(result.success());
    CHECK(job.names == std::vector<std::string>{"as asked", "rung 1", "rung 2"});
    CHECK(bitnet_test::read_text(dir / "made") == "2");
    const Json::Array& rungs = result.record.at("rungs").as_array();
    CHECK(rungs[2].at("kept").as_bool());
    CHECK(rungs[2].at("perplexity").as_double() == 12);
    CHECK(rungs[0].find("kept") == nullptr);
}

TEST_CASE("the best attempt is kept, not the last, and nothing of the others stays") {
    const TempDir dir;
    Rehearsal job{{rise(0.5), rise(0.2), rise(0.4)}, {rung_to(1), rung_to(2)}};
    const PipelineResult result = run_pipeline(job, 0, {}, dir.path());
    CHECK_FALSE(result.success());
    CHECK(result.failures() == std::vector<std::string>{"perplexity_degradation: the rise of perplexity is 20.00 %, at most 10.00 % is asked for"});
    CHECK(result.record.at("verdict").at("sentence").as_string() == "the rise of perplexity is 20.00 %, at most 10.00 % is asked for");
    CHECK(result.record.at("request").as_unsigned() == 1);
    CHECK(files_in(dir.path()) == std::set<std::string>{"made", "only of 1"});

    const TempDir other;
    Rehearsal turned{{rise(0.5), rise(0.4), rise(0.2)}, {rung_to(1), rung_to(2)}};
    run_pipeline(turned, 0, {}, other.path());
    CHECK(files_in(other.path()) == std::set<std::string>{"made"});
}

TEST_CASE("what a job throws leaves nothing of the attempt, and the directory can be used again") {
    const TempDir dir;
    Rehearsal job{{}};  // no figures: judge() throws
    CHECK_THROWS_AS(run_pipeline(job, 0, {}, dir.path()), std::out_of_range);
    CHECK(files_in(dir.path()).empty());
    job.figures = {rise(0.05)};
    CHECK(run_pipeline(job, 0, {}, dir.path()).success());
    std::filesystem::create_directory(dir / "attempt");
    CHECK_THROWS_WITH_AS(run_pipeline(job, 0, {}, dir.path()), doctest::Contains("attempt: cannot create: it is there"), bitnet::error);
}

TEST_CASE("gates that only warn climb nothing, gates that are off measure nothing, and a limit of time ends the climb") {
    const auto tried = [&](const PipelineOptions& options, std::size_t attempts, std::size_t judged) {
        const TempDir place;
        Rehearsal job{{rise(0.5), rise(0.05)}, {rung_to(1)}};
        const PipelineResult result = run_pipeline(job, 0, options, place.path());
        CHECK(job.names.size() == attempts);
        CHECK(job.judged == judged);
        return result;
    };
    CHECK_FALSE(tried({.gates = GateMode::warn}, 1, 1).success());
    const PipelineResult off = tried({.gates = GateMode::off}, 1, 0);
    CHECK(off.success());
    CHECK(off.record.find("gates") == nullptr);
    const PipelineResult late = tried({.time_limit = 1e-9}, 1, 1);
    CHECK_FALSE(late.success());
    CHECK(late.record.at("out_of_time").as_bool());
    CHECK(tried({.time_limit = 1e9}, 2, 2).record.find("out_of_time") == nullptr);
}
