/// Training through ternary weights: networks with backward passes, optimizers, a trainer and whole runs. Needs BLAS,
/// simdjson and what compress.hpp needs.
#pragma once

#include <bitnet/compress.hpp>
#include <bitnet/infer/self_text.hpp>
#include <bitnet/policy/optimizer/grokfast.hpp>
#include <bitnet/train/bit_linear.hpp>
#include <bitnet/train/initial.hpp>
#include <bitnet/train/learning_rate.hpp>
#include <bitnet/train/model_stats.hpp>
#include <bitnet/train/optimizer/any.hpp>
#include <bitnet/train/replace_linears.hpp>
#include <bitnet/train/run.hpp>
#include <bitnet/train/save.hpp>
