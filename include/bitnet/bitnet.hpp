/// Everything but live.hpp, which needs a library that nothing else does.
#pragma once

#include <bitnet/calibrated.hpp>
#include <bitnet/compress.hpp>
#include <bitnet/metrics.hpp>
#include <bitnet/pipeline.hpp>
#include <bitnet/pipeline/hand_off.hpp>
#include <bitnet/pipeline/compressed_model.hpp>
#include <bitnet/report.hpp>
#include <bitnet/train.hpp>
