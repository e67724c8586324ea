/// Layer and matrix of a tensor, as far as its name says.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI::report {

/// "model.layers.3.mlp.up_proj.weight" is "mlp.up_proj" in layer 3 behind "model.layers". The first part that is a
/// number, with something behind it, is the layer.
struct TensorPlace {
    std::string prefix{}, matrix{};
    std::optional<std::uint64_t> layer{};
};

inline TensorPlace place_of(std::string_view name) {
    const auto matrix_of = [](std::string_view rest) {
        constexpr std::string_view end = ".weight";
        return std::string(rest.size() > end.size() && rest.ends_with(end) ? rest.substr(0, rest.size() - end.size()) : rest);
    };
    for (std::size_t begin = 0; begin < name.size();) {
        const std::size_t dot = std::min(name.find('.', begin), name.size());
        const std::string_view part = name.substr(begin, dot - begin);
        std::uint64_t layer = 0;
        const auto [stop, failure] = std::from_chars(part.data(), part.data() + part.size(), layer);
        const bool is_number = !part.empty() && failure == std::errc() && stop == part.data() + part.size() && (part == "0" || part.front() != '0');
        if (is_number && dot + 1 < name.size())
            return {.prefix = std::string(name.substr(0, begin == 0 ? 0 : begin - 1)), .matrix = matrix_of(name.substr(dot + 1)), .layer = layer};
        begin = dot + 1;
    }
    return {.prefix = {}, .matrix = matrix_of(name), .layer = {}};
}

}  // namespace bitnet::inline BITNET_ABI::report
