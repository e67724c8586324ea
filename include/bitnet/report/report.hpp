/// A page about a compression, of its record: one file that needs nothing else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/curve_sections.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/matrix_sections.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/section.hpp>
#include <bitnet/report/style_sheet.hpp>
#include <bitnet/report/text_sections.hpp>
#include <bitnet/report/verdict_section.hpp>

namespace bitnet::inline BITNET_ABI {

namespace report {

/// The last part of the model's path that is a name.
inline std::string model_name(const Json& record) {
    std::string path = find_text(record, {"model"});
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const std::size_t slash = path.rfind('/');
    return slash == path.npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

/// All sections that have something to show, in the order of the page.
inline std::vector<Section> sections_of(const Json& record) {
    std::vector<Section> out{verdict_section(record),      glance_section(record), bits_section(record),     heat_section(record),
                             output_error_section(record), time_section(record),   learning_section(record), histogram_section(record),
                             sample_section(record),       tensor_section(record), note_section(record),     configuration_section(record)};
    std::erase_if(out, [](const Section& one) { return one.body.is_empty(); });
    return out;
}

}  // namespace report

/// The page as HTML that is XML too, with its style sheet and its drawings inside, and without a script.
///
/// `record` is what compression_metadata.json holds. It must have `compression_ratio` and `tensors`; everything else
/// may be missing, or of a kind that is not expected, and then is left out. Its texts may be anything.
/// Errors  errc::missing and errc::bad_value for those two
inline std::string report_html(const Json& record) {
    using namespace report;
    const std::vector<Section> sections = sections_of(record);
    const std::string model = model_name(record);
    Markup page;
    page.verbatim("<!DOCTYPE html>\n").open("html", {{"lang", "en"}}).open("head").empty("meta", {{"charset", "utf-8"}});
    page.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}})
        .empty("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
    page.element("title", model.empty() ? "Ternary model" : "Ternary model: " + model)
        .open("style")
        .verbatim(style_sheet)
        .close()
        .close()
        .verbatim("\n");
    page.open("body").open("header").open("h1");
    model.empty() ? page.words("A ternary model") : page.element("bdi", model).words(" as a ternary model");
    page.close();
    Markup about;  // bdi: a text that turns the direction of reading turns its own alone
    for (const auto& [key, words] : {std::pair{"recipe", "recipe "}, {"size_category", "size: "}, {"bitnet_version", "bitnet "}})
        if (const std::string text = find_text(record, {key}); !text.empty())
            about.words(about.is_empty() ? "" : ", ").words(words).element("bdi", text);
    if (!about.is_empty()) page.open("p").add(about).close();
    page.close();
    if (sections.size() > 2) {
        page.open("nav", {{"aria-label", "Sections"}}).open("ul");
        for (const Section& one : sections) page.open("li").element("a", one.title, {{"href", message("#", one.id)}}).close();
        page.close().close();
    }
    page.open("main").verbatim("\n");
    for (const Section& one : sections) {
        page.open("section", {{"id", std::string(one.id)}}).element("h2", one.title).verbatim("\n");
        page.add(one.body.finished()).close().verbatim("\n");
    }
    page.close();
    return page.text() + "\n";
}

}  // namespace bitnet::inline BITNET_ABI
