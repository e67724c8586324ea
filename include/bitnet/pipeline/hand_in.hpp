/// What an earlier phase says of a model that it hands over, held against what is measured.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/core/closest.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/pipeline/check.hpp>
#include <bitnet/pipeline/config.hpp>

namespace bitnet::inline BITNET_ABI {

/// What is said of the model. Each may be left out.
struct HandIn {
    std::optional<double> pre_perplexity{};  ///< 1 or more
    std::optional<double> pre_accuracy{};    ///< share of next tokens that are right, in [0, 1]
    std::optional<double> model_size_mb{};   ///< bytes of all tensors at FP32 / 2^20
    std::filesystem::path tokenizer_path{};  ///< a file or directory that is there; empty: not said
};

/// What was measured of it.
struct HandInFigures {
    std::uint64_t parameters = 0;      ///< tied tensors once
    std::uint64_t original_bytes = 0;  ///< at FP32
    std::optional<double> perplexity{}, accuracy{};
};

/// Fewer parameters than this rarely bear ternary weights.
inline constexpr std::uint64_t few_parameters = 5'000'000;
/// What is said then; empty for larger models.
inline std::string few_parameters_warning(std::uint64_t parameters) {
    if (parameters >= few_parameters) return {};
    return message(parameters, " parameters are few for ternary weights, fewer than ", few_parameters, "; 4 or 8 bits a weight may serve it better");
}

namespace detail {

inline double number_in(const Json& value, const std::string& what, double least, double most, std::string_view range) {
    const double number = value.as_double(what);
    if (!is_finite(number) || number < least || number > most) throw error(errc::bad_value, message(what, " = ", number, " is not ", range));
    return number;
}

}  // namespace detail

/// An object with any of pre_perplexity, pre_accuracy, model_size_mb and tokenizer_path, which is relative to `directory`.
/// `file` begins errors.
/// Errors  errc::bad_value for an unknown key, with the nearest known one, for another kind of value and one out of range;
///         errc::missing for a tokenizer_path that is not there
inline HandIn hand_in_from_json(const Json& json, std::string_view file, const std::filesystem::path& directory) {
    static constexpr std::array<std::string_view, 4> known{"pre_perplexity", "pre_accuracy", "model_size_mb", "tokenizer_path"};
    HandIn out;
    for (const auto& [key, value] : json.as_object(file)) {
        const std::string what = message(file, ": ", key);
        if (key == "pre_perplexity") {
            out.pre_perplexity = detail::number_in(value, what, 1, 1e300, "a perplexity, which is 1 or more");
        } else if (key == "pre_accuracy") {
            out.pre_accuracy = detail::number_in(value, what, 0, 1, "a share, from 0 to 1");
        } else if (key == "model_size_mb") {
            out.model_size_mb = detail::number_in(value, what, 0, 1e300, "a size");
        } else if (key == "tokenizer_path") {
            out.tokenizer_path = directory / value.as_string(what);
            std::error_code ignored;
            if (value.as_string().empty() || !std::filesystem::exists(out.tokenizer_path, ignored))
                throw error(errc::missing, message(what, ": ", detail::quote(out.tokenizer_path.string()), " does not exist"));
        } else {
            throw error(errc::bad_value, message(file, ": no key of a hand-off is called ", detail::quote(key), "; did you mean \"", closest(key, known), "\"?"));
        }
    }
    return out;
}

/// The same from a file; tokenizer_path is relative to its directory.
inline HandIn read_hand_in(const std::filesystem::path& file) { return hand_in_from_json(read_json_file(file), file.string(), file.parent_path()); }

/// A check for each figure: passed within `tolerance` of what was measured, as a share of it, else a warning; skipped where one of
/// both is not there, and left out where nothing was said. First of all whether the model is large enough: fewer than
/// few_parameters is a warning.
inline std::vector<Check> check_hand_in(const HandIn& said, const HandInFigures& measured, double tolerance = 0.01) {
    std::vector<Check> out;
    if (std::string warning = few_parameters_warning(measured.parameters); !warning.empty())
        out.push_back({"parameters", Check::State::warning, std::move(warning)});
    else
        out.push_back({"parameters", Check::State::passed, message(measured.parameters, " parameters")});
    const auto compare = [&](std::string_view name, const std::optional<double>& figure, const std::optional<double>& found) {
        if (!figure) return;
        if (!found) return out.push_back({std::string(name), Check::State::skipped, message(name, " is said to be ", *figure, "; it was not measured")});
        const bool agrees = std::abs(*figure - *found) <= tolerance * std::abs(*found);
        out.push_back({std::string(name), agrees ? Check::State::passed : Check::State::warning,
                       message(name, " is said to be ", *figure, agrees ? " and is " : ", measured is ", *found)});
    };
    compare("pre_perplexity", said.pre_perplexity, measured.perplexity);
    compare("pre_accuracy", said.pre_accuracy, measured.accuracy);
    compare("model_size_mb", said.model_size_mb, static_cast<double>(measured.original_bytes) / (1 << 20));
    if (!said.tokenizer_path.empty()) out.push_back({"tokenizer_path", Check::State::passed, message(said.tokenizer_path.string(), " is there")});
    return out;
}

/// What the record says of it, under "hand_in".
inline Json hand_in_to_json(const HandInFigures& measured, const std::vector<Check>& checks) {
    return Json::object({{"parameters", measured.parameters}, {"size_category", Config::size_category(measured.parameters)}, {"checks", to_json(checks)}});
}

}  // namespace bitnet::inline BITNET_ABI
