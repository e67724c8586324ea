/// A page about a compression, of its record. Needs nothing but what reads the record.
#pragma once

#include <bitnet/report/report.hpp>
