/// A page about a compression, of its record, and its metrics for sinks. Needs nothing but what reads the record.
#pragma once

#include <bitnet/report/record_metrics.hpp>
#include <bitnet/report/report.hpp>
