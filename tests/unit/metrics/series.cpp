#include <bitnet/metrics/series.hpp>

#include <doctest/doctest.h>

using bitnet::Json;
using bitnet::MatrixRecord;
using bitnet::StepRecord;

TEST_CASE("a matrix is named by what it is in each layer") {
    const MatrixRecord matrix{.matrix = "mlp.up_proj", .layer = 3, .relative_error = 0.5, .sparsity = 0.375, .bits = 2.0625, .seconds = 0.25, .output_error = 0.0625};
    CHECK(metrics_of(matrix) == Json::Object{{"layer/mlp.up_proj/relative_error", 0.5},
                                             {"layer/mlp.up_proj/sparsity", 0.375},
                                             {"layer/mlp.up_proj/bits", 2.0625},
                                             {"layer/mlp.up_proj/seconds", 0.25},
                                             {"layer/mlp.up_proj/output_error", 0.0625}});
    CHECK(metrics_of(MatrixRecord{.matrix = "mlp.up_proj", .bits = 2.0}) == Json::Object{{"layer/mlp.up_proj/bits", 2.0}});
    CHECK(metrics_of(MatrixRecord{.matrix = "mlp.up_proj"}).empty());
}

TEST_CASE("a step of training tells what it measured") {
    const StepRecord step{.step = 7, .loss = 1.5, .learning_rate = 0.001, .gradient_norm = 0.25, .perplexity = 12.0, .tokens = 4096};
    CHECK(metrics_of(step) == Json::Object{{"train/loss", 1.5},
                                           {"train/learning_rate", 0.001},
                                           {"train/gradient_norm", 0.25},
                                           {"train/perplexity", 12.0},
                                           {"train/tokens", 4096}});
    CHECK(metrics_of(StepRecord{.step = 7, .perplexity = 12.0}) == Json::Object{{"train/perplexity", 12.0}});
}
