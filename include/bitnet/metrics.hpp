/// Metrics of a run: the records, what a compression is summed up in, and sinks for lines of JSON, TensorBoard and W&B. Needs simdjson.
#pragma once

#include <bitnet/metrics/jsonl_sink.hpp>
#include <bitnet/metrics/metric_sink.hpp>
#include <bitnet/metrics/named_metrics.hpp>
#include <bitnet/metrics/phase_records.hpp>
#include <bitnet/metrics/series.hpp>
#include <bitnet/metrics/tensorboard_sink.hpp>
#include <bitnet/metrics/wandb_sink.hpp>
