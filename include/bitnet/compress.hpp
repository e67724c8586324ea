/// Everything for compressing tensors: Compressor<Policies...>, the policies, TernaryTensor, distortion.
/// Needs xtensor and xsimd. Files, models and programs are modules of their own.
#pragma once

#include <bitnet/compress/compressor.hpp>
#include <bitnet/compress/distortion.hpp>
#include <bitnet/compress/stats.hpp>
#include <bitnet/policy/layout/chosen.hpp>
#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/optimizer/sgd.hpp>
#include <bitnet/policy/preservation/by_pattern.hpp>
#include <bitnet/policy/preservation/by_role.hpp>
#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/asymmetric.hpp>
#include <bitnet/policy/quantizer/least_squares.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/quantizer/trit_planes.hpp>
#include <bitnet/compress/recipes.hpp>
#include <bitnet/policy/scale/per_channel.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>
#include <bitnet/policy/sparsity/fixed.hpp>
#include <bitnet/policy/sparsity/optimal.hpp>
#include <bitnet/policy/sparsity/size_adaptive.hpp>
#include <bitnet/policy/sparsity/target_fraction.hpp>
#include <bitnet/policy/ste/clipped.hpp>
#include <bitnet/policy/ste/identity.hpp>
#include <bitnet/policy/ste/learned_scale.hpp>
#include <bitnet/policy/ste/progressive.hpp>
