/// Compression that is fitted to what a model's layers are given: quantizers that ask for second moments, and a network made
/// ternary layer by layer. Needs BLAS with LAPACK, and what train.hpp needs.
#pragma once

#include <bitnet/calibrate/activation_statistics.hpp>
#include <bitnet/calibrate/allocation.hpp>
#include <bitnet/calibrate/calibrate.hpp>
#include <bitnet/calibrate/calibrated_start.hpp>
#include <bitnet/calibrate/dataset.hpp>
#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/calibrate/quantizer/weighted_least_squares.hpp>
#include <bitnet/calibrate/sensitivity.hpp>
#include <bitnet/calibrate/token_cache.hpp>
#include <bitnet/train.hpp>
