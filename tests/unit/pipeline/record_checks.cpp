#include <bitnet/pipeline/record_checks.hpp>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::count_faults;
using bitnet::Json;
using bitnet::record_faults;

namespace {

Json ternary(const std::string& name, std::uint64_t rows) {
    return Json::object({{"name", name}, {"role", "attention"}, {"treatment", "ternary"}, {"shape", Json::array({rows, 10})}, {"dtype", "F32"},
                         {"stored_bytes", 3 * rows}, {"bits_per_weight", 2.4},
                         {"distortion", Json::object({{"minus", 0.3}, {"zeros", 0.4}, {"plus", 0.3}, {"relative_error", 0.5}, {"max_error", 0.1}})}});
}
/// Of two ternary tensors of 20 and 30 weights and a kept one of 7.
Json good_record() {
    const Json kept = Json::object({{"name", "norm"}, {"role", "norm"}, {"treatment", "fp16"}, {"shape", Json::array({7})}, {"dtype", "F32"},
                                    {"stored_bytes", 14}, {"bits_per_weight", 16}});
    return Json::object({{"compression_ratio", 2.28}, {"sparsity_ratio", 0.4}, {"layers_quantized", 2}, {"layers_preserved", 1}, {"total_params", 57},
                         {"quantized_params", 50}, {"original_bytes", 228}, {"quantized_bytes", 100}, {"dequantized_bytes", 200}, {"recipe", "default"},
                         {"policies", Json::object()}, {"config", Json::object()}, {"tensors", Json::array({ternary("a", 2), ternary("b", 3), kept})}});
}
using Sentences = std::vector<std::string>;

}  // namespace

TEST_CASE("a record that is right has no faults") {
    CHECK(record_faults(good_record()).empty());
    CHECK(count_faults(good_record()).empty());
    Json more = good_record();  // what may be there, and may not have been measured
    more.set("fine_tuning", Json::object({{"pre_perplexity", 15.5}, {"post_compression_perplexity", nullptr}})).set("agreement", nullptr);
    more.set("speed", Json::object({{"packed_tokens_per_second", 100}}));
    CHECK(record_faults(more).empty());
    Json buffers = good_record();  // a mask that is no weight is not counted
    buffers.set("total_params", 50).set("original_bytes", 200);
    CHECK(count_faults(buffers).empty());
}

TEST_CASE("each key that is missing, and each value that cannot be, is named") {
    const auto fault = [](std::string_view key, Json value) { return record_faults(good_record().set(key, std::move(value))); };
    CHECK(fault("sparsity_ratio", 1.5) == Sentences{"sparsity_ratio is 1.5, expected a number from 0 to 1"});
    CHECK(fault("sparsity_ratio", nullptr) == Sentences{"sparsity_ratio is null, expected a number from 0 to 1"});
    CHECK(fault("compression_ratio", "8x") == Sentences{"compression_ratio is \"8x\", expected a number from 0"});
    CHECK(fault("total_params", 1.5) == Sentences{"total_params is 1.5, expected a whole number from 0"});
    CHECK(fault("total_params", -1) == Sentences{"total_params is -1, expected a whole number from 0"});
    CHECK(fault("fine_tuning", Json::object({{"pre_perplexity", 0.5}})) == Sentences{"fine_tuning.pre_perplexity is 0.5, expected a number from 1"});
    CHECK(fault("agreement", Json::object({{"top1_agreement", 2}})) == Sentences{"agreement.top1_agreement is 2, expected a number from 0 to 1"});
    CHECK(fault("agreement", 3) == Sentences{"agreement is 3, expected an object"});
    CHECK(fault("policies", 3) == Sentences{"no object \"policies\""});
    CHECK(fault("config", 3) == Sentences{"config is 3, expected an object"});
    CHECK(fault("recipe", "") == Sentences{"no text \"recipe\""});
    CHECK(fault("tensors", Json::object()) == Sentences{"no array \"tensors\""});
    CHECK(record_faults(Json(3)) == Sentences{"the record is 3, expected an object"});
    const Json whole = good_record();
    for (const auto& [key, value] : whole.as_object()) {
        Json::Object rest = whole.as_object();
        const std::string& name = key;  // clang 14 lets no lambda have a structured binding
        std::erase_if(rest, [&](const Json::Member& member) { return member.first == name; });
        INFO(name);
        CHECK(record_faults(Json::object(rest)).size() == (key == "config" ? 0 : 1));
    }
}

TEST_CASE("a tensor that is wrong is named by its place") {
    const auto fault = [](const Json& tensor) { return record_faults(good_record().set("tensors", Json::array({tensor}))); };
    const auto changed = [](std::string_view key, Json value) { return ternary("a", 2).set(key, std::move(value)); };
    CHECK(fault(ternary("a", 2)).empty());
    CHECK(fault(Json(3)) == Sentences{"tensors[0] is 3, expected an object"});
    CHECK(fault(changed("name", 3)) == Sentences{"tensors[0]: no text \"name\""});
    CHECK(fault(changed("stored_bytes", -1)) == Sentences{"tensors[0].stored_bytes is -1, expected a whole number from 0"});
    CHECK(fault(changed("shape", Json::array({2, -3}))) == Sentences{"tensors[0]: shape is no list of extents"});
    CHECK(fault(changed("distortion", nullptr)) == Sentences{"tensors[0]: no object \"distortion\""});
    Json lost = ternary("a", 2);
    lost.find("distortion")->set("zeros", 1.01);
    CHECK(fault(lost) == Sentences{"tensors[0].distortion.zeros is 1.01, expected a number from 0 to 1"});
}

TEST_CASE("sums that are not those of the tensors are told with both") {
    const auto fault = [](std::string_view key, Json value) { return count_faults(good_record().set(key, std::move(value))); };
    CHECK(fault("layers_quantized", 3) == Sentences{"layers_quantized is 3, the tensors give 2"});
    CHECK(fault("layers_preserved", 0) == Sentences{"layers_preserved is 0, the tensors give 1"});
    CHECK(fault("quantized_params", 51) == Sentences{"quantized_params is 51, the tensors give 50"});
    CHECK(fault("original_bytes", 229) == Sentences{"original_bytes is 229, 4 times total_params is 228"});
    CHECK(fault("quantized_bytes", 28) == Sentences{"quantized_bytes is 28, the tensors take 29"});
    CHECK(fault("quantized_bytes", 0).empty());  // no packed model was written
    CHECK(count_faults(good_record().set("total_params", 58).set("original_bytes", 232)) == Sentences{"total_params is 58, the tensors have 57 elements"});
}
