/// Whole models: a HuggingFace directory in, a packed and an FP16 model out.
/// Needs simdjson besides what compress.hpp needs.
#pragma once

#include <bitnet/compress.hpp>
#include <bitnet/compress/search.hpp>
#include <bitnet/gate/compression_quality.hpp>
#include <bitnet/gate/quality_gates.hpp>
#include <bitnet/model/packed_model.hpp>
#include <bitnet/model/random_model.hpp>
#include <bitnet/pipeline/compress_model.hpp>
#include <bitnet/pipeline/config.hpp>
#include <bitnet/pipeline/dequantize_model.hpp>
#include <bitnet/pipeline/file_list.hpp>
#include <bitnet/pipeline/hand_in.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/pipeline/preflight.hpp>
#include <bitnet/pipeline/record_checks.hpp>
#include <bitnet/pipeline/registry.hpp>
#include <bitnet/pipeline/rollback.hpp>
#include <bitnet/pipeline/run_pipeline.hpp>
