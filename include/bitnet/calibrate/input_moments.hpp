/// Second moments of what a linear layer is given.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/backend/lapack.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/rotation.hpp>

namespace bitnet::inline BITNET_ABI {

/// Sums over tokens of products of a layer's inputs, C of them a token.
///
///     H = Σ x̃ᵀ·x̃                what the layer is given in the model as it is compressed so far, x̃: (T, C)
///     D = Σ (x - x̃)ᵀ·x̃          how far that is from what the original gives it, x
///     S = Σ (s - s̃)ᵀ·x̃          the same of the residual stream that the layer adds to: (outputs, C)
///
/// Products are made in float over pieces of at most 4,096 tokens, pieces are added in double: each sum is exact to about
/// 1e-6 of the largest one. It does not depend on the number of threads.
class InputMoments {
public:
    explicit InputMoments(std::size_t channels) : second_(channels, channels) {}

    std::size_t channels() const noexcept { return second_.rows(); }
    std::size_t tokens() const noexcept { return tokens_; }
    /// H, symmetric.
    const Matrix<double>& second() const noexcept { return second_; }
    /// D, or empty where nothing was added to it; so is S.
    const Matrix<double>& drift() const noexcept { return drift_; }
    const Matrix<double>& stream_drift() const noexcept { return stream_drift_; }

    /// x: (T, C)
    void add(MatrixView<const float> x, unsigned threads) {
        tokens_ += x.rows;
        add_product(x, x, second_, threads);
    }
    /// original, x: (T, C) of the same tokens.
    void add_drift(MatrixView<const float> original, MatrixView<const float> x, unsigned threads) {
        add_difference(original, x, x, drift_, threads);
    }
    /// original, stream: (T, outputs); x: (T, C) of the same tokens.
    void add_stream_drift(MatrixView<const float> original, MatrixView<const float> stream, MatrixView<const float> x, unsigned threads) {
        add_difference(original, stream, x, stream_drift_, threads);
    }

    /// Errors  errc::not_finite naming the layer
    void require_finite(std::string_view layer) const {
        for (std::size_t i = 0; i < channels(); ++i)
            if (!is_finite(second_(i, i)))
                throw error(errc::not_finite, message(layer, ": its input ", i, " is not finite on the calibration text"));
    }
    /// Mean of H's diagonal over inputs that are ever other than 0; 1 where none is.
    double mean_diagonal() const {
        double sum = 0;
        std::size_t live = 0;
        for (std::size_t i = 0; i < channels(); ++i) {
            sum += second_(i, i);
            live += second_(i, i) > 0;
        }
        return live == 0 ? 1 : sum / static_cast<double>(live);
    }
    /// Inputs that are 0 for every token.
    std::size_t dead() const {
        std::size_t count = 0;
        for (std::size_t i = 0; i < channels(); ++i) count += second_(i, i) <= 0;
        return count;
    }

private:
    static constexpr std::size_t tokens_at_once = 4096, tile = 64;

    /// sum += aᵀ·b.  a: (T, M)  b: (T, N)  sum: (M, N)
    static void add_product(MatrixView<const float> a, MatrixView<const float> b, Matrix<double>& sum, unsigned threads) {
        for (std::size_t begin = 0; begin < a.rows; begin += tokens_at_once) {
            const std::size_t count = std::min(tokens_at_once, a.rows - begin);
            const MatrixView<const float> left = a.row_range(begin, count), right = b.row_range(begin, count);
            parallel_for(a.cols, tile, threads, [&](std::size_t first, std::size_t last) {
                Matrix<float> part(last - first, b.cols);
                matmul_tn<float>(left.col_range(first, last - first), right, part);
                for (std::size_t r = first; r < last; ++r)
                    for (std::size_t c = 0; c < b.cols; ++c) sum(r, c) += static_cast<double>(part(r - first, c));
            });
        }
    }
    static void add_difference(MatrixView<const float> original, MatrixView<const float> now, MatrixView<const float> x, Matrix<double>& sum,
                               unsigned threads) {
        if (sum.rows() == 0) sum = Matrix<double>(now.cols, x.cols);
        Matrix<float> difference(now.rows, now.cols);
        parallel_for(now.rows, tile, threads, [&](std::size_t first, std::size_t last) {
            for (std::size_t t = first; t < last; ++t)
                for (std::size_t c = 0; c < now.cols; ++c) difference(t, c) = original(t, c) - now(t, c);
        });
        add_product(difference, x, sum, threads);
    }

    std::size_t tokens_ = 0;
    Matrix<double> second_, drift_{}, stream_drift_{};
};

/// H + damping·mean(diagonal)·1, and Cholesky's factor of it; damping is raised tenfold until there is one.
struct DampedFactor {
    Matrix<double> lower;
    double damping;
};

/// second: H    mean: of its diagonal    reversed: of the matrix with its rows and columns in the opposite order
inline DampedFactor damped_cholesky(const Matrix<double>& second, double mean, double damping, bool reversed = false) {
    const std::size_t n = second.rows();
    for (;; damping = std::max(damping, 1e-9) * 10) {
        Matrix<double> out(n, n);
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t c = 0; c < n; ++c)
                out(r, c) = (reversed ? second(n - 1 - r, n - 1 - c) : second(r, c)) + (r == c ? damping * mean : 0);
        if (cholesky(out)) return {std::move(out), damping};
    }
}

/// Second moments as quantizers use them.
///
/// metric     H + 0.01·mean(diagonal)·1: the error of a row e is e·metric·eᵀ. Inputs that are always 0 count a little by that.
/// feedback   unit upper triangle of Uᵀ·U = (H + p·mean(diagonal)·1)⁻¹, each row divided by its diagonal: what a weight was
///            rounded by, times its row, is taken from the weights that follow. Empty where nobody asked for it.
struct PreparedMoments {
    Matrix<float> metric;
    Matrix<float> feedback{};
    double damping = 0;   ///< p: what was asked for, or as much more as the matrix needed
    Rotation rotation{};  ///< the basis that both are in
};

inline DampedFactor damped_cholesky(const InputMoments& moments, double damping) {
    return damped_cholesky(moments.second(), moments.mean_diagonal(), damping);
}

/// QᵀHQ: the moments of inputs x·Q.
inline Matrix<double> rotated(Matrix<double> second, const Rotation& rotation) {
    for (int side = 0; side < 2; ++side) {
        for (std::size_t r = 0; r < second.rows(); ++r) rotation.apply(second.row(r));
        for (std::size_t r = 0; r < second.rows(); ++r)
            for (std::size_t c = 0; c < r; ++c) std::swap(second(r, c), second(c, r));
    }
    return second;
}

/// damping: p; nothing is fed back where it is 0.    rotation: into whose basis both are taken
/// Source  the feedback's triangle: Frantar et al. 2023, "GPTQ", section 3, with a Cholesky factor of H in reversed order
///         instead of one of its inverse
inline PreparedMoments prepare(const InputMoments& moments, double damping, std::string_view layer, const Rotation& rotation = {}) {
    moments.require_finite(layer);
    const std::size_t n = moments.channels();
    const double mean = moments.mean_diagonal();
    const Matrix<double> turned = rotation ? rotated(moments.second(), rotation) : Matrix<double>();
    const Matrix<double>& second = rotation ? turned : moments.second();
    PreparedMoments out{.metric = Matrix<float>(n, n), .rotation = rotation};
    for (std::size_t r = 0; r < n; ++r)  // in units of the mean, so that float holds it whatever the text's length
        for (std::size_t c = 0; c < n; ++c) out.metric(r, c) = static_cast<float>(second(r, c) / mean + (r == c ? 0.01 : 0));
    if (damping <= 0) return out;
    DampedFactor factor = damped_cholesky(second, mean, damping, true);
    invert_lower(factor.lower);
    out.damping = factor.damping;
    out.feedback = Matrix<float>(n, n);
    for (std::size_t r = 0; r < n; ++r)
        for (std::size_t c = r; c < n; ++c)
            out.feedback(r, c) = static_cast<float>(factor.lower(n - 1 - r, n - 1 - c) / factor.lower(n - 1 - r, n - 1 - r));
    return out;
}

/// How much of a layer's output an image of its weights gets wrong: |x·(W - Ŵ)ᵀ|² / |x·Wᵀ|² over the tokens, in the metric;
/// 0 where there is no output.  weights, image: (O, C)
inline double output_error(MatrixView<const float> weights, MatrixView<const float> image, const PreparedMoments& moments, unsigned threads) {
    std::vector<double> wrong(weights.rows), all(weights.rows);
    parallel_for(weights.rows, 64, threads, [&](std::size_t begin, std::size_t end) {
        const std::size_t count = end - begin, cols = weights.cols;
        Matrix<float> difference(count, cols), product(count, cols);
        const auto measure = [&](Matrix<float>& of, std::vector<double>& sums) {
            for (std::size_t r = 0; r < count; ++r) moments.rotation.apply(of.row(r));
            matmul_nn<float>(of, moments.metric, product);
            for (std::size_t r = 0; r < count; ++r)
                for (std::size_t c = 0; c < cols; ++c) sums[begin + r] += static_cast<double>(of(r, c)) * static_cast<double>(product(r, c));
        };
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t c = 0; c < cols; ++c) difference(r, c) = weights(begin + r, c) - image(begin + r, c);
        measure(difference, wrong);
        for (std::size_t r = 0; r < count; ++r) std::ranges::copy(weights.row(begin + r), difference.row(r).begin());
        measure(difference, all);
    });
    double error = 0, total = 0;
    for (const double row : wrong) error += row;
    for (const double row : all) total += row;
    return total > 0 ? error / total : 0;
}

/// What a layer should be, so that on the inputs it is given it does what the original did on the original's:
///
///     W* = W + (W·D + S)·(H + 0.01·mean(diagonal)·1)⁻¹
///
/// S is left out where nothing was added to it.  weights: (O, C), in and out
/// Source  Li et al. 2025, "GPTAQ", section 3, in closed form and in front of any quantizer; with S, the whole residual
///         stream is the target, so that a layer mends what others before it have broken
inline void retarget(const InputMoments& moments, const DampedFactor& factor, MatrixView<float> weights, unsigned threads) {
    constexpr std::size_t rows_at_once = 64;
    parallel_for(weights.rows, rows_at_once, threads, [&](std::size_t begin, std::size_t end) {
        const std::size_t count = end - begin;
        Matrix<double> w(count, weights.cols), change(count, weights.cols);
        for (std::size_t r = 0; r < count; ++r) std::ranges::copy(weights.row(begin + r), w.row(r).begin());
        if (moments.drift().rows() != 0) matmul_nn<double>(w, moments.drift(), change);
        if (moments.stream_drift().rows() != 0)
            for (std::size_t r = 0; r < count; ++r)
                for (std::size_t c = 0; c < weights.cols; ++c) change(r, c) += moments.stream_drift()(begin + r, c);
        solve_rows(factor.lower, change);
        for (std::size_t r = 0; r < count; ++r)
            for (std::size_t c = 0; c < weights.cols; ++c) weights(begin + r, c) = static_cast<float>(w(r, c) + change(r, c));
    });
}

}  // namespace bitnet::inline BITNET_ABI
