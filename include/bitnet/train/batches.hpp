/// Texts cut into windows and dealt out in batches, in an order that depends on the seed alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/train/tape.hpp>

namespace bitnet::inline BITNET_ABI {

/// Where a run has got to in its text. Restoring it continues with the very batch that would have come.
struct BatchPosition {
    std::uint64_t epoch = 0;
    std::uint64_t window = 0;  ///< of that epoch's order
    bool operator==(const BatchPosition&) const = default;
};

/// Windows of at most `context` tokens, none across two documents, in a new random order in each epoch.
///
/// A batch takes windows until another would make it longer than `tokens`; its windows come from one epoch.
class BatchSource {
public:
    /// Errors  errc::bad_value: a context below 2, fewer tokens a batch than a window has, no document of two tokens or more
    BatchSource(std::vector<std::vector<std::uint32_t>> documents, std::size_t context, std::size_t tokens, std::uint64_t seed)
        : documents_(std::move(documents)), tokens_(tokens), seed_(seed) {
        if (context < 2) throw error(errc::bad_value, message("a context of ", context, " tokens: two are the least"));
        if (tokens < context)
            throw error(errc::bad_value, message("a batch of ", tokens, " tokens holds no window of ", context));
        for (std::size_t i = 0; i < documents_.size(); ++i)
            for (std::size_t begin = 0; begin + 1 < documents_[i].size(); begin += context)
                windows_.push_back({i, begin, std::min(context, documents_[i].size() - begin)});
        if (windows_.empty()) throw error(errc::bad_value, "the text has no two tokens to learn from");
        order_ = order_of(0);
    }

    const BatchPosition& position() const noexcept { return position_; }
    void restore(const BatchPosition& position) {
        position_ = position;
        order_ = order_of(position_.epoch);
    }
    std::size_t windows() const noexcept { return windows_.size(); }
    /// The most tokens that a batch has.
    std::size_t batch_tokens() const noexcept { return tokens_; }
    /// Whole passes over the windows.
    std::uint64_t epochs_completed() const { return position_.epoch + (position_.window >= windows_.size() ? 1 : 0); }
    /// Passes over the windows, the one that has begun as far as it has got.
    double epochs() const { return static_cast<double>(position_.epoch) + static_cast<double>(position_.window) / static_cast<double>(windows_.size()); }
    /// Batches of the first so many epochs, the last of which may be begun only. Two orders fill them differently.
    std::uint64_t batches_in(double epochs) const {
        std::uint64_t sum = 0;
        for (std::uint64_t epoch = 0; epochs > 0; ++epoch, epochs -= 1)
            sum += static_cast<std::uint64_t>(std::ceil(std::min(1.0, epochs) * static_cast<double>(batches_of(epoch))));
        return sum;
    }

    Batch next() {
        if (position_.window >= windows_.size()) {
            position_ = {position_.epoch + 1, 0};
            order_ = order_of(position_.epoch);
        }
        Batch out;
        while (position_.window < windows_.size()) {
            const Window& window = windows_[order_[position_.window]];
            if (!out.ids.empty() && out.ids.size() + window.length > tokens_) break;
            out.add(std::span(documents_[window.document]).subspan(window.begin, window.length));
            ++position_.window;
        }
        return out;
    }

private:
    struct Window {
        std::size_t document, begin, length;
    };

    std::vector<std::uint32_t> order_of(std::uint64_t epoch) const {
        std::vector<std::uint32_t> order(windows_.size());
        std::iota(order.begin(), order.end(), 0u);
        Random random(mix64(seed_ ^ mix64(epoch + 1)));
        for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
        return order;
    }
    std::uint64_t batches_of(std::uint64_t epoch) const {
        std::uint64_t count = 0;
        std::size_t filled = tokens_;
        for (const std::uint32_t i : order_of(epoch)) {
            const bool begins = filled + windows_[i].length > tokens_;
            count += begins;
            filled = windows_[i].length + (begins ? 0 : filled);
        }
        return count;
    }

    std::vector<std::vector<std::uint32_t>> documents_;
    std::vector<Window> windows_{};
    std::vector<std::uint32_t> order_{};
    std::size_t tokens_;
    std::uint64_t seed_;
    BatchPosition position_{};
};

}  // namespace bitnet::inline BITNET_ABI
