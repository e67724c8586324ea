// Time and how it is told, for benches; how fast this machine reads memory is measured beside what is compared with it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <vector>

#include <bitnet/eval/machine_speed.hpp>

namespace bench {

using bitnet::fastest_read;
using bitnet::Read;
using bitnet::read_all;

/// Whether seconds() counts the time of this process on its processors instead of the time on the wall: for machines
/// that others use too. Two threads then take two seconds a second.
inline bool count_cpu_time = false;

template <class Work>
double seconds(Work&& work) {
    if (!count_cpu_time) return bitnet::seconds_of(work);
    const std::clock_t begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// The value below which `share` of the samples lie.
inline double quantile(std::vector<double> samples, double share) {
    std::sort(samples.begin(), samples.end());
    return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
}

}  // namespace bench
