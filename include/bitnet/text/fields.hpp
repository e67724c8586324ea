/// Typed, checked access to the objects of a tokenizer's JSON files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>

namespace bitnet::inline BITNET_ABI {

/// One object of a file and the name of its place there; refers to the object and owns nothing of it.
///
/// A key that is null counts as absent.
/// Errors  errc::bad_value "<file>: model.vocab: expected an object, found 3"; errc::missing for a required key
class Fields {
public:
    /// `place` is empty for the whole document.
    Fields(const Json& object, std::string file, std::string place = {})
        : object_(&object), file_(std::move(file)), place_(std::move(place)) {
        object.as_object(where());
    }

    const Json& json() const noexcept { return *object_; }
    /// "<file>: <place>", or "<file>" for the whole document.
    std::string where() const { return place_.empty() ? file_ : message(file_, ": ", place_); }
    std::string where(std::string_view key) const { return message(file_, ": ", place_of(key)); }

    const Json* find(std::string_view key) const {
        const Json* value = object_->find(key);
        return value == nullptr || value->is_null() ? nullptr : value;
    }
    const Json& required(std::string_view key) const {
        if (const Json* value = find(key)) return *value;
        throw error(errc::missing, message(where(key), " is missing"));
    }

    bool flag(std::string_view key, bool absent) const {
        const Json* value = find(key);
        return value == nullptr ? absent : value->as_bool(where(key));
    }
    std::string text(std::string_view key) const { return required(key).as_string(where(key)); }
    std::string text(std::string_view key, std::string_view absent) const {
        return find(key) == nullptr ? std::string(absent) : text(key);
    }
    std::uint32_t id(std::string_view key) const { return as_id(required(key), where(key)); }

    std::optional<Fields> object(std::string_view key) const {
        const Json* value = find(key);
        if (value == nullptr) return std::nullopt;
        return Fields(*value, file_, place_of(key));
    }
    Fields required_object(std::string_view key) const { return Fields(required(key), file_, place_of(key)); }
    /// The objects of a list; an absent list is empty.
    std::vector<Fields> objects(std::string_view key) const {
        std::vector<Fields> out;
        if (const Json* list = find(key))
            for (const Json& item : list->as_array(where(key)))
                out.emplace_back(item, file_, message(place_of(key), '[', out.size(), ']'));
        return out;
    }

    /// Every step of a list such as {"type": "Sequence", "normalizers": [...]}, in order and with inner lists unfolded;
    /// one step that is no list is a list of one, and an absent key is an empty one.
    std::vector<Fields> steps(std::string_view key, std::string_view list_key) const {
        std::vector<Fields> out;
        if (const auto first = object(key)) first->append_steps(list_key, out);
        return out;
    }

    /// For a value of "type" that nothing here can do.
    [[noreturn]] void refuse_type(std::string_view known) const {
        throw error(errc::unsupported, message(where("type"), ' ', detail::quote(text("type")), " is not supported; known: ",
                                               known));
    }

    /// A token id, 0 ... 2^32 - 2.
    static std::uint32_t as_id(const Json& value, std::string_view where) {
        const std::uint64_t id = value.as_unsigned(where);
        if (id < std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(id);
        throw error(errc::bad_value, message(where, ": ", id, " is too large for a token id"));
    }

private:
    std::string place_of(std::string_view key) const { return message(place_, place_.empty() ? "" : ".", key); }
    void append_steps(std::string_view list_key, std::vector<Fields>& out) const {
        if (text("type") != "Sequence") return out.push_back(*this);
        required(list_key);
        for (const Fields& inner : objects(list_key)) inner.append_steps(list_key, out);
    }

    const Json* object_;
    std::string file_, place_;
};

}  // namespace bitnet::inline BITNET_ABI
