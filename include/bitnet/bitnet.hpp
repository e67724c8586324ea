/// Everything but live.hpp, which needs a library that nothing else does.
#pragma once

#include <bitnet/job.hpp>
#include <bitnet/metrics.hpp>
#include <bitnet/report.hpp>
