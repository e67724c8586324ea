/// Whether a perplexity after compression is near enough to the one before.
#pragma once

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>

namespace bitnet::inline BITNET_ABI {

struct CompressionQuality {
    bool valid = false;
    double degradation = 0;  ///< (post - pre) / pre; negative where perplexity fell
};

/// degradation <= max_accuracy_drop; one that is not finite is not valid.
///
/// pre: perplexity of the original, >= 1    max_accuracy_drop in [0, 0.5]
/// Errors  errc::bad_value for either outside its range
inline CompressionQuality validate_compression_quality(double pre_perplexity, double post_perplexity, double max_accuracy_drop = 0.10) {
    if (!is_finite(pre_perplexity) || pre_perplexity < 1)
        throw error(errc::bad_value, message("an original's perplexity of ", pre_perplexity, ": at least 1"));
    if (!is_finite(max_accuracy_drop) || max_accuracy_drop < 0 || max_accuracy_drop > 0.5)
        throw error(errc::bad_value, message("max_accuracy_drop = ", max_accuracy_drop, " is outside [0, 0.5]"));
    const double degradation = (post_perplexity - pre_perplexity) / pre_perplexity;
    return {is_finite(degradation) && degradation <= max_accuracy_drop, degradation};
}

}  // namespace bitnet::inline BITNET_ABI
