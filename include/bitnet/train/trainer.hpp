/// One step of learning after the other.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/train/batches.hpp>
#include <bitnet/train/gradient_clip.hpp>
#include <bitnet/train/loss.hpp>
#include <bitnet/train/network.hpp>
#include <bitnet/train/qk_clip.hpp>
#include <bitnet/train/schedule.hpp>
#include <bitnet/train/ternary_weight.hpp>

namespace bitnet::inline BITNET_ABI {

/// How a step is made. The Compressor's policies say the rest: what becomes ternary, how, and which optimizer moves it.
struct StepOptions {
    std::size_t steps = 400;           ///< of the whole run: the schedule ends there
    std::size_t batches_per_step = 1;  ///< whose gradients are added
    double learning_rate = 3e-3;       ///< at the schedule's top; see ternary_learning_rate()
    Schedule schedule{};
    double clip = 1;                   ///< of the gradient's norm over all tensors, learned scales apart; > 0
    float table_rate = 0.3f;           ///< learning rate of embeddings and head, as a multiple; 0 keeps them as they are
    float qk_clip = 0;                 ///< the most that an attention score may be, see qk_clip(); 0: no limit
    bool round_activations = false;    ///< to 8 bits in front of every linear layer, as BitNet models do
    Keep keep = Keep::everything;
    LossShares loss{};
};

/// What a step did.
struct StepResult {
    double loss = 0;           ///< mean over tokens
    double gradient_norm = 0;  ///< before clipping
    double learning_rate = 0;
    std::size_t tokens = 0;
};

/// A network whose linear layers work as ternary images of latent weights (where Compressor's preservation policy says
/// ternary), a text, perhaps a teacher, and all that the next step depends on.
template <class Compressor>
class Trainer {
public:
    using Optimizer = typename Compressor::Optimizer;
    using Ste = typename Compressor::Ste;

    /// `teacher` outlives the trainer; null: to learn from the text alone.
    /// Errors  errc::bad_shape for a teacher of another vocabulary, of another width where hidden states are compared, or of
    ///         other heads where relations are; errc::bad_value where no share of the loss is above 0
    Trainer(Network<float> network, const Compressor& compressor, const StepOptions& options, BatchSource text,
            Network<float>* teacher, Execution run)
        : network_(std::move(network)), compressor_(compressor), options_(options), text_(std::move(text)), teacher_(teacher),
          run_(run), tape_(network_.config(), text_.batch_tokens(), options.keep), loss_(network_.vocabulary()),
          hidden_(text_.batch_tokens(), network_.config().hidden_size), back_(text_.batch_tokens(), network_.config().hidden_size) {
        const LossShares& of = options.loss;
        if (of.distillation <= 0 && of.hidden <= 0 && of.relations <= 0) teacher_ = nullptr;
        if (of.targets <= 0 && teacher_ == nullptr)
            throw error(errc::bad_value, teacher == nullptr ? "without a teacher the share of targets must be above 0"
                                                            : "every share of the loss is 0: nothing would be learned");
        if (teacher_ != nullptr) {
            require_fitting(network_, *teacher_, of);
            teacher_tape_.emplace(teacher_->config(), text_.batch_tokens(), Keep::nothing);
            teacher_hidden_.emplace(text_.batch_tokens(), teacher_->config().hidden_size);
        }
        for (Parameter<float>& one : network_.parameters()) {
            weights_.push_back(make_weight(one));
            one.learns = weights_.back().learns;
        }
        refresh();
    }

    std::uint64_t step_count() const noexcept { return step_; }
    bool finished() const noexcept { return step_ >= options_.steps; }
    /// Whether the next step's weights are still on their way to ternary.
    bool blending() const { return share() < 1; }
    const StepOptions& options() const noexcept { return options_; }
    std::uint64_t epochs_completed() const { return text_.epochs_completed(); }
    double epochs() const { return text_.epochs(); }
    /// A factor of the learning rate of all steps to come; 1 at first.
    void set_slowness(double factor) noexcept { slowness_ = factor; }
    /// Its weights are the images, as far as the estimator has blended them in.
    Network<float>& network() noexcept { return network_; }
    /// The images as they will be stored: wholly ternary.
    void finish() {
        for (std::size_t i = 0; i < weights_.size(); ++i)
            if (weights_[i].ternary) weights_[i].ternary->image(compressor_, 1, network_.parameters()[i].value, run_);
        network_.rounding = options_.round_activations ? 1.0f : 0.0f;
    }
    /// What the weights that became ternary are stored as, by name; behind finish().
    MadePlanes packed() const {
        MadePlanes out;
        for (const Weight& one : weights_)
            if (one.ternary) out.emplace(one.ternary->name(), one.ternary->packed(compressor_, run_));
        return out;
    }
    /// Bytes of all optimizer states.
    std::size_t optimizer_bytes() const {
        std::size_t sum = 0;
        for (const Weight& one : weights_) {
            sum += state_bytes(one.state);
            if (one.scale_state) sum += state_bytes(*one.scale_state);
        }
        return sum;
    }

    /// One batch, or several whose gradients are added, forward, backward, and an update of every tensor that learns.
    /// A loss or gradient that is not finite changes no weight: the caller sees it in the result.
    StepResult step() {
        std::vector<Batch> batches;
        StepResult out;
        for (std::size_t i = 0; i < options_.batches_per_step; ++i) {
            batches.push_back(text_.next());
            out.tokens += teacher_ != nullptr ? batches.back().ids.size() : batches.back().scored();
        }
        refresh();
        network_.parameters().zero_gradients(run_.threads);
        watch_scores();
        double loss = 0;
        for (const Batch& batch : batches) loss += learn_from(batch, 1.0 / static_cast<double>(out.tokens));
        out.loss = loss / static_cast<double>(out.tokens);
        out.learning_rate = options_.learning_rate * slowness_ * options_.schedule.factor(static_cast<std::size_t>(step_), options_.steps);
        out.gradient_norm = clip_gradients();
        if (is_finite(out.loss) && is_finite(out.gradient_norm)) {
            update(static_cast<float>(out.learning_rate));
            clip_scores();
        }
        ++step_;
        return out;
    }

    /// The step and what has been learned by it, without the optimizer's memory of how: see each_field.
    class Weights {
    public:
        explicit Weights(Trainer& of) : of_(of) {}
        template <class F>
        void each_field(F&& f) {
            f("step", of_.step_);
            for (std::size_t i = 0; i < of_.weights_.size(); ++i) {
                Weight& one = of_.weights_[i];
                if (!one.learns) continue;
                const std::string& name = of_.network_.parameters()[i].spec.name;
                f(name, of_.latent(i));
                if (one.scale_state) f(name + ".scales", std::span(one.ternary->learned_scales()));
            }
        }

    private:
        Trainer& of_;
    };
    Weights weights() { return Weights(*this); }
    /// The optimizer begins as at the first step.
    void forget_gradients() {
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            Weight& one = weights_[i];
            if (one.learns) one.state = new_state(shape_of(network_.parameters()[i]));
            if (one.scale_state) one.scale_state = new_state({1, one.ternary->learned_scales().size(), false});
        }
    }

    /// f(name, std::span<float>) and f(name, std::uint64_t&) for all that the next step depends on, always in one order.
    template <class F>
    void each_field(F&& f) {
        weights().each_field(f);
        BatchPosition position = text_.position();
        f("epoch", position.epoch);
        f("window", position.window);
        if (!(position == text_.position())) text_.restore(position);
        std::uint64_t slowness = std::bit_cast<std::uint64_t>(slowness_);
        f("slowness", slowness);
        slowness_ = std::bit_cast<double>(slowness);
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            Weight& one = weights_[i];
            if (!one.learns) continue;
            const std::string& name = network_.parameters()[i].spec.name;
            fields_of(name, one.state, f);
            if (one.scale_state) fields_of(name + ".scales", *one.scale_state, f);
        }
    }

private:
    struct Weight {
        std::optional<TernaryWeight<Compressor>> ternary{};
        bool learns = true;
        float rate = 1;
        typename Optimizer::State state;
        std::optional<typename Optimizer::State> scale_state{};
    };

    typename Optimizer::State new_state(const ParameterShape& shape) const {
        if constexpr (requires { compressor_.optimizer().new_state(shape); })
            return compressor_.optimizer().new_state(shape);
        else
            return optimizer_state<Optimizer>(shape);
    }
    static bool is_table(const Parameter<float>& one) {
        return one.spec.role == TensorRole::token_embedding || one.spec.role == TensorRole::lm_head ||
               one.spec.role == TensorRole::position_embedding;
    }
    static ParameterShape shape_of(const Parameter<float>& one) {
        return {one.value.rows(), one.value.cols(), one.value.rows() > 1 && !is_table(one)};
    }
    Weight make_weight(const Parameter<float>& one) {
        const bool learns = !is_table(one) || options_.table_rate > 0;
        Weight out{.learns = learns, .rate = is_table(one) ? options_.table_rate : 1.0f,
                   .state = new_state(learns ? shape_of(one) : ParameterShape{1, 0, false})};
        if (!becomes_ternary(one, compressor_.preservation())) return out;
        out.ternary.emplace(one.spec.name, one.value, compressor_, run_);
        if constexpr (TernaryWeight<Compressor>::learns_scales)
            out.scale_state.emplace(new_state({1, out.ternary->learned_scales().size(), false}));
        return out;
    }
    std::span<float> latent(std::size_t i) {
        if (!weights_[i].ternary) return network_.parameters()[i].values();
        Matrix<float>& matrix = weights_[i].ternary->latent();
        return {matrix.data(), matrix.rows() * matrix.cols()};
    }
    float share() const {
        if constexpr (BlendingSte<Ste>)
            return compressor_.ste().blend(static_cast<double>(step_) / static_cast<double>(std::max<std::size_t>(1, options_.steps)));
        else
            return 1;
    }
    /// The network's weights from the latent ones.
    void refresh() {
        for (std::size_t i = 0; i < weights_.size(); ++i)
            if (weights_[i].ternary) weights_[i].ternary->image(compressor_, share(), network_.parameters()[i].value, run_);
        network_.rounding = options_.round_activations ? share() : 0.0f;
    }
    /// Adds the gradients of a batch; returns the sum of its losses.
    double learn_from(const Batch& batch, double scale) {
        const std::size_t tokens = batch.ids.size();
        const MatrixView<float> hidden = hidden_.rows(tokens), back = back_.rows(tokens);
        MatrixView<float> teachers{};
        network_.forward(batch, tape_, hidden, run_.threads);
        if (teacher_ != nullptr) {
            teachers = teacher_hidden_->rows(tokens);
            teacher_->forward(batch, *teacher_tape_, teachers, run_.threads);
        }
        const Loss loss = head_loss<float>(network_, hidden, teacher_, teachers, batch, options_.loss, scale, loss_, back, run_.threads);
        double relations = 0;
        Network<float>::QkvSlope relate;
        if (teacher_ != nullptr && options_.loss.relations > 0) {
            relate = [&](MatrixView<const float> qkv, MatrixView<float> dqkv) {
                const MatrixView<float> wanted = teacher_tape_->layer(teacher_->config().layers - 1).qkv.rows(tokens);
                relations = relations_loss<float>(batch, qkv, dqkv, network_.config(), wanted, teacher_->config(), options_.loss.relations,
                                                  static_cast<float>(scale), run_);
            };
        }
        network_.backward(batch, tape_, back, run_.threads, relate);
        return loss.sum + relations;
    }
    /// To the latent weights' gradients; the norm over all that learn, and clipped where it is above the option.
    double clip_gradients() {
        std::vector<std::span<float>> all;
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            if (!weights_[i].learns) continue;
            Parameter<float>& one = network_.parameters()[i];
            if (weights_[i].ternary) weights_[i].ternary->backward(compressor_, one.gradient, run_.threads);
            all.push_back(one.gradients());
        }
        return clip_gradient_norm(all, options_.clip, run_.threads);
    }
    void update(float rate) {
        parallel_for(weights_.size(), 1, run_.threads, [&](std::size_t i, std::size_t) {
            Weight& one = weights_[i];
            if (!one.learns) return;
            compressor_.optimizer().update(latent(i), network_.parameters()[i].gradients(), one.state, rate * one.rate);
            if constexpr (TernaryWeight<Compressor>::learns_scales)
                if (one.scale_state)
                    compressor_.optimizer().update(one.ternary->learned_scales(), one.ternary->scale_gradient(), *one.scale_state,
                                                   rate * compressor_.ste().rate);
        });
    }
    void watch_scores() {
        if (options_.qk_clip <= 0) return;
        network_.largest_scores = Matrix<float>(network_.config().layers, network_.config().heads);
    }
    /// Shrinks the latent rows of queries and keys whose scores were too large in this step.
    void clip_scores() {
        if (options_.qk_clip <= 0) return;
        const ModelConfig& config = network_.config();
        for (std::size_t layer = 0; layer < config.layers; ++layer) {
            const QkFactors factors = qk_clip(std::as_const(network_.largest_scores).row(layer), config.kv_heads, options_.qk_clip);
            const auto rows = network_.query_and_key_rows(layer);
            for (std::size_t r = 0; r < rows[0].count; ++r) scale_row(rows[0], r, factors.queries[r / config.head_dim]);
            for (std::size_t r = 0; r < rows[1].count; ++r) scale_row(rows[1], r, factors.keys[r / config.head_dim]);
        }
    }
    void scale_row(const Network<float>::Rows& rows, std::size_t row, float factor) {
        if (factor == 1) return;
        const std::size_t cols = network_.parameters()[rows.parameter].value.cols(), at = rows.first + row;
        for (float& value : latent(rows.parameter).subspan(at * cols, cols)) value *= factor;
        if (rows.bias != Parameters<float>::none) network_.parameters()[rows.bias].values()[at] *= factor;
        if (!weights_[rows.parameter].ternary) return;
        std::vector<float>& scales = weights_[rows.parameter].ternary->learned_scales();
        const std::size_t groups = scales.size() / network_.parameters()[rows.parameter].value.rows();  // 0: one for the tensor stays
        for (std::size_t g = 0; g < groups; ++g) scales[at * groups + g] *= factor;
    }
    template <class State, class F>
    static void fields_of(const std::string& name, State& state, F&& f) {
        bitnet::each_field(state, [&]<class Field>(std::string_view field, Field& value) {
            if constexpr (std::same_as<Field, std::uint64_t>)
                f(name + "." + std::string(field), value);
            else
                f(name + "." + std::string(field), std::span<float>(value));
        });
    }

    Network<float> network_;
    Compressor compressor_;
    StepOptions options_;
    BatchSource text_;
    Network<float>* teacher_;
    Execution run_;
    Tape<float> tape_;
    std::optional<Tape<float>> teacher_tape_{};
    LossWork<float> loss_;
    Scratch<float> hidden_, back_;
    std::optional<Scratch<float>> teacher_hidden_{};
    std::vector<Weight> weights_{};
    std::uint64_t step_ = 0;
    double slowness_ = 1;
};

}  // namespace bitnet::inline BITNET_ABI
