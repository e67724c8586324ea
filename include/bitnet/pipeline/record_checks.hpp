/// Whether the record of a compression has what others read in it, and whether its sums are those of its tensors.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/record.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// A number of the record, and between what it must lie. `outer` is the key of the object that holds it, or empty.
struct RecordNumber {
    std::string_view outer, key;
    double least, most;
    bool whole, required;
};

inline constexpr double no_bound = 1e300;
inline constexpr std::array record_numbers{
    RecordNumber{"", "compression_ratio", 0, no_bound, false, true},
    RecordNumber{"", "sparsity_ratio", 0, 1, false, true},
    RecordNumber{"", "layers_quantized", 0, no_bound, true, true},
    RecordNumber{"", "layers_preserved", 0, no_bound, true, true},
    RecordNumber{"", "total_params", 0, no_bound, true, true},
    RecordNumber{"", "quantized_params", 0, no_bound, true, true},
    RecordNumber{"", "original_bytes", 0, no_bound, true, true},
    RecordNumber{"", "quantized_bytes", 0, no_bound, true, true},
    RecordNumber{"", "dequantized_bytes", 0, no_bound, true, true},
    RecordNumber{"", "seconds", 0, no_bound, false, false},
    RecordNumber{"", "dequantization_accuracy", -no_bound, 1, false, false},
    RecordNumber{"fine_tuning", "pre_perplexity", 1, no_bound, false, false},
    RecordNumber{"fine_tuning", "post_compression_perplexity", 1, no_bound, false, false},
    RecordNumber{"agreement", "mean_divergence", -1e-6, no_bound, false, false},  // a mean of roundings about 0 may be below it
    RecordNumber{"agreement", "top1_agreement", 0, 1, false, false},
    RecordNumber{"agreement", "reference_accuracy", 0, 1, false, false},
    RecordNumber{"agreement", "other_accuracy", 0, 1, false, false},
    RecordNumber{"agreement", "dequantization_accuracy", -no_bound, 1, false, false},
    RecordNumber{"agreement", "int8_accuracy", -no_bound, 1, false, false},
    RecordNumber{"out_of_domain", "pre_perplexity", 1, no_bound, false, false},
    RecordNumber{"out_of_domain", "post_perplexity", 1, no_bound, false, false},
    RecordNumber{"speed", "original_tokens_per_second", 0, no_bound, false, false},
    RecordNumber{"speed", "packed_tokens_per_second", 0, no_bound, false, false}};

/// Nothing where the number obeys; a value that may be left out may also be null, for not measured.
inline void check_number(const Json& holder, const RecordNumber& rule, const std::string& place, std::vector<std::string>& faults) {
    const Json* const found = holder.find(rule.key);
    if (found == nullptr || (found->is_null() && !rule.required)) {
        if (rule.required) faults.push_back(message("no key ", quote(place)));
        return;
    }
    const bool right_kind = rule.whole ? found->is_integer() : found->is_number();
    if (!right_kind || !is_finite(found->as_double()) || found->as_double() < rule.least || found->as_double() > rule.most)
        faults.push_back(message(place, " is ", found->description(), ", expected ", rule.whole ? "a whole number" : "a number",
                                 rule.least <= -no_bound ? "" : message(" from ", rule.least), rule.most >= no_bound ? "" : message(" to ", rule.most)));
}

/// Elements of a tensor's shape as the record writes it; nothing fits where it is no list of extents.
inline bool elements_of(const Json& tensor, double& elements) {
    const Json* const shape = report::find_value(tensor, {"shape"});
    if (shape == nullptr || !shape->is_array()) return false;
    elements = 1;
    for (const Json& extent : shape->as_array()) {
        if (!extent.is_integer() || extent.as_double() < 0) return false;
        elements *= extent.as_double();
    }
    return true;
}

inline void check_tensor(const Json& tensor, const std::string& place, std::vector<std::string>& faults) {
    if (!tensor.is_object()) return faults.push_back(message(place, " is ", tensor.description(), ", expected an object"));
    for (const std::string_view key : {"name", "role", "treatment", "dtype"})
        if (report::find_text(tensor, {key}).empty()) faults.push_back(message(place, ": no text ", quote(key)));
    check_number(tensor, {"", "stored_bytes", 0, no_bound, true, true}, place + ".stored_bytes", faults);
    check_number(tensor, {"", "bits_per_weight", 0, no_bound, false, true}, place + ".bits_per_weight", faults);
    if (double elements = 0; !elements_of(tensor, elements)) faults.push_back(message(place, ": shape is no list of extents"));
    if (report::find_text(tensor, {"treatment"}) != "ternary") return;
    const Json* const lost = tensor.find("distortion");
    if (lost == nullptr || !lost->is_object()) return faults.push_back(message(place, ": no object \"distortion\""));
    for (const std::string_view key : {"minus", "zeros", "plus"})
        check_number(*lost, {"", key, 0, 1, false, true}, message(place, ".distortion.", key), faults);
    for (const std::string_view key : {"relative_error", "max_error"})
        check_number(*lost, {"", key, 0, no_bound, false, true}, message(place, ".distortion.", key), faults);
}

/// Sums over the record's tensors.
struct TensorSums {
    std::uint64_t ternary = 0, kept = 0;
    double ternary_elements = 0, elements = 0, stored_bytes = 0;
};
inline TensorSums sums_of(const Json& record) {
    TensorSums out;
    for (const Json& tensor : report::find_items(record, {"tensors"})) {
        double elements = 0;
        elements_of(tensor, elements);
        const bool ternary = report::find_text(tensor, {"treatment"}) == "ternary";
        ++(ternary ? out.ternary : out.kept);
        out.elements += elements;
        if (ternary) out.ternary_elements += elements;
        out.stored_bytes += report::find_number(tensor, {"stored_bytes"}).value_or(0);
    }
    return out;
}

}  // namespace detail

/// A sentence for each key of the record that is missing, and each value of another kind or out of its range.
inline std::vector<std::string> record_faults(const Json& record) {
    if (!record.is_object()) return {message("the record is ", record.description(), ", expected an object")};
    std::vector<std::string> out;
    for (const detail::RecordNumber& rule : detail::record_numbers) {
        const Json* const holder = rule.outer.empty() ? &record : record.find(rule.outer);
        if (holder == nullptr || holder->is_null()) continue;
        if (holder->is_object())
            detail::check_number(*holder, rule, rule.outer.empty() ? std::string(rule.key) : message(rule.outer, ".", rule.key), out);
        else if (const std::string fault = message(rule.outer, " is ", holder->description(), ", expected an object"); out.empty() || out.back() != fault)
            out.push_back(fault);
    }
    if (report::find_text(record, {"recipe"}).empty()) out.emplace_back("no text \"recipe\"");
    if (const Json* const found = record.find("policies"); found == nullptr || !found->is_object()) out.emplace_back("no object \"policies\"");
    if (const Json* const found = record.find("config"); found != nullptr && !found->is_object())  // bitnet train has none
        out.push_back(message("config is ", found->description(), ", expected an object"));
    const Json* const tensors = record.find("tensors");
    if (tensors == nullptr || !tensors->is_array()) return out.emplace_back("no array \"tensors\""), out;
    for (std::size_t i = 0; i < tensors->as_array().size(); ++i) detail::check_tensor(tensors->as_array()[i], message("tensors[", i, "]"), out);
    return out;
}

/// A sentence for each sum of a record without faults that is not that of its tensors.
inline std::vector<std::string> count_faults(const Json& record) {
    std::vector<std::string> out;
    const detail::TensorSums sums = detail::sums_of(record);
    const auto number = [&](std::string_view key) { return record.at(key, "record").as_double(key); };
    const auto expect = [&](std::string_view key, double sum) {
        if (number(key) != sum) out.push_back(message(key, " is ", number(key), ", the tensors give ", sum));
    };
    expect("layers_quantized", static_cast<double>(sums.ternary));
    expect("layers_preserved", static_cast<double>(sums.kept));
    expect("quantized_params", sums.ternary_elements);
    const double parameters = number("total_params");
    if (parameters < sums.ternary_elements || parameters > sums.elements)  // what is no weight is not counted
        out.push_back(message("total_params is ", parameters, ", the tensors have ", sums.elements, " elements"));
    if (number("original_bytes") != 4 * parameters) out.push_back(message("original_bytes is ", number("original_bytes"), ", 4 times total_params is ", 4 * parameters));
    if (const double packed = number("quantized_bytes"); packed != 0 && sums.stored_bytes > packed)
        out.push_back(message("quantized_bytes is ", packed, ", the tensors take ", sums.stored_bytes));
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
