#include <bitnet/report/record_metrics.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <support/report_record.hpp>

using namespace bitnet::report;
using bitnet::Json;

namespace {

Json& member(Json& record, std::initializer_list<std::string_view> keys) {
    Json* at = &record;
    for (const std::string_view key : keys) at = at->find(key);
    REQUIRE(at != nullptr);
    return *at;
}

/// The full record, with what only runs that learned for a while have.
Json learned_record() {
    Json record = bitnet_test::full_record();
    record.set("layers_quantized", 2);
    member(record, {"config"}).set("max_accuracy_drop", 0.125);
    member(record, {"fine_tuning", "training"}).set("steps_completed", 400).set("epochs_completed", 1).set("epochs", 1.5).set("seconds", 900.0);
    return record;
}

/// Names in the order in which they come, and each with its steps.
struct Told {
    static constexpr std::string_view name = "told";
    std::vector<std::string> lines = {};
    void begin(const bitnet::MetricRun&) {}
    void point(const bitnet::MetricPoint& point) { lines.push_back(bitnet::message(point.name, "@", point.step)); }
    void text(const bitnet::MetricText& text) { lines.push_back(bitnet::message(text.name, "@", text.step, "=", text.text)); }
    void end(const bitnet::MetricEnd&) {}
};

}  // namespace

TEST_CASE("every metric is what its definition says of the record") {
    const bitnet::PhaseRecords phase = phase_records(learned_record());
    CHECK(phase.pre_compression == bitnet::PreCompressionRecord{.original_size_mb = 7609344.0 / 1048576, .pre_perplexity = 16.0, .pre_eval_loss = std::log(16.0)});
    CHECK(phase.compression == bitnet::CompressionRecord{.compressed_size_mb = 770960.0 / 1048576,
                                                         .ratio = 9.87,
                                                         .layers_compressed = 2,
                                                         .sparsity_ratio = 0.42,
                                                         .quantized_params = 1769472,
                                                         .total_params = 1902336,
                                                         .layers_quantized = 2});
    // 16 before, 20 rounded, 18 delivered: a quarter lost, half of it won back, an eighth left.
    CHECK(phase.post_compression == bitnet::PostCompressionRecord{.post_perplexity = 20.0,
                                                                  .perplexity_degradation = 0.25,
                                                                  .accuracy_preserved = true,
                                                                  .dequantization_accuracy = 0.9993,
                                                                  .gradient_flow_test_passed = true});
    CHECK(phase.fine_tuning ==
          bitnet::FineTuningRecord{.post_finetune_perplexity = 18.0, .perplexity_recovery = 0.5, .fine_tune_epochs = 1.5, .fine_tune_time_hours = 0.25});
    CHECK(phase.summary == bitnet::SummaryRecord{.compression_ratio = 9.87,
                                                 .original_size_mb = 7609344.0 / 1048576,
                                                 .compressed_size_mb = 770960.0 / 1048576,
                                                 .final_perplexity = 18.0,
                                                 .accuracy_preserved = true,
                                                 .success = true,
                                                 .quantization_method = "BitNet-1.58",
                                                 .sparsity_ratio = 0.42});
    CHECK(phase.steps == 400);
    CHECK(metrics_of(phase).size() == 27);
}

TEST_CASE("what a record does not tell is left out") {
    CHECK(phase_records(Json::object({})) == bitnet::PhaseRecords{});
    CHECK(phase_records(Json(3)) == bitnet::PhaseRecords{});
    CHECK(metrics_of(phase_records(bitnet_test::small_record())) ==
          Json::Object{{"compression/ratio", 9.87}, {"compression/layers_compressed", 1}, {"phase/compression_ratio", 9.87}});
    Json unwritten = learned_record();
    unwritten.set("compression_ratio", 0.0).set("quantized_bytes", 0);
    CHECK(!phase_records(unwritten).compression.ratio);
    CHECK(!phase_records(unwritten).summary.compressed_size_mb);
    Json kept = learned_record();
    kept.set("tensors", Json::array()).set("layers_quantized", 0).set("sparsity_ratio", 0.0);
    CHECK(phase_records(kept).compression.layers_compressed == 0);
    CHECK(!phase_records(kept).compression.sparsity_ratio);
    CHECK(!phase_records(kept).summary.quantization_method);
}

TEST_CASE("a model that did not learn has no record of learning, and its own perplexity is the last") {
    Json record = learned_record();
    member(record, {"fine_tuning"}).set("fine_tuned", false);
    const bitnet::PhaseRecords phase = phase_records(record);
    CHECK(phase.fine_tuning == bitnet::FineTuningRecord{});
    CHECK(phase.steps == 0);
    CHECK(phase.summary.final_perplexity == 20.0);
    CHECK(phase.summary.accuracy_preserved == false);  // a rise of a quarter, and an eighth is allowed
}

TEST_CASE("whole passes stand in for passes, and a gate for what it measured") {
    Json record = learned_record();
    Json training = member(record, {"fine_tuning", "training"});
    Json whole = Json::object({});
    for (const auto& [key, value] : training.as_object())
        if (key != "epochs") whole.set(key, value);
    member(record, {"fine_tuning"}).set("training", whole);
    CHECK(phase_records(record).fine_tuning.fine_tune_epochs == 1.0);
    record.set("agreement", nullptr);
    Json accuracy = bitnet_test::gate("dequantization_accuracy", "failed", "");
    accuracy.set("measured", 0.5);
    Json rise = bitnet_test::gate("perplexity_degradation", "passed", "");
    rise.set("required", 0.0625);
    record.set("gates", Json::array({accuracy, rise, bitnet_test::gate("gradient_flow", "not measured", "")}));
    CHECK(phase_records(record).post_compression.dequantization_accuracy == 0.5);
    CHECK(phase_records(record).post_compression.accuracy_preserved == false);  // the gate's limit is below the configuration's
    CHECK(!phase_records(record).post_compression.gradient_flow_test_passed);
}

TEST_CASE("success is the verdict, or that no gate failed and one passed") {
    Json record = learned_record();
    const auto success = [&] { return phase_records(record).summary.success; };
    member(record, {"verdict"}).set("passed", false);
    CHECK(success() == false);
    record.set("verdict", nullptr);
    CHECK(success() == true);
    record.set("gates", Json::array({bitnet_test::gate("a", "passed", ""), bitnet_test::gate("b", "failed", ""), bitnet_test::gate("c", "passed", "")}));
    CHECK(success() == false);
    record.set("gates", Json::array({bitnet_test::gate("a", "not measured", "")}));
    CHECK(!success());
    record.set("gates", Json::array());
    CHECK(!success());
}

TEST_CASE("matrices come by layers, whatever the order of the file, and with what calibration says of them") {
    Json record = learned_record();
    record.set("tensors", Json::array({bitnet_test::ternary_tensor("model.layers.10.mlp.up_proj.weight"), bitnet_test::ternary_tensor("model.layers.2.mlp.up_proj.weight"),
                                       bitnet_test::ternary_tensor("lm_head.weight"), bitnet_test::ternary_tensor("model.layers.0.mlp.up_proj.weight", 0.4, 0.6)}));
    member(record, {"fine_tuning"}).set("fine_tuned", false);
    const auto matrices = matrix_records(record);
    REQUIRE(matrices.size() == 4);
    CHECK(matrices[0] == bitnet::MatrixRecord{.matrix = "lm_head", .relative_error = 0.5, .sparsity = 0.42, .bits = 2.25, .seconds = 0.0005});
    CHECK(matrices[1] == bitnet::MatrixRecord{.matrix = "mlp.up_proj", .relative_error = 0.6, .sparsity = 0.4, .bits = 2.25, .seconds = 0.2505, .output_error = 0.05});
    CHECK(matrices[2].layer == 2);
    CHECK(matrices[3].layer == 10);
    CHECK(phase_records(record).compression.layers_compressed == 3);
    member(record, {"fine_tuning"}).set("fine_tuned", true);
    for (const auto& matrix : matrix_records(record)) CHECK(!matrix.relative_error);  // it would be against what was learned
}

TEST_CASE("two stacks of layers are told apart") {
    Json record = bitnet_test::small_record();
    record.set("tensors", Json::array({bitnet_test::ternary_tensor("encoder.layers.0.fc1.weight"), bitnet_test::ternary_tensor("decoder.layers.0.fc1.weight")}));
    std::set<std::string> names;
    for (const auto& matrix : matrix_records(record)) names.insert(matrix.group());
    CHECK(names == std::set<std::string>{"layer/encoder.layers.fc1/", "layer/decoder.layers.fc1/"});
    CHECK(phase_records(record).compression.layers_compressed == 2);
}

TEST_CASE("what is no step of training tells no loss") {
    const Json step = Json::object({{"step", 7}, {"learning_rate", 0.001}, {"tokens", 64}, {"loss", 1.5}, {"gradient_norm", 0.25}});
    CHECK(step_record(step) == bitnet::StepRecord{.step = 7, .loss = 1.5, .learning_rate = 0.001, .gradient_norm = 0.25, .tokens = 64});
    const Json start = Json::object({{"step", 0}, {"learning_rate", 0.0}, {"tokens", 0}, {"loss", 0.0}, {"gradient_norm", 0.0}, {"perplexity", 20.0}});
    CHECK(step_record(start) == bitnet::StepRecord{.perplexity = 20.0});
    CHECK(step_record(Json::object({{"step", -3}, {"tokens", "many"}})) == bitnet::StepRecord{});
}

TEST_CASE("a record of a run that is over is told in the order of the job") {
    Told told;
    log_record(told, learned_record(), 1.0);
    const auto place = [&](std::string_view line) { return std::ranges::find(told.lines, line) - told.lines.begin(); };
    for (const auto& pair : std::initializer_list<std::pair<const char*, const char*>>{
             {"compression/pre_perplexity@0", "compression/ratio@0"},
             {"compression/ratio@0", "layer/mlp.up_proj/bits@0"},
             {"layer/mlp.up_proj/bits@0", "layer/mlp.up_proj/bits@1"},
             {"layer/mlp.up_proj/bits@1", "compression/post_perplexity@0"},
             {"compression/post_perplexity@0", "train/perplexity@0"},
             {"train/perplexity@0", "train/loss@10"},
             {"train/loss@10", "compression/fine_tune_epochs@400"},
             {"compression/fine_tune_epochs@400", "phase/success@400"}}) {
        CAPTURE(pair.second);
        CHECK(place(pair.first) < place(pair.second));
        CHECK(place(pair.second) < std::ssize(told.lines));
    }
    CHECK(place("phase/quantization_method@400=BitNet-1.58") < std::ssize(told.lines));
    CHECK(place("train/loss@0") == std::ssize(told.lines));
    Told without;
    log_record(without, learned_record(), 1.0, false);
    CHECK(without.lines.size() == told.lines.size() - 7);  // a perplexity at the start; loss, perplexity and tokens of two steps
}
