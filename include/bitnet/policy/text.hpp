/// Policies as text: `fixed{.threshold=0.5}`, the designated initializer that would build the value again.
///
/// A policy lists its knobs once: `static constexpr void knobs(auto&& visit) { visit(Knob{...}, Choice{...}, Text{...}); }`.
/// Printing, reading and range checks follow from that list. A policy without knobs lists nothing.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// A number in [lowest, highest], both included.
template <class Policy, class Number>
struct Knob {
    std::string_view name;
    Number Policy::* member;
    Number lowest;
    Number highest;

    std::string write(const Policy& policy) const { return message(policy.*member); }
    void read(Policy& policy, std::string_view text) const {
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), policy.*member);
        if (failure != std::errc{} || end != text.data() + text.size())
            throw error(errc::bad_value, message(Policy::name, ": ", name, " = ", text, " is not a number"));
    }
    void check(const Policy& policy) const {
        if (!(policy.*member >= lowest && policy.*member <= highest))  // written so that NaN fails
            throw error(errc::bad_value, message(Policy::name, ": ", name, " = ", policy.*member, " is outside [",
                                                 lowest, ", ", highest, "]"));
    }
};
template <class Policy, class Number>
Knob(std::string_view, Number Policy::*, Number, Number) -> Knob<Policy, Number>;

/// One of a few named values; to_string names a value. Flags are a choice between false and true.
template <class Policy, class Value, std::size_t Count>
struct Choice {
    std::string_view name;
    Value Policy::* member;
    std::array<Value, Count> allowed;

    static std::string name_of_value(Value value) {
        if constexpr (std::same_as<Value, bool>)
            return value ? "true" : "false";
        else
            return std::string(to_string(value));
    }
    std::string write(const Policy& policy) const { return name_of_value(policy.*member); }
    void read(Policy& policy, std::string_view text) const {
        for (const Value value : allowed)
            if (name_of_value(value) == text) {
                policy.*member = value;
                return;
            }
        fail(text);
    }
    void check(const Policy& policy) const {
        for (const Value value : allowed)
            if (value == policy.*member) return;
        fail(write(policy));
    }

private:
    [[noreturn]] void fail(std::string_view text) const {
        std::string known;
        for (const Value value : allowed) known += (known.empty() ? "" : ", ") + name_of_value(value);
        throw error(errc::bad_value, message(Policy::name, ": ", name, " = ", text, " is none of ", known));
    }
};
template <class Policy, class Value, std::size_t Count>
Choice(std::string_view, Value Policy::*, std::array<Value, Count>) -> Choice<Policy, Value, Count>;

/// Any string without a double quote.
template <class Policy>
struct Text {
    std::string_view name;
    std::string Policy::* member;

    std::string write(const Policy& policy) const { return '"' + policy.*member + '"'; }
    void read(Policy& policy, std::string_view text) const {
        if (text.size() < 2 || text.front() != '"' || text.back() != '"')
            throw error(errc::bad_value, message(Policy::name, ": ", name, " = ", text, " is not in double quotes"));
        policy.*member = text.substr(1, text.size() - 2);
    }
    void check(const Policy& policy) const {
        if ((policy.*member).find('"') != std::string::npos)
            throw error(errc::bad_value, message(Policy::name, ": ", name, " holds a double quote"));
    }
};
template <class Policy>
Text(std::string_view, std::string Policy::*) -> Text<Policy>;

namespace detail {
struct AnyKnobs {
    constexpr void operator()(const auto&...) const noexcept {}
};

/// What has a text form: a name, and knobs or at least a role.
template <class P>
concept Printable = requires { P::name; } && (requires { P::role; } || requires { P::knobs(AnyKnobs{}); });

}  // namespace detail

template <class Policy>
void check_knobs(const Policy& policy);
template <detail::Printable Policy>
std::string to_string(const Policy& policy);
template <class Policy>
Policy from_string(std::string_view text);

/// Another policy inside this one; its text, `name{...}`, is the value.
template <class Policy, class Member>
struct Nested {
    std::string_view name;
    Member Policy::* member;

    std::string write(const Policy& policy) const { return to_string(policy.*member); }
    void read(Policy& policy, std::string_view text) const { policy.*member = from_string<Member>(text); }
    void check(const Policy& policy) const { check_knobs(policy.*member); }
};
template <class Policy, class Member>
Nested(std::string_view, Member Policy::*) -> Nested<Policy, Member>;

namespace detail {

/// Calls visit once, with all knobs of the policy, if it has any.
template <class Policy, class Visit>
constexpr void visit_knobs(Visit&& visit) {
    if constexpr (requires { Policy::knobs(visit); }) Policy::knobs(visit);
}

/// Cuts `.name=value` off the front of a list. A value ends at a comma outside double quotes and braces.
inline std::pair<std::string_view, std::string_view> next_assignment(std::string_view policy, std::string_view& rest) {
    const std::size_t equals = rest.find('=');
    if (rest.empty() || rest.front() != '.' || equals == std::string_view::npos)
        throw error(errc::bad_value, message(policy, ": expected .knob=value at \"", rest, "\""));
    const std::string_view name = rest.substr(1, equals - 1);
    rest.remove_prefix(equals + 1);
    std::size_t end = 0, open = 0;
    for (bool quoted = false; end < rest.size() && (quoted || open > 0 || rest[end] != ','); ++end) {
        const char letter = rest[end];
        if (letter == '"') quoted = !quoted;
        if (!quoted && letter == '{') ++open;
        if (!quoted && letter == '}' && open > 0) --open;
    }
    const std::string_view value = rest.substr(0, end);
    rest.remove_prefix(value.size());
    if (!rest.empty()) rest.remove_prefix(1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    return {name, value};
}

}  // namespace detail

/// Throws errc::bad_value naming policy, knob, value and range unless every knob is inside its range.
template <class Policy>
void check_knobs(const Policy& policy) {
    detail::visit_knobs<Policy>([&](const auto&... knob) { (knob.check(policy), ...); });
}

/// `name{.knob=value, ...}` with every knob, so that a later default changes nothing.
template <detail::Printable Policy>
std::string to_string(const Policy& policy) {
    std::string list;
    detail::visit_knobs<Policy>([&](const auto&... knob) {
        ((list += message(list.empty() ? "." : ", .", knob.name, "=", knob.write(policy))), ...);
    });
    return message(Policy::name, "{", list, "}");
}

/// The value that to_string printed. Knobs may come in any order, those left out keep their defaults.
/// Throws errc::bad_value for another policy's text, an unknown knob, a malformed or an out-of-range value.
template <class Policy>
Policy from_string(std::string_view text) {
    const std::string_view name = Policy::name;
    if (!text.starts_with(name) || !text.substr(name.size()).starts_with('{') || !text.ends_with('}'))
        throw error(errc::bad_value, message(name, ": expected ", name, "{...}, found \"", text, "\""));
    std::string_view rest = text.substr(name.size() + 1, text.size() - name.size() - 2);
    Policy policy;
    while (!rest.empty()) {
        const auto [key, value] = detail::next_assignment(name, rest);
        bool known = false;
        detail::visit_knobs<Policy>([&, key = key, value = value](const auto&... knob) {
            ((knob.name == key ? (knob.read(policy, value), known = true) : false), ...);
        });
        if (!known) throw error(errc::bad_value, message(name, ": no knob is called \"", key, "\""));
    }
    check_knobs(policy);
    return policy;
}

}  // namespace bitnet::inline BITNET_ABI
