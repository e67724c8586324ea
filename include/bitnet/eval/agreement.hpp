/// How far one model's predictions are from another's.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/eval/windows.hpp>
#include <bitnet/nn/cross_entropy.hpp>
#include <bitnet/nn/kl_divergence.hpp>

namespace bitnet::inline BITNET_ABI {

/// Sums over the predictions of a text by a reference and another model; z, y: their logits.
struct Agreement {
    std::size_t tokens = 0;
    double squared_difference = 0;  ///< Σ(y - z)²
    double squared_reference = 0;   ///< Σz²
    double divergence = 0;          ///< Σ KL(reference ‖ other), in nats
    std::size_t same_choice = 0;    ///< predictions whose likeliest token is the same
    std::size_t reference_right = 0, other_right = 0;  ///< predictions whose likeliest token is the text's
    double reference_nll = 0, other_nll = 0;  ///< negative log-likelihood of the text, natural logarithm

    /// 1 - ‖y - z‖ / ‖z‖: 1 for equal logits, not finite where the reference's are all 0 and the other's are not.
    double logit_accuracy() const { return squared_difference == 0 ? 1.0 : 1 - std::sqrt(squared_difference / squared_reference); }
    double mean_divergence() const { return divergence / static_cast<double>(tokens); }
    /// Shares of the predictions, in [0, 1].
    double agreement() const { return static_cast<double>(same_choice) / static_cast<double>(tokens); }
    double reference_accuracy() const { return static_cast<double>(reference_right) / static_cast<double>(tokens); }
    double other_accuracy() const { return static_cast<double>(other_right) / static_cast<double>(tokens); }
    /// Those that perplexity() gives.
    double reference_perplexity() const { return std::exp(reference_nll / static_cast<double>(tokens)); }
    double other_perplexity() const { return std::exp(other_nll / static_cast<double>(tokens)); }

    Agreement& operator+=(const Agreement& more) {
        tokens += more.tokens;
        squared_difference += more.squared_difference;
        squared_reference += more.squared_reference;
        divergence += more.divergence;
        same_choice += more.same_choice;
        reference_right += more.reference_right;
        other_right += more.other_right;
        reference_nll += more.reference_nll;
        other_nll += more.other_nll;
        return *this;
    }
    bool operator==(const Agreement&) const = default;
};

namespace detail {

/// Of one prediction.  z, y, work: V
inline Agreement agreement_of(std::span<const float> z, std::span<const float> y, std::uint32_t target, std::span<float> work, const Kernels& kernels) {
    Agreement out{.tokens = 1};
    for (std::size_t i = 0; i < z.size(); ++i) {
        const auto reference = static_cast<double>(z[i]), off = static_cast<double>(y[i]) - reference;
        out.squared_difference += off * off;
        out.squared_reference += reference * reference;
    }
    out.divergence = kl_divergence<float>(z, y, work, kernels);
    const auto of_reference = std::ranges::max_element(z) - z.begin(), of_other = std::ranges::max_element(y) - y.begin();
    out.same_choice = of_reference == of_other ? 1 : 0;
    out.reference_right = of_reference == static_cast<std::ptrdiff_t>(target) ? 1 : 0;
    out.other_right = of_other == static_cast<std::ptrdiff_t>(target) ? 1 : 0;
    out.reference_nll = cross_entropy<float>(z, target);
    out.other_nll = cross_entropy<float>(y, target);
    return out;
}

}  // namespace detail

/// Both models read the windows of perplexity(); sums in the order of the text, the same for any number of threads.
///
/// Errors  those of perplexity(); errc::bad_shape for models of other vocabularies
inline Agreement compare_predictions(const Transformer& reference, const Transformer& other, std::span<const std::vector<std::uint32_t>> documents,
                                     const PerplexityOptions& options, Execution run, const WindowProgress& progress = {}) {
    if (reference.vocabulary() != other.vocabulary())
        throw error(errc::bad_shape, message("the reference knows ", reference.vocabulary(), " tokens and the other model ", other.vocabulary()));
    const std::vector<detail::Window> windows = detail::checked_windows(documents, options);
    std::vector<Agreement> of_windows(windows.size());
    const Transformer* const models[] = {&reference, &other};
    detail::score_windows(models, documents, windows, run, progress, [&](std::size_t i, std::span<const std::uint32_t> tokens, std::span<const MatrixView<const float>> logits) {
        std::vector<float> work(reference.vocabulary());
        for (std::size_t t = 0; t < tokens.size(); ++t) of_windows[i] += detail::agreement_of(logits[0].row(t), logits[1].row(t), tokens[t], work, *run.kernels);
    });
    Agreement out;
    for (const Agreement& one : of_windows) out += one;
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
