/// Unicode normalization. The only file that includes utf8proc.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include <utf8proc.h>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// The text in normalization form C: "e" and U+0301 become U+00E9. The text is UTF-8.
inline std::string nfc(std::string_view text) {
    bool plain = true;  // below U+0300 everything is in form C already
    for (const char byte : text) plain = plain && static_cast<unsigned char>(byte) < 0xcc;
    if (plain) return std::string(text);
    utf8proc_uint8_t* composed = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &composed,
                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
    if (size < 0) throw error(errc::bad_value, message("text: ", utf8proc_errmsg(size)));
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(composed, std::free);
    return {reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size)};
}

}  // namespace bitnet::inline BITNET_ABI
