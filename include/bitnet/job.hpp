/// The whole job on a model directory: calibrated or trained, compressed, measured on its files, judged, and checked before it is handed on.
/// Needs BLAS, PCRE2, utf8proc and what pipeline.hpp needs.
#pragma once

#include <bitnet/calibrated.hpp>
#include <bitnet/eval/other_text.hpp>
#include <bitnet/pipeline.hpp>
#include <bitnet/pipeline/comparison.hpp>
#include <bitnet/pipeline/compressed_model.hpp>
#include <bitnet/pipeline/hand_off.hpp>
#include <bitnet/pipeline/output_quality.hpp>
#include <bitnet/train.hpp>
