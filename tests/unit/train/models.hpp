/// What tests of training train.
#pragma once

#include <cstdint>
#include <vector>

#include <bitnet/model/random_model.hpp>
#include <bitnet/train/trainer.hpp>

#include <support/temp_dir.hpp>

namespace bitnet_test {

/// A Llama of some 3,000 parameters.
inline bitnet::Network<float> small_network(std::uint64_t seed = 0, float factor = 5, std::size_t layers = 1) {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.vocab_size = 20, .hidden_size = 16, .intermediate_size = 24, .layers = layers, .heads = 2,
                                               .kv_heads = 1, .max_positions = 32, .seed = seed});
    const bitnet::ModelWeights weights(dir / "model");
    bitnet::Parameters<float> parameters = bitnet::read_parameters<float>(weights, bitnet::execution());
    for (auto& one : parameters)
        for (float& value : one.values())
            if (one.spec.role != bitnet::TensorRole::norm) value *= factor;
    return {weights.config(), std::move(parameters)};
}

/// Texts that count upwards, some by ones and some by threes, modulo 20.
inline std::vector<std::vector<std::uint32_t>> counting_texts(std::size_t count, std::uint32_t first = 0) {
    std::vector<std::vector<std::uint32_t>> out;
    for (std::uint32_t i = 0; i < count; ++i) {
        out.emplace_back();
        const std::uint32_t step = i % 2 == 0 ? 1 : 3;
        for (std::uint32_t t = 0; t < 12 + i % 5; ++t) out.back().push_back((first + 7 * i + step * t) % 20);
    }
    return out;
}

inline bitnet::StepOptions quick_steps(std::size_t steps) {
    bitnet::StepOptions out;
    out.steps = steps;
    out.learning_rate = 0.02;
    out.schedule.warmup = 5;
    out.table_rate = 1;
    out.loss = {.targets = 1, .distillation = 0};
    return out;
}

template <class Compressor>
bitnet::Trainer<Compressor> make_trainer(const Compressor& compressor, const bitnet::StepOptions& options, unsigned threads = 1,
                                         bitnet::Network<float>* teacher = nullptr) {
    return {small_network(), compressor, options, bitnet::BatchSource(counting_texts(24), 16, 64, 5), teacher,
            {bitnet::execution().kernels, threads}};
}

}  // namespace bitnet_test
