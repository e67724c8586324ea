/// One exception type for everything that can go wrong, with a kind that a program can switch on.
#pragma once

#include <array>
#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// What kind of thing went wrong. docs/troubleshooting.md gives cause and cure for each.
enum class errc {
    not_finite,   ///< a weight is NaN or infinite
    bad_shape,    ///< a shape contradicts another shape, a configuration or a limit
    bad_value,    ///< a knob, key or argument is outside its range or unknown
    bad_policy,   ///< a policy returned something a policy must not return
    bad_file,     ///< a file does not obey its format
    missing,      ///< a file, tensor or key that must be there is not
    unsupported,  ///< understood, but nothing here can do it
    exists,       ///< the output is already there, or another run is writing it
    io,           ///< the operating system refused to read, write or rename
};

inline constexpr std::array all_errcs{errc::not_finite, errc::bad_shape,   errc::bad_value,
                                      errc::bad_policy, errc::bad_file,    errc::missing,
                                      errc::unsupported, errc::exists,     errc::io};

constexpr std::string_view to_string(errc code) noexcept {
    switch (code) {
        case errc::not_finite: return "not_finite";
        case errc::bad_shape: return "bad_shape";
        case errc::bad_value: return "bad_value";
        case errc::bad_policy: return "bad_policy";
        case errc::bad_file: return "bad_file";
        case errc::missing: return "missing";
        case errc::unsupported: return "unsupported";
        case errc::exists: return "exists";
        case errc::io: return "io";
    }
    return "unknown";
}

/// Thrown by everything in the library. what() is one line that names the file, the tensor, the index or the key,
/// and what was expected there.
class error : public std::runtime_error {
public:
    error(errc code, const std::string& what) : std::runtime_error(what), code_(code) {}
    errc code() const noexcept { return code_; }

private:
    errc code_;
};

namespace detail {
inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
template <class Number>
    requires std::is_arithmetic_v<Number>
void append(std::string& out, Number part) {
    if constexpr (std::is_same_v<Number, bool>) {
        out += part ? "true" : "false";
    } else if constexpr (std::is_integral_v<Number>) {
        out += std::to_string(part);
    } else {
        std::array<char, 64> text;
        out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), part).ptr);
    }
}
}  // namespace detail

/// One line out of its parts: strings as they are, numbers in the shortest form that reads back equal.
template <class... Parts>
std::string message(const Parts&... parts) {
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
