/// metric_sinks RECORDS.json DIRECTORY: the records through every sink, for test_metric_sinks.py.
///
/// RECORDS.json has "run", "end" and "records", an array of points and texts, with the members of MetricRun and so on.
/// A value that is no number is "nan", "inf" or "-inf". Writes DIRECTORY/metrics.jsonl, DIRECTORY/logs/run and
/// DIRECTORY/wandb, and prints why a sink was left out.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <bitnet/io/json.hpp>
#include <bitnet/metrics.hpp>

using namespace bitnet;

namespace {

double number(const Json& value) { return value.is_string() ? std::stod(value.as_string()) : value.as_double(); }

void tell(Sinks& sinks, const Json& json) {
    const Json& run = json.at("run");
    sinks.begin({.id = run.at("id").as_string(),
                 .project = run.at("project").as_string(),
                 .start_time = run.at("start_time").as_double(),
                 .config = run.at("config")});
    for (const Json& record : json.at("records").as_array()) {
        const std::string name = record.at("name").as_string();
        const std::int64_t step = record.at("step").as_integer();
        const double time = record.at("wall_time").as_double();
        if (const Json* text = record.find("text"))
            sinks.text({.name = name, .step = step, .text = text->as_string(), .wall_time = time});
        else
            sinks.point({.name = name, .step = step, .value = number(record.at("value")), .wall_time = time});
    }
    const Json& end = json.at("end");
    sinks.end({.exit_code = static_cast<int>(end.at("exit_code").as_integer()),
               .wall_time = end.at("wall_time").as_double(),
               .summary = end.at("summary").as_object()});
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    try {
        const std::filesystem::path directory = argv[2];
        Sinks sinks;
        sinks.add(JsonlSink(directory / "metrics.jsonl"));
        sinks.add(TensorBoardSink(directory / "logs" / "run"));
        sinks.add(WandbSink(directory / "wandb"));
        tell(sinks, read_json_file(argv[1]));
        for (const auto& [sink, what] : sinks.failures()) std::fprintf(stderr, "%s: %s\n", sink.c_str(), what.c_str());
        return sinks.failures().empty() ? 0 : 1;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "metric_sinks: %s\n", problem.what());
        return 1;
    }
}
