/// Everything.
#pragma once

#include <bitnet/compress.hpp>
#include <bitnet/pipeline.hpp>
#include <bitnet/train.hpp>
