/// What a model's linear layers are given, in a few numbers each.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <bitnet/calibrate/calibration_set.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/model/layer_parts.hpp>
#include <bitnet/train/network.hpp>

namespace bitnet::inline BITNET_ABI {

/// Of all numbers that a layer was given. Sums are in double, in the order of the tokens.
struct ActivationStatistics {
    std::uint64_t count = 0;
    double sum = 0, squares = 0;
    float min = std::numeric_limits<float>::infinity();
    float max = -std::numeric_limits<float>::infinity();

    /// 0 where there is no number; so are the next two.
    double mean() const { return count == 0 ? 0 : sum / static_cast<double>(count); }
    /// Standard deviation, sqrt(mean(x²) - mean(x)²).
    double deviation() const { return count == 0 ? 0 : std::sqrt(std::max(0.0, squares / static_cast<double>(count) - mean() * mean())); }
    /// max|x|: what rounding to 8 bits would spread its levels over.
    float largest() const { return count == 0 ? 0 : std::max(-min, max); }

    void add(std::span<const float> values) {
        for (const float x : values) {
            const double wide = static_cast<double>(x);
            sum += wide;
            squares += wide * wide;
            min = std::min(min, x);
            max = std::max(max, x);
        }
        count += values.size();
    }
    ActivationStatistics& operator+=(const ActivationStatistics& other) {
        count += other.count;
        sum += other.sum;
        squares += other.squares;
        min = std::min(min, other.min);
        max = std::max(max, other.max);
        return *this;
    }
    bool operator==(const ActivationStatistics&) const = default;
};

/// The same of a matrix, row after row, for any number of threads.  x: (T, C)
inline ActivationStatistics activation_statistics(MatrixView<const float> x, unsigned threads) {
    std::vector<ActivationStatistics> rows(x.rows);
    parallel_for(x.rows, 16, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t t = begin; t < end; ++t) rows[t].add(x.row(t));
    });
    ActivationStatistics out;
    for (const ActivationStatistics& row : rows) out += row;
    return out;
}

/// What each matrix of the network's layers is given while it reads the texts, by the matrix's name. Matrices that read the same input
/// have the same numbers. For second moments, which calibration uses, see InputMoments.
///
/// Errors  errc::bad_value: a token id beyond the vocabulary, a text longer than the model's positions; errc::not_finite naming the
///         first matrix whose input is
inline std::map<std::string, ActivationStatistics, std::less<>> collect_statistics(Network<float>& network, const CalibrationSet& texts,
                                                                                  unsigned threads = 0) {
    std::map<std::string, ActivationStatistics, std::less<>> out;
    const std::vector<Batch> batches = texts.batches();
    std::size_t most = 0;
    for (const Batch& batch : batches) most = std::max(most, batch.ids.size());
    const Tape<float> tape(network.config(), most, Keep::nothing);
    for (const Batch& batch : batches) {
        network.begin(batch, tape);
        for (std::size_t layer = 0; layer < network.config().layers; ++layer) {
            for (const Stage stage : stages) {
                MatrixView<const float> stream;
                const ActivationStatistics seen = activation_statistics(network.stage_input(layer, stage, batch, tape, stream, threads), threads);
                for (const std::size_t i : network.stage_parameters(layer, stage)) {
                    const std::string& name = network.parameters()[i].spec.name;
                    if (!is_finite(seen.squares)) throw error(errc::not_finite, message(name, ": its input is not finite on the calibration text"));
                    out[name] += seen;
                }
            }
            network.run_layer(layer, batch, tape, threads);
        }
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
