#include <bitnet/metrics/phase_records.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace bitnet;

namespace {

using Names = std::vector<std::string_view>;

PhaseRecords everything_measured() {
    return {.pre_compression = {.original_size_mb = 100.0, .pre_perplexity = 12.0, .pre_eval_loss = 2.5},
            .compression = {.compressed_size_mb = 12.5, .ratio = 8.0, .layers_compressed = 6, .sparsity_ratio = 0.375, .quantized_params = 9, .total_params = 10,
                            .layers_quantized = 42},
            .post_compression = {.post_perplexity = 15.0, .perplexity_degradation = 0.25, .accuracy_preserved = true, .dequantization_accuracy = 0.999,
                                 .gradient_flow_test_passed = false},
            .fine_tuning = {.post_finetune_perplexity = 12.75, .perplexity_recovery = 0.75, .fine_tune_epochs = 1.5, .fine_tune_time_hours = 0.25},
            .summary = {.compression_ratio = 8.0, .original_size_mb = 100.0, .compressed_size_mb = 12.5, .final_perplexity = 12.75, .accuracy_preserved = true,
                        .success = false, .quantization_method = "BitNet-1.58", .sparsity_ratio = 0.375},
            .steps = 400};
}

}  // namespace

TEST_CASE("the 19 metrics have the names of the phase that this library replaces, record by record") {
    const Names pre{"compression/original_size_mb", "compression/pre_perplexity", "compression/pre_eval_loss"};
    const Names process{"compression/compressed_size_mb", "compression/ratio",        "compression/layers_compressed", "compression/sparsity_ratio",
                        "compression/quantized_params",   "compression/total_params", "compression/layers_quantized"};
    const Names post{"compression/post_perplexity", "compression/perplexity_degradation", "compression/accuracy_preserved",
                     "compression/dequantization_accuracy", "compression/gradient_flow_test_passed"};
    const Names tuning{"compression/post_finetune_perplexity", "compression/perplexity_recovery", "compression/fine_tune_epochs",
                       "compression/fine_tune_time_hours"};
    CHECK(metric_names<PreCompressionRecord>() == pre);
    CHECK(metric_names<CompressionRecord>() == process);
    CHECK(metric_names<PostCompressionRecord>() == post);
    CHECK(metric_names<FineTuningRecord>() == tuning);
    std::set<std::string_view> all;
    for (const Names& names : {pre, process, post, tuning}) all.insert(names.begin(), names.end());
    CHECK(all.size() == 19);
}

TEST_CASE("so have the 8 values of the summary") {
    CHECK(metric_names<SummaryRecord>() == Names{"phase/compression_ratio", "phase/original_size_mb", "phase/compressed_size_mb", "phase/final_perplexity",
                                                 "phase/accuracy_preserved", "phase/success", "phase/quantization_method", "phase/sparsity_ratio"});
}

TEST_CASE("every name tells its own member") {
    CHECK(metrics_of(everything_measured()) ==
          Json::Object{{"compression/original_size_mb", 100.0},
                       {"compression/pre_perplexity", 12.0},
                       {"compression/pre_eval_loss", 2.5},
                       {"compression/compressed_size_mb", 12.5},
                       {"compression/ratio", 8.0},
                       {"compression/layers_compressed", 6},
                       {"compression/sparsity_ratio", 0.375},
                       {"compression/quantized_params", 9},
                       {"compression/total_params", 10},
                       {"compression/layers_quantized", 42},
                       {"compression/post_perplexity", 15.0},
                       {"compression/perplexity_degradation", 0.25},
                       {"compression/accuracy_preserved", true},
                       {"compression/dequantization_accuracy", 0.999},
                       {"compression/gradient_flow_test_passed", false},
                       {"compression/post_finetune_perplexity", 12.75},
                       {"compression/perplexity_recovery", 0.75},
                       {"compression/fine_tune_epochs", 1.5},
                       {"compression/fine_tune_time_hours", 0.25},
                       {"phase/compression_ratio", 8.0},
                       {"phase/original_size_mb", 100.0},
                       {"phase/compressed_size_mb", 12.5},
                       {"phase/final_perplexity", 12.75},
                       {"phase/accuracy_preserved", true},
                       {"phase/success", false},
                       {"phase/quantization_method", "BitNet-1.58"},
                       {"phase/sparsity_ratio", 0.375}});
    CHECK(metrics_of(PhaseRecords{}).empty());
}

TEST_CASE("degradation is the rise over what was there before") {
    static_assert(perplexity_degradation(12.0, 15.0) == 0.25);
    CHECK(perplexity_degradation(12.0, 9.0) == -0.25);
    CHECK(!perplexity_degradation(std::nullopt, 15.0));
    CHECK(!perplexity_degradation(12.0, std::nullopt));
    CHECK(!perplexity_degradation(0.0, 15.0));
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(!perplexity_degradation(infinity, 15.0));
    CHECK(perplexity_degradation(12.0, infinity) == infinity);  // measured, and as bad as can be
}

TEST_CASE("recovery is the share of the loss that was won back, where something was lost") {
    static_assert(perplexity_recovery(12.0, 16.0, 13.0) == 0.75);
    CHECK(perplexity_recovery(12.0, 16.0, 16.0) == 0.0);
    CHECK(perplexity_recovery(12.0, 16.0, 11.0) == 1.25);
    CHECK(!perplexity_recovery(12.0, 12.0, 11.0));
    CHECK(!perplexity_recovery(12.0, 11.5, 11.0));
    CHECK(!perplexity_recovery(12.0, 16.0, std::nullopt));
    CHECK(!perplexity_recovery(12.0, std::numeric_limits<double>::infinity(), 13.0));
}

TEST_CASE("accuracy is preserved up to the limit, and never by what is not finite") {
    CHECK(accuracy_preserved(0.1, 0.1) == true);
    CHECK(accuracy_preserved(0.1000001, 0.1) == false);
    CHECK(accuracy_preserved(-0.2, 0.0) == true);
    CHECK(accuracy_preserved(std::numeric_limits<double>::quiet_NaN(), 0.1) == false);
    CHECK(accuracy_preserved(-std::numeric_limits<double>::infinity(), 0.1) == false);
    CHECK(!accuracy_preserved(std::nullopt, 0.1));
    CHECK(!accuracy_preserved(0.1, std::nullopt));
}
