/// Parts of a page: a section, a figure, a table in a box of its own.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <bitnet/report/markup.hpp>

namespace bitnet::inline BITNET_ABI::report {

/// A part of the page with a heading of the second order. One without a body is left out.
struct Section {
    std::string_view id;
    std::string_view title;
    Markup body{};
};

/// A drawing below its heading, and what one should know below it.
inline Markup figure_of(std::string_view title, const Markup& drawing, std::string_view note = "") {
    Markup out;
    out.open("figure").element("figcaption", title);
    out.open("div", {{"class", "drawing"}}).add(drawing).close();
    if (!note.empty()) out.element("p", note, {{"class", "note"}});
    return out.finished();
}

/// Opens a table, up to its rows, in a box that scrolls by itself. `kind` is a class of the style sheet: right2 sets
/// all columns from the second on to the right.
inline Markup& open_table(Markup& out, std::string_view title, std::initializer_list<std::string_view> columns, std::string_view kind = "") {
    out.open("div", {{"class", "box"}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", std::string(title)}});
    out.open("table", {{"class", std::string(kind)}}).open("thead").open("tr");
    for (const std::string_view column : columns) out.element("th", column, {{"scope", "col"}});
    return out.close().close().open("tbody");
}

inline Markup& close_table(Markup& out) { return out.close().close().close(); }

}  // namespace bitnet::inline BITNET_ABI::report
