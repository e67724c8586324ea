/// How a packed model stands in its safetensors file: names of tensors, and the "bitnet" entry of its metadata.
/// docs/formats/packed_model.md describes the same for other programs.
#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/pack/layout.hpp>

namespace bitnet::inline BITNET_ABI {

/// Key of the metadata entry, and the number that says how to read it.
inline constexpr std::string_view packed_metadata_key = "bitnet";
inline constexpr std::uint64_t packed_format_version = 1;

/// The first plane's is "name.codes", the second's "name.codes1", and so on.
inline std::string plane_name(std::string_view tensor, std::string_view part, std::size_t plane) {
    return plane == 0 ? message(tensor, part) : message(tensor, part, plane);
}
inline std::string codes_name(std::string_view tensor, std::size_t plane = 0) { return plane_name(tensor, ".codes", plane); }
inline std::string scales_name(std::string_view tensor, std::size_t plane = 0) { return plane_name(tensor, ".scales", plane); }
inline std::string offsets_name(std::string_view tensor) { return message(tensor, ".offsets"); }
inline std::string int8_name(std::string_view tensor) { return message(tensor, ".int8"); }
inline std::string int8_scales_name(std::string_view tensor) { return message(tensor, ".int8_scales"); }

/// What the metadata says about one ternary tensor.
struct PackedEntry {
    Shape shape;                ///< as compressed: output channels first
    std::size_t group = 1;      ///< weights of a row that share a scale
    bool whole_tensor = false;  ///< one scale for all
    bool transposed = false;    ///< the original stores inputs first, as GPT-2 does
    std::size_t planes = 1;     ///< tensors of codes whose weights add up, at most max_planes
    bool offsets = false;       ///< a region's weights have an offset beside their levels
    Rotation rotation{};        ///< of the columns: the basis that the codes are in
    bool operator==(const PackedEntry&) const = default;
};

inline constexpr std::size_t max_planes = 4;

/// What the metadata says about a tensor that was compressed so.
inline PackedEntry entry_of(const TernaryPlanes& made, bool transposed) {
    const TernaryTensor& first = made.planes.at(0);
    return {.shape = first.shape, .group = first.group, .whole_tensor = first.whole_tensor, .transposed = transposed,
            .planes = made.planes.size(), .offsets = !made.offsets.empty(), .rotation = made.rotation};
}

/// Everything the metadata says.
struct PackedMetadata {
    Layout layout = Layout::trit2;
    Json policies = Json::object();
    std::map<std::string, PackedEntry, std::less<>> tensors{};  ///< the ternary ones
    std::set<std::string, std::less<>> int8_rows{};             ///< kept as 8-bit integers with a scale a row
    std::set<std::string, std::less<>> unchanged{};             ///< kept byte for byte
    bool operator==(const PackedMetadata&) const = default;
};

/// {"quantizer": "absmean{}", ...}: every policy of a compressor, the defaults included.
template <class... Policies>
Json policies_to_json(const Compressor<Policies...>& compressor) {
    Json out = Json::object();
    compressor.each_policy([&](std::string_view role, const auto& policy) {
        out.set(std::string(role), Json(to_string(policy)));
    });
    return out;
}

/// The compressor that policies_to_json wrote, of a type that has just those policies. errc::bad_value naming the
/// policy when the text is another one's, or a knob is out of range; `file` stands in errors.
template <class Compressor>
Compressor policies_from_json(const Json& json, std::string_view file) {
    Compressor out;
    Compressor{}.each_policy([&](std::string_view role, const auto& policy) {
        using Policy = std::remove_cvref_t<decltype(policy)>;
        out = out.with(from_string<Policy>(json.at(role, file).as_string(message(file, ": ", role))));
    });
    return out;
}

inline std::string to_text(const PackedMetadata& metadata) {
    Json tensors = Json::object();
    for (const auto& [name, entry] : metadata.tensors) {
        Json::Array shape;
        for (const std::size_t extent : entry.shape) shape.emplace_back(extent);
        Json row = Json::object({{"shape", Json::array(std::move(shape))}});
        row.set("group", entry.whole_tensor ? Json("tensor") : Json(entry.group));
        if (entry.transposed) row.set("transposed", true);
        if (entry.planes != 1) row.set("planes", entry.planes);
        if (entry.offsets) row.set("offsets", true);
        if (entry.rotation) row.set("rotation", Json::object({{"block", entry.rotation.block}, {"seed", entry.rotation.seed}}));
        tensors.set(name, std::move(row));
    }
    const auto list = [](const std::set<std::string, std::less<>>& names) {
        return Json::array(Json::Array(names.begin(), names.end()));
    };
    return to_text(Json::object({{"format", packed_format_version},
                                 {"layout", to_string(metadata.layout)},
                                 {"policies", metadata.policies},
                                 {"tensors", std::move(tensors)},
                                 {"int8_rows", list(metadata.int8_rows)},
                                 {"unchanged", list(metadata.unchanged)}}), -1);
}

namespace detail {

/// One row of the metadata; `where` names file and tensor.
inline PackedEntry packed_entry(const Json& row, const std::string& where) {
    PackedEntry entry;
    const std::string shape = message(where, ": shape");
    for (const Json& extent : row.at("shape", where).as_array(shape)) entry.shape.push_back(extent.as_unsigned(shape));
    element_count(entry.shape, shape, 1);  // columns, even of no rows
    const Json& group = row.at("group", where);
    entry.whole_tensor = group.is_string() && group.as_string() == "tensor";
    entry.group = entry.whole_tensor ? std::max<std::size_t>(1, matrix_shape(entry.shape).cols)
                                     : group.as_unsigned(message(where, ": group"));
    if (entry.group == 0) throw error(errc::bad_file, message(where, ": a group holds at least one weight"));
    if (const Json* transposed = row.find("transposed")) entry.transposed = transposed->as_bool(message(where, ": transposed"));
    if (entry.transposed && entry.shape.size() != 2)
        throw error(errc::bad_file, message(where, ": only a matrix can be transposed, not ", to_string(entry.shape)));
    if (const Json* planes = row.find("planes")) entry.planes = planes->as_unsigned(message(where, ": planes"));
    if (entry.planes == 0 || entry.planes > max_planes)
        throw error(errc::bad_file, message(where, ": ", entry.planes, " planes of codes; there may be 1 to ", max_planes));
    if (const Json* offsets = row.find("offsets")) entry.offsets = offsets->as_bool(message(where, ": offsets"));
    if (const Json* rotation = row.find("rotation")) {
        const std::string what = message(where, ": rotation");
        entry.rotation = {rotation->at("block", what).as_unsigned(what + ": block"), rotation->at("seed", what).as_unsigned(what + ": seed")};
        if (!std::has_single_bit(entry.rotation.block) || matrix_shape(entry.shape).cols % entry.rotation.block != 0)
            throw error(errc::bad_file, message(what, ": blocks of ", entry.rotation.block, ", expected a power of two that divides the ",
                                                matrix_shape(entry.shape).cols, " columns"));
    }
    return entry;
}

}  // namespace detail

/// What to_text wrote. Every field is checked for its kind; what it says about tensors is checked against the file by
/// PackedModel. errc::bad_file or errc::bad_value, naming the file and the field.
inline PackedMetadata packed_metadata_from_text(std::string_view text, std::string_view file) {
    const std::string where = message(file, ": metadata \"", packed_metadata_key, "\"");
    const Json json = parse_json(text, where);
    const auto field = [&where](std::string_view key) { return message(where, ": ", key); };
    if (const std::uint64_t version = json.at("format", where).as_unsigned(field("format")); version != packed_format_version)
        throw error(errc::unsupported, message(where, ": format ", version, "; this version reads ", packed_format_version));
    PackedMetadata out;
    const std::string& layout = json.at("layout", where).as_string(field("layout"));
    const auto known = layout_named(layout);
    if (!known)
        throw error(errc::bad_file, message(where, ": layout ", detail::quote(layout), " is none of int8, trit2, trit5"));
    out.layout = *known;
    out.policies = json.at("policies", where);
    for (const auto& [role, policy] : out.policies.as_object(field("policies")))
        policy.as_string(message(field("policies"), ": ", detail::quote(role)));
    for (const auto& [name, row] : json.at("tensors", where).as_object(field("tensors")))
        out.tensors.emplace(name, detail::packed_entry(row, message(where, ": tensor ", detail::quote(name))));
    const auto read_names = [&](std::string_view key, std::set<std::string, std::less<>>& names) {
        if (const Json* list = json.find(key))
            for (const Json& name : list->as_array(field(key))) names.insert(name.as_string(field(key)));
    };
    read_names("int8_rows", out.int8_rows);
    read_names("unchanged", out.unchanged);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
