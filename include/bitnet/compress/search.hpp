/// Choices that a loss of yours judges: a number within a range, or one of a list, within a budget.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>

namespace bitnet::inline BITNET_ABI {

/// What a search may spend. It ends when either is used up, except that one evaluation is always made.
struct SearchBudget {
    std::size_t evaluations = 32;  ///< of the loss, 1 or more
    /// Wall time. No evaluation begins that would end later if it took as long as the longest before it.
    double seconds = std::numeric_limits<double>::infinity();
};

/// One evaluation of the loss.
template <class Candidate>
struct Trial {
    Candidate candidate{};
    double loss = 0;  ///< as it came back, finite or not
    double seconds = 0;
};

template <class Candidate>
struct SearchResult {
    std::vector<Trial<Candidate>> tried;  ///< in the order in which they were evaluated, never empty
    std::size_t best = 0;                 ///< place of the least loss; of equal ones the first
    bool finished = false;                ///< the budget was enough for all that the search wanted to know
    const Trial<Candidate>& chosen() const { return tried[best]; }
};

/// The range of a knob, and how closely its best value is wanted.
struct KnobRange {
    double low = 0, high = 1;  ///< both are tried
    std::size_t grid = 7;      ///< values at equal distances that are tried first, 2 or more
    double tolerance = 0.01;   ///< in units of the knob, above 0
};

template <class Loss, class Candidate>
concept SearchLoss = std::regular_invocable<Loss&, const Candidate&> && std::convertible_to<std::invoke_result_t<Loss&, const Candidate&>, double>;

namespace detail {

/// What is not finite, NaN and -inf too, is worse than anything finite.
inline double rank_of_loss(double loss) { return is_finite(loss) ? loss : std::numeric_limits<double>::infinity(); }

/// Evaluates and records until the budget is spent.
template <class Candidate, class Loss>
class Evaluations {
public:
    Evaluations(Loss& loss, const SearchBudget& budget) : loss_(loss), budget_(budget) {
        if (budget.evaluations == 0 || !(budget.seconds >= 0))
            throw error(errc::bad_value, "search: a budget of one evaluation or more, and of no negative time, is expected");
    }
    /// Whether there is one more evaluation.
    bool may_go_on() const {
        if (result_.tried.empty()) return true;
        return result_.tried.size() < budget_.evaluations && seconds_since(begin_) + longest_ <= budget_.seconds;
    }
    /// The loss, as it ranks.
    double operator()(Candidate candidate) {
        const auto begin = Clock::now();
        const double loss = static_cast<double>(loss_(std::as_const(candidate)));
        const double seconds = seconds_since(begin), rank = rank_of_loss(loss);
        longest_ = std::max(longest_, seconds);
        result_.tried.push_back({std::move(candidate), loss, seconds});
        if (rank < rank_of_loss(result_.chosen().loss)) result_.best = result_.tried.size() - 1;
        return rank;
    }
    SearchResult<Candidate> finish(bool all) {
        result_.finished = all;
        return std::move(result_);
    }

private:
    using Clock = std::chrono::steady_clock;
    static double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

    Loss& loss_;
    SearchBudget budget_;
    Clock::time_point begin_ = Clock::now();
    double longest_ = 0;
    SearchResult<Candidate> result_{};
};

/// Places of a grid, from the middle outwards: a small budget sees the likeliest first.
inline std::vector<std::size_t> from_the_middle(std::size_t count) {
    std::vector<std::size_t> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = i;
    const auto distance = [count](std::size_t i) { return i * 2 > count - 1 ? i * 2 - (count - 1) : count - 1 - i * 2; };
    std::ranges::stable_sort(out, {}, distance);
    return out;
}

inline void check_range(const KnobRange& range) {
    if (!is_finite(range.low) || !is_finite(range.high) || range.low > range.high)
        throw error(errc::bad_value, message("search: a range from ", range.low, " to ", range.high, " holds nothing to try"));
    if (range.grid < 2) throw error(errc::bad_value, message("search: a grid of ", range.grid, "; 2 or more values are expected"));
    if (!(range.tolerance > 0)) throw error(errc::bad_value, message("search: a tolerance of ", range.tolerance, "; more than 0 is expected"));
}

}  // namespace detail

/// The value of a knob whose loss is least: a grid first, then golden sections of the two cells about its best value, until
/// those are no wider than twice the tolerance.
///
/// Where the loss has one valley between the grid's neighbours of the best value, the minimum is within the tolerance of what
/// is chosen. Elsewhere, on plateaus and in noise too, what is chosen is the least of what was evaluated. Which values are
/// tried depends on the losses alone; a budget cuts the sequence short, and one that is not finite ranks last.
///
/// loss    value -> number, deterministic
/// Errors  errc::bad_value: a range that is empty or not finite, a grid below 2, a tolerance or a budget of nothing; whatever
///         the loss throws
/// Source  Kiefer 1953, "Sequential minimax search for a maximum"
template <SearchLoss<double> Loss>
SearchResult<double> search_knob(const KnobRange& range, Loss&& loss, const SearchBudget& budget = {}) {
    detail::check_range(range);
    detail::Evaluations<double, std::remove_reference_t<Loss>> evaluate(loss, budget);
    const std::size_t grid = range.low == range.high ? 1 : range.grid;
    const auto place = [&](std::size_t i) { return grid == 1 ? range.low : range.low + (range.high - range.low) * static_cast<double>(i) / static_cast<double>(grid - 1); };
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    bool found = false;
    for (const std::size_t i : detail::from_the_middle(grid)) {
        if (!evaluate.may_go_on()) return evaluate.finish(false);
        const double now = evaluate(place(i));
        if (!found || now < least) best = i, least = now, found = true;
    }
    constexpr double section = 0.3819660112501051;  // 2 - the golden ratio
    double low = place(best == 0 ? 0 : best - 1), middle = place(best), high = place(std::min(best + 1, grid - 1));
    while (high - low > 2 * range.tolerance) {
        if (!evaluate.may_go_on()) return evaluate.finish(false);
        const bool upper = high - middle > middle - low;
        const double next = upper ? middle + section * (high - middle) : middle - section * (middle - low);
        if (next == middle) break;  // no number lies between
        if (const double now = evaluate(next); now < least) {
            (upper ? low : high) = middle;
            middle = next;
            least = now;
        } else {
            (upper ? high : low) = next;
        }
    }
    return evaluate.finish(true);
}

/// The candidate whose loss is least, tried in the order of the list; of equal ones the first.
///
/// Errors  errc::bad_value: an empty list, a budget of nothing; whatever the loss throws
template <class Candidate, SearchLoss<Candidate> Loss>
SearchResult<Candidate> search_list(std::span<const Candidate> candidates, Loss&& loss, const SearchBudget& budget = {}) {
    if (candidates.empty()) throw error(errc::bad_value, "search: there is nothing to choose from");
    detail::Evaluations<Candidate, std::remove_reference_t<Loss>> evaluate(loss, budget);
    for (const Candidate& one : candidates) {
        if (!evaluate.may_go_on()) return evaluate.finish(false);
        evaluate(one);
    }
    return evaluate.finish(true);
}

}  // namespace bitnet::inline BITNET_ABI
