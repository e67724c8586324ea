#include <bitnet/train/trainer.hpp>

#include <doctest/doctest.h>

#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/ste/learned_scale.hpp>
#include <bitnet/policy/ste/progressive.hpp>
#include <bitnet/train/optimizer/any.hpp>
#include <bitnet/train/snapshot.hpp>

#include "models.hpp"

using namespace bitnet;
using namespace bitnet_test;

TEST_CASE("a network learns to count through ternary weights, with every estimator and optimizer") {
    const auto last_loss = [](auto trainer) {
        double first = 0, last = 0;
        while (!trainer.finished()) {
            const StepResult result = trainer.step();
            if (trainer.step_count() == 1) first = result.loss;
            last = result.loss;
        }
        CAPTURE(first);
        CHECK(last < first / 2);
        return last;
    };
    last_loss(make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(150)));
    last_loss(make_trainer(Compressor{ste::LearnedScale{}}, quick_steps(150)));
    last_loss(make_trainer(Compressor{ste::Progressive{}}, quick_steps(150)));
    StepOptions muon = quick_steps(150);
    muon.learning_rate = 0.2;
    last_loss(make_trainer(Compressor{quantizer::RoundClip{}, optimizer::Muon{}}, muon));
    StepOptions rounded = quick_steps(150);
    rounded.round_activations = true;
    last_loss(make_trainer(Compressor{quantizer::RoundClip{}}, rounded));
}

TEST_CASE("every step gives the same bits for any number of threads, and whether activations are kept or not") {
    StepOptions options = quick_steps(12);
    auto one = make_trainer(Compressor{ste::LearnedScale{}}, options, 1);
    options.keep = Keep::inputs;
    auto three = make_trainer(Compressor{ste::LearnedScale{}}, options, 3);
    while (!one.finished()) CHECK(one.step().loss == three.step().loss);
    CHECK(Snapshot::of(one) == Snapshot::of(three));
}

TEST_CASE("batches whose gradients are added are one batch") {
    StepOptions halves = quick_steps(3);
    halves.batches_per_step = 2;
    const Compressor compressor{quantizer::RoundClip{}};
    Trainer<std::decay_t<decltype(compressor)>> added{small_network(), compressor, halves, BatchSource(counting_texts(24), 16, 64, 5), nullptr, execution()};
    const double by_parts = added.step().loss;
    BatchSource source(counting_texts(24), 16, 64, 5);
    Batch all = source.next();
    const Batch second = source.next();
    for (std::size_t i = 0; i < second.texts(); ++i)
        all.add(std::span(second.ids).subspan(second.begins[i], second.begins[i + 1] - second.begins[i]));
    std::vector<std::vector<std::uint32_t>> texts;
    for (std::size_t i = 0; i < all.texts(); ++i) texts.emplace_back(all.ids.begin() + static_cast<long>(all.begins[i]), all.ids.begin() + static_cast<long>(all.begins[i + 1]));
    Trainer<std::decay_t<decltype(compressor)>> whole{small_network(), compressor, quick_steps(3), BatchSource(texts, 16, 128, 5), nullptr, execution()};
    CHECK(whole.step().loss == doctest::Approx(by_parts).epsilon(1e-5));
}

TEST_CASE("tables stay as they are where their learning rate is 0, and dense tensors too where nothing is ternary") {
    StepOptions options = quick_steps(2);
    options.table_rate = 0;
    const Matrix<float> table = small_network().parameters()[0].value;
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, options);
    trainer.step();
    CHECK(trainer.network().parameters()[0].value.values() == table.values());
    CHECK(trainer.network().parameters()[0].gradient.rows() == 0);  // nobody wants it
    options.table_rate = 1;
    auto learning = make_trainer(Compressor{quantizer::RoundClip{}}, options);
    learning.step();
    CHECK(learning.network().parameters()[0].value.values() != table.values());
}

TEST_CASE("tables that are to be ternary are, whether they learn or not") {
    for (const float rate : {0.0f, 1.0f}) {
        StepOptions options = quick_steps(3);
        options.table_rate = rate;
        auto trainer = make_trainer(Compressor{quantizer::RoundClip{}, preservation::ByRole{.embeddings = false}}, options);
        const Matrix<float> before = trainer.network().parameters()[0].value;
        while (!trainer.finished()) trainer.step();
        trainer.finish();
        const Parameter<float>& table = trainer.network().parameters()[0];
        REQUIRE(table.spec.role == TensorRole::token_embedding);
        for (std::size_t r = 0; r < table.value.rows(); ++r) CHECK(TernaryDetector{}.add(table.value.row(r)));
        CHECK((table.value.values() != before.values()) == (rate > 0));
    }
}

TEST_CASE("a student of its own teacher begins with what rounding lost and loses it") {
    Network<float> teacher = small_network();
    StepOptions options = quick_steps(100);
    options.loss = {.hidden = 0.1f, .relations = 0.1f};
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, options, 1, &teacher);
    const double first = trainer.step().loss;
    double last = 0;
    while (!trainer.finished()) last = trainer.step().loss;
    CHECK(last < first / 3);
}

TEST_CASE("a state restored goes on as if nothing had been between, and the state's bytes are counted") {
    auto one = make_trainer(Compressor{ste::LearnedScale{}}, quick_steps(20)), other = make_trainer(Compressor{ste::LearnedScale{}}, quick_steps(20));
    for (int i = 0; i < 7; ++i) one.step();
    const Snapshot middle = Snapshot::of(one);
    middle.restore(other, "memory");
    for (int i = 0; i < 5; ++i) CHECK(one.step().loss == other.step().loss);
    CHECK(Snapshot::of(one) == Snapshot::of(other));
    // Older weights alone: the text goes on, and the optimizer forgets when it is told to.
    auto learned = one.weights();
    const std::uint64_t epoch = middle.words.at("epoch"), window = Snapshot::of(one).words.at("window");
    middle.restore(learned, "memory");
    one.forget_gradients();
    const Snapshot back = Snapshot::of(one);
    CHECK(back.words.at("step") == 7);
    CHECK(back.words.at("window") == window);
    CHECK(back.words.at("epoch") >= epoch);
    for (const auto& [name, values] : back.tensors) {
        const bool of_the_optimizer = name.ends_with(".mean") || name.ends_with(".square");
        const bool as_it_should = of_the_optimizer ? std::ranges::all_of(values, [](float value) { return value == 0; }) : values == middle.tensors.at(name);
        CHECK(as_it_should);
    }
    // AdamW: two floats for each weight and scale that learns, and a step count a tensor.
    std::size_t weights = 0, tensors = 0;
    for (const auto& [name, values] : middle.tensors)
        if (name.ends_with(".mean")) {
            weights += values.size();
            ++tensors;
        }
    CHECK(one.optimizer_bytes() == 8 * weights + 8 * tensors);
}

TEST_CASE("a gradient that is not finite changes no weight and is told") {
    Network<float> broken = small_network();
    broken.parameters()[0].values()[3] = std::bit_cast<float>(0x7f800000u);  // of token 0
    const Compressor compressor{quantizer::RoundClip{}};
    Trainer<std::decay_t<decltype(compressor)>> trainer(std::move(broken), compressor, quick_steps(3), BatchSource(counting_texts(24), 16, 64, 5), nullptr, execution());
    const Snapshot before = Snapshot::of(trainer);
    const StepResult result = trainer.step();
    CHECK((!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)));
    const Snapshot after = Snapshot::of(trainer);
    CHECK(after.tensors.at("model.layers.0.mlp.up_proj.weight") == before.tensors.at("model.layers.0.mlp.up_proj.weight"));
}

TEST_CASE("attention scores that are too large come down to the limit, and predictions of others stay") {
    StepOptions options = quick_steps(10);
    options.learning_rate = 0;
    options.qk_clip = 0.05f;
    const auto scores_of = [](Network<float>& network) {
        const Batch batch = BatchSource(counting_texts(24), 16, 64, 5).next();
        const Tape<float> tape(network.config(), 64, Keep::nothing);
        Matrix<float> hidden(batch.ids.size(), 16);
        network.largest_scores = Matrix<float>(1, 2);
        network.forward(batch, tape, hidden, 2);
        return network.largest_scores.values();
    };
    auto trainer = make_trainer(Compressor{ste::LearnedScale{}}, options);
    const std::vector<float> before = scores_of(trainer.network());
    REQUIRE(before[0] > 0.06f);
    trainer.step();
    trainer.finish();
    const std::vector<float> after = scores_of(trainer.network());
    for (std::size_t head = 0; head < 2; ++head)  // learned scales are stored in 16 bits
        CHECK(static_cast<double>(after[head]) == doctest::Approx(std::min(0.05, static_cast<double>(before[head]))).epsilon(0.01));
}

TEST_CASE("a loss of which every share is 0 is refused") {
    Network<float> teacher = small_network();
    StepOptions options = quick_steps(3);
    options.loss = {};
    CHECK_THROWS_WITH_AS(make_trainer(Compressor{}, options), "without a teacher the share of targets must be above 0", bitnet::error);
    options.loss.distillation = 0;
    CHECK_THROWS_WITH_AS(make_trainer(Compressor{}, options, 1, &teacher), "every share of the loss is 0: nothing would be learned", bitnet::error);
}

TEST_CASE("a teacher of another vocabulary, or of another width where that matters, is refused") {
    const auto teacher_of = [](std::size_t vocabulary, std::size_t width, std::size_t heads = 2) {
        const bitnet_test::TempDir dir;
        write_random_model(dir / "model", {.vocab_size = vocabulary, .hidden_size = width, .intermediate_size = 24, .layers = 1, .heads = heads, .kv_heads = 1});
        const ModelWeights weights(dir / "model");
        return Network<float>(weights.config(), read_parameters<float>(weights, execution()));
    };
    Network<float> other_tokens = teacher_of(21, 16), wider = teacher_of(20, 32);
    StepOptions options = quick_steps(3);
    options.loss = {};
    CHECK_THROWS_WITH_AS(make_trainer(Compressor{}, options, 1, &other_tokens), "the teacher knows 21 tokens and the student 20", bitnet::error);
    make_trainer(Compressor{}, options, 1, &wider).step();
    options.loss.hidden = 1;
    CHECK_THROWS_WITH_AS(make_trainer(Compressor{}, options, 1, &wider), doctest::Contains("they cannot be compared"), bitnet::error);
    Network<float> fewer_heads = teacher_of(20, 16, 1);
    options.loss = {.relations = 1};
    CHECK_THROWS_WITH_AS(make_trainer(Compressor{}, options, 1, &fewer_heads), doctest::Contains("their relations cannot be compared"), bitnet::error);
}
