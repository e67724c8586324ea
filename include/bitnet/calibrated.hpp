/// Compression that is fitted to what a model's layers are given: quantizers that ask for second moments, and a network made
/// ternary layer by layer. Needs BLAS with LAPACK, and what train.hpp needs.
#pragma once

#include <bitnet/calibrate/calibrate.hpp>
#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/train.hpp>
