/// Ops<Arch> for whatever instruction sets this file is compiled for.
#pragma once

#include <bitnet/kernel/arch/avx2.hpp>
#include <bitnet/kernel/arch/avx512.hpp>
#include <bitnet/kernel/arch/generic.hpp>
