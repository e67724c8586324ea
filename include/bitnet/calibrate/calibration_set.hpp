/// The texts that a model is calibrated with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/text/tokenizer.hpp>
#include <bitnet/train/tape.hpp>

namespace bitnet::inline BITNET_ABI {

/// How texts are cut: windows of at most `tokens`, none across two documents, `samples` of them at most, `batch` at once.
struct CalibrationSetOptions {
    std::size_t samples = 1000;
    std::size_t tokens = 512;
    std::size_t batch = 4;
};

/// Windows of tokens, a text each. Where documents hold more windows than are wanted, those are taken that are spread evenly.
///
/// Errors  errc::bad_value: no text, or 0 samples, tokens or windows a batch
class CalibrationSet {
public:
    static CalibrationSet from_ids(std::span<const std::vector<std::uint32_t>> documents, const CalibrationSetOptions& options = {}) {
        if (options.samples == 0 || options.tokens == 0 || options.batch == 0)
            throw error(errc::bad_value, message("calibration with ", options.samples, " samples of ", options.tokens, " tokens, ", options.batch,
                                                 " at once: one of each is the least"));
        std::vector<std::span<const std::uint32_t>> windows;
        for (const auto& document : documents)
            for (std::size_t begin = 0; begin < document.size(); begin += options.tokens)
                windows.push_back(std::span(document).subspan(begin, std::min(options.tokens, document.size() - begin)));
        if (windows.empty()) throw error(errc::bad_value, "there is no text to calibrate with");
        CalibrationSet out;
        const std::size_t count = std::min(options.samples, windows.size());
        for (std::size_t i = 0; i < count; ++i) {
            const auto window = windows[i * windows.size() / count];
            out.samples_.emplace_back(window.begin(), window.end());
        }
        out.batch_ = options.batch;
        return out;
    }
    static CalibrationSet from_text(std::span<const std::string> documents, const Tokenizer& tokenizer, const CalibrationSetOptions& options = {}) {
        std::vector<std::vector<std::uint32_t>> ids;
        for (const std::string& document : documents) ids.push_back(tokenizer.encode(document));
        return from_ids(ids, options);
    }
    /// Samples of one's own, as they are.
    static CalibrationSet from_samples(std::vector<std::vector<std::uint32_t>> samples, std::size_t batch = 4) {
        std::size_t longest = 1;
        for (const auto& sample : samples) longest = std::max(longest, sample.size());
        return from_ids(samples, {.samples = std::max<std::size_t>(1, samples.size()), .tokens = longest, .batch = batch});
    }

    const std::vector<std::vector<std::uint32_t>>& samples() const noexcept { return samples_; }
    std::size_t tokens() const noexcept {
        std::size_t sum = 0;
        for (const auto& sample : samples_) sum += sample.size();
        return sum;
    }
    /// All samples in their order, as many at once as was said.
    std::vector<Batch> batches() const {
        std::vector<Batch> out;
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            if (i % batch_ == 0) out.emplace_back();
            out.back().add(samples_[i]);
        }
        return out;
    }

private:
    std::vector<std::vector<std::uint32_t>> samples_{};
    std::size_t batch_ = 4;
};

}  // namespace bitnet::inline BITNET_ABI
