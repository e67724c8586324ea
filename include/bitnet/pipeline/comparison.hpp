/// A model and its compressed image side by side: what they write, how fast they are, how their weights lie.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/eval/model_speed.hpp>
#include <bitnet/infer/generate.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/report/tensor_place.hpp>
#include <bitnet/text/tokenizer.hpp>

namespace bitnet::inline BITNET_ABI {

struct SampleOptions {
    std::size_t texts = 3, tokens = 60, prompt_tokens = 12;  ///< of each text at most
    SamplingOptions sampling{.temperature = 0.7, .seed = 1};
};

/// Beginnings of texts that are spread evenly over all documents of 4 tokens or more.
inline std::vector<std::vector<std::uint32_t>> sample_prompts(std::span<const std::vector<std::uint32_t>> documents, const SampleOptions& options) {
    std::vector<const std::vector<std::uint32_t>*> long_enough;
    for (const auto& document : documents)
        if (document.size() >= 4) long_enough.push_back(&document);
    std::vector<std::vector<std::uint32_t>> out;
    const std::size_t count = std::min(options.texts, long_enough.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto& document = *long_enough[i * long_enough.size() / count];
        out.emplace_back(document.begin(), document.begin() + static_cast<std::ptrdiff_t>(std::min(options.prompt_tokens, document.size() / 2)));
    }
    return out;
}

/// What both models go on writing behind the same prompts, drawn with the same random numbers: [{prompt, original, compressed}].
inline Json compare_texts(const Transformer& original, const Transformer& compressed, const Tokenizer& tokenizer,
                          std::span<const std::vector<std::uint32_t>> prompts, const SampleOptions& options, Execution run) {
    Json::Array out;
    for (const auto& prompt : prompts) {
        const auto written_by = [&](const Transformer& model) {
            const auto go_on = [&](std::uint32_t id) { return id != tokenizer.eos(); };
            return tokenizer.decode(generate(model, prompt, options.tokens, Sampler(options.sampling), run, go_on), true);
        };
        out.push_back(Json::object({{"prompt", tokenizer.decode(prompt, true)}, {"original", written_by(original)}, {"compressed", written_by(compressed)}}));
    }
    return Json::array(std::move(out));
}

/// Tokens a second that both read and write on this machine as it is now, measured in one run. packed: with the activations that it
/// is run with
inline Json compare_speed(const Transformer& original, const Transformer& packed, Execution run) {
    const std::size_t positions = original.config().max_positions;
    const SpeedOptions options{.prompt_tokens = std::min<std::size_t>(128, positions), .generated_tokens = std::min<std::size_t>(64, positions - 1)};
    const ModelSpeed before = model_speed(original, options, run), after = model_speed(packed, options, run);
    return Json::object({{"original_tokens_per_second", before.generation},
                         {"packed_tokens_per_second", after.generation},
                         {"original_prompt_tokens_per_second", before.prompt},
                         {"packed_prompt_tokens_per_second", after.prompt},
                         {"speedup", after.generation / before.generation}});
}

namespace detail {

/// Counts of the weights of all matrices of one kind, each in units of its own root mean square.
struct WeightCounts {
    static constexpr std::size_t bins = 48;
    static constexpr double reach = 3;
    std::vector<double> before = std::vector<double>(bins), after = std::vector<double>(bins);

    static void add(std::vector<double>& counts, std::span<const float> values, double unit) {
        for (const float value : values) {
            const double place = (static_cast<double>(value) / unit + reach) / (2 * reach) * static_cast<double>(bins);
            counts[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins) - 1))] += 1;
        }
    }
    Json described(const std::string& name) const {
        Json::Array edges;
        for (std::size_t i = 0; i <= bins; ++i) edges.emplace_back(reach * (2 * static_cast<double>(i) / static_cast<double>(bins) - 1));
        const auto list = [](const std::vector<double>& counts) { return Json::array(Json::Array(counts.begin(), counts.end())); };
        return Json::object({{"name", name}, {"edges", Json::array(std::move(edges))}, {"before", list(before)}, {"after", list(after)}});
    }
};

}  // namespace detail

/// How the weights that became ternary lay before and lie after, one histogram for each kind of matrix, in units of the original's root
/// mean square; what is beyond 3 of them stands in the last bins. Of large matrices some rows are taken.
///
/// record: of the compression, whose `tensors` say what is ternary; dense: dequantized/
/// Errors  those of reading both models
inline Json weight_histograms(const ModelDir& original, const std::filesystem::path& dense, const Json& record, Execution run) {
    constexpr std::size_t most_weights = 1 << 18;  // of one matrix
    const ModelDir after(dense);
    std::map<std::string, const ModelTensor*, std::less<>> dense_tensors;
    for (const ModelTensor& tensor : after.tensors()) dense_tensors.emplace(tensor.name, &tensor);
    std::map<std::string, detail::WeightCounts, std::less<>> kinds;
    std::map<std::string, bool, std::less<>> ternary;
    for (const Json& tensor : record.at("tensors", "record").as_array("tensors")) ternary[tensor.at("name").as_string()] = tensor.at("treatment").as_string() == "ternary";
    for (const ModelTensor& tensor : original.tensors()) {
        const auto found = dense_tensors.find(tensor.name);
        if (!ternary[tensor.name] || found == dense_tensors.end()) continue;
        const FloatRows one(original.view(tensor), *run.kernels), other(after.view(*found->second), *run.kernels);
        detail::WeightCounts& counts = kinds[report::place_of(tensor.name).matrix];
        const std::size_t step = std::max<std::size_t>(1, one.rows() * one.cols() / most_weights);
        std::vector<float> buffer;
        double squares = 0, taken = 0;
        for (std::size_t r = 0; r < one.rows(); r += step)
            for (const float value : one.row(r, buffer)) squares += static_cast<double>(value) * static_cast<double>(value), taken += 1;
        if (squares == 0) continue;
        for (std::size_t r = 0; r < one.rows(); r += step) {
            detail::WeightCounts::add(counts.before, one.row(r, buffer), std::sqrt(squares / taken));
            detail::WeightCounts::add(counts.after, other.row(r, buffer), std::sqrt(squares / taken));
        }
    }
    Json::Array out;
    for (const auto& [name, counts] : kinds) out.push_back(counts.described(name));
    return Json::array(std::move(out));
}

}  // namespace bitnet::inline BITNET_ABI
