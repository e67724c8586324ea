/// What training makes smaller.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/nn/cross_entropy.hpp>
#include <bitnet/nn/kl_divergence.hpp>
#include <bitnet/nn/relations.hpp>
#include <bitnet/train/network.hpp>
#include <bitnet/train/tape.hpp>

namespace bitnet::inline BITNET_ABI {

/// The share of each part. Without a teacher only `targets` counts.
struct LossShares {
    float targets = 0;      ///< cross entropy with the next token of the text
    float distillation = 1; ///< KL divergence from the teacher's prediction
    float temperature = 1;  ///< of the distillation, (0, 100]
    float hidden = 0;       ///< mean squared error of the last hidden states over the teacher's mean square; same width only
    float relations = 0;    ///< relations among queries, keys and values of the last layer; as many heads only
    bool operator==(const LossShares&) const = default;
};

/// Refuses a teacher whose outputs cannot be compared with the student's in these shares.
/// Errors  errc::bad_shape: another vocabulary; another width where hidden states are compared, other heads where relations are
template <class T>
void require_fitting(const Network<T>& student, const Network<T>& teacher, const LossShares& shares) {
    const ModelConfig &own = student.config(), &of = teacher.config();
    if (teacher.vocabulary() != student.vocabulary())
        throw error(errc::bad_shape, message("the teacher knows ", teacher.vocabulary(), " tokens and the student ", student.vocabulary()));
    if (shares.hidden > 0 && of.hidden_size != own.hidden_size)
        throw error(errc::bad_shape, message("the teacher's hidden states have ", of.hidden_size, " numbers and the student's ", own.hidden_size,
                                             ": they cannot be compared"));
    if (shares.relations > 0 && (of.heads != own.heads || of.kv_heads != own.kv_heads))
        throw error(errc::bad_shape, message("the teacher has ", of.heads, " heads over ", of.kv_heads, " and the student ", own.heads, " over ",
                                             own.kv_heads, ": their relations cannot be compared"));
}

/// A batch's loss, and how many tokens its mean is over.
struct Loss {
    double sum = 0;
    std::size_t tokens = 0;
    double mean() const { return tokens == 0 ? 0 : sum / static_cast<double>(tokens); }
};

/// Buffers of head_loss for one chunk of tokens.
template <class T>
class LossWork {
public:
    static constexpr std::size_t tokens_per_chunk = 512;
    explicit LossWork(std::size_t vocabulary)
        : student(tokens_per_chunk, vocabulary), teacher(tokens_per_chunk, vocabulary), slopes(tokens_per_chunk, vocabulary) {}
    Scratch<T> student, teacher, slopes;
};

namespace detail {

/// The loss of one token; its gradient, times `weight`, is written to `slopes`.
template <class T>
double token_loss(std::span<const T> student, std::span<const T> teacher, std::uint32_t target, const LossShares& shares,
                  T weight, std::span<T> slopes, std::span<T> work, const Kernels& kernels) {
    std::ranges::fill(slopes, T(0));
    double loss = 0;
    if (!teacher.empty() && shares.distillation > 0)
        loss += static_cast<double>(shares.distillation) *
                kl_divergence_backward<T>(teacher, student, static_cast<T>(shares.temperature),
                                          weight * static_cast<T>(shares.distillation), slopes, work, kernels);
    if (target != Batch::no_target && shares.targets > 0)
        loss += static_cast<double>(shares.targets) *
                cross_entropy_backward<T>(student, target, weight * static_cast<T>(shares.targets), slopes,
                                          work.first(student.size()), kernels);
    return loss;
}

/// shares.hidden · mean((h - h_t)²) / mean(h_t²) for each token; its gradient, times `weight`, is added.
template <class T>
double hidden_loss(std::span<const T> student, std::span<const T> teacher, T share, T weight, std::span<T> dhidden) {
    const double square = lane_sum<double>(teacher.size(), [&](std::size_t c) { return static_cast<double>(teacher[c] * teacher[c]); });
    const double wrong = lane_sum<double>(teacher.size(), [&](std::size_t c) {
        return static_cast<double>((student[c] - teacher[c]) * (student[c] - teacher[c]));
    });
    const T factor = static_cast<T>(static_cast<double>(2 * share * weight) / square);
    for (std::size_t c = 0; c < teacher.size(); ++c) dhidden[c] += factor * (student[c] - teacher[c]);
    return static_cast<double>(share) * wrong / square;
}

}  // namespace detail

/// shares.relations · relations_backward of queries, keys and values, each a third, summed over the texts of a batch; its
/// gradient, times `weight`, is added to dqkv.  qkv, dqkv, teacher_qkv: (N, ...) of the last layers
template <class T>
double relations_loss(const Batch& batch, MatrixView<const T> qkv, MatrixView<T> dqkv, const ModelConfig& student,
                      MatrixView<const T> teacher_qkv, const ModelConfig& teacher, T share, T weight, Execution run) {
    double sum = 0;
    const Qkv<const T> is(qkv, student), wanted(teacher_qkv, teacher);
    const Qkv<T> back(dqkv, student);
    for (std::size_t i = 0; i < batch.texts(); ++i) {
        const std::size_t begin = batch.begins[i], count = batch.begins[i + 1] - begin;
        const auto add = [&](MatrixView<const T> to, MatrixView<const T> from, std::size_t heads, MatrixView<T> slope) {
            sum += relations_backward<T>(to.row_range(begin, count), from.row_range(begin, count), heads, share * weight / 3,
                                         slope.row_range(begin, count), run);
        };
        add(wanted.q, is.q, student.heads, back.q);
        add(wanted.k, is.k, student.kv_heads, back.k);
        add(wanted.v, is.v, student.kv_heads, back.v);
    }
    return static_cast<double>(share) * sum / 3;
}

/// The loss of a batch at the last hidden states, its gradient there, and that of the student's head.
///
/// Gradients are those of `scale` times the sum over tokens. Chunks of tokens pass through the head one after the other, so
/// that logits of a large vocabulary need no memory for the whole batch.
/// hidden, teacher_hidden, dhidden: (N, hidden_size); teacher: null for learning from the text alone
template <class T>
Loss head_loss(Network<T>& student, MatrixView<const T> hidden, const Network<T>* teacher, MatrixView<const T> teacher_hidden,
               const Batch& batch, const LossShares& shares, double scale, LossWork<T>& work, MatrixView<T> dhidden,
               unsigned threads) {
    const std::size_t tokens = hidden.rows, vocabulary = student.vocabulary();
    const bool distills = teacher != nullptr && shares.distillation > 0;
    std::vector<double> losses(tokens);
    for (std::size_t begin = 0; begin < tokens; begin += LossWork<T>::tokens_per_chunk) {
        const std::size_t count = std::min(LossWork<T>::tokens_per_chunk, tokens - begin);
        const MatrixView<T> logits = work.student.rows(count), wanted = work.teacher.rows(count), slopes = work.slopes.rows(count);
        student.logits(hidden.row_range(begin, count), logits, threads);
        if (distills) teacher->logits(teacher_hidden.row_range(begin, count), wanted, threads);
        parallel_for(count, 16, threads, [&](std::size_t first, std::size_t last) {
            std::vector<T> scratch(2 * vocabulary);
            for (std::size_t t = first; t < last; ++t)
                losses[begin + t] = detail::token_loss<T>(logits.row(t), distills ? std::span<const T>(wanted.row(t)) : std::span<const T>(),
                                                          batch.targets[begin + t], shares, static_cast<T>(scale), slopes.row(t), scratch,
                                                          student.kernels());
        });
        student.logits_backward(hidden.row_range(begin, count), slopes, dhidden.row_range(begin, count), threads);
    }
    if (teacher != nullptr && shares.hidden > 0)
        parallel_for(tokens, 64, threads, [&](std::size_t first, std::size_t last) {
            for (std::size_t t = first; t < last; ++t)
                losses[t] += detail::hidden_loss<T>(hidden.row(t), teacher_hidden.row(t), static_cast<T>(shares.hidden),
                                                    static_cast<T>(scale), dhidden.row(t));
        });
    Loss out;
    for (const double loss : losses) out.sum += loss;
    out.tokens = teacher != nullptr ? tokens : batch.scored();
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
