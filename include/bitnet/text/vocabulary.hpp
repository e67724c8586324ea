/// Tokens and their ids, both ways.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/fields.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {
struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
}  // namespace detail

/// A one-to-one table; ids may have holes.
class Vocabulary {
public:
    Vocabulary() = default;
    Vocabulary(Vocabulary&&) noexcept = default;  // not copied: tokens_ refers to the keys of ids_
    Vocabulary& operator=(Vocabulary&&) noexcept = default;

    /// An object {token: id}, such as "vocab" of a model or the file vocab.json.
    ///
    /// Errors  errc::bad_value for an id that is none; errc::bad_file for an id that two tokens have
    static Vocabulary from(const Fields& object) {
        Vocabulary out;
        for (const auto& [token, id] : object.json().as_object()) out.add(token, Fields::as_id(id, object.where(token)), object.where());
        return out;
    }

    /// `where` begins the message of a refusal.
    void add(std::string_view token, std::uint32_t id, std::string_view where) {
        const auto [place, is_new] = ids_.emplace(token, id);
        if (!is_new && place->second == id) return;
        if (!is_new)
            throw error(errc::bad_file, message(where, ": ", detail::quote(token), " has the ids ", place->second, " and ", id));
        const auto [owner, is_free] = tokens_.emplace(id, place->first);
        if (!is_free)
            throw error(errc::bad_file, message(where, ": id ", id, " is that of ", detail::quote(owner->second), " and of ",
                                                detail::quote(token)));
        size_ = std::max(size_, std::size_t{id} + 1);
    }

    std::optional<std::uint32_t> id_of(std::string_view token) const {
        const auto found = ids_.find(token);
        return found == ids_.end() ? std::nullopt : std::optional(found->second);
    }
    /// The view lives as long as the vocabulary.
    std::optional<std::string_view> token_of(std::uint32_t id) const {
        const auto found = tokens_.find(id);
        return found == tokens_.end() ? std::nullopt : std::optional(found->second);
    }
    /// The largest id and 1; 0 without tokens.
    std::size_t size() const noexcept { return size_; }

private:
    std::unordered_map<std::string, std::uint32_t, detail::TextHash, std::equal_to<>> ids_;
    std::unordered_map<std::uint32_t, std::string_view> tokens_;
    std::size_t size_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI
