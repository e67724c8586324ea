/// What stands around the ids of a text: the post-processor of a tokenizer.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/fields.hpp>

namespace bitnet::inline BITNET_ABI {

/// Ids in front of a text and behind it.
struct PostProcessor {
    std::vector<std::uint32_t> before{}, after{};
    bool operator==(const PostProcessor&) const = default;

    /// "post_processor" of tokenizer.json. Of a template, only the one for a single text is read.
    ///
    /// Errors  errc::unsupported for another type and for a template in which the text stands not exactly once;
    ///         errc::missing for a special token without ids
    static PostProcessor from(const Fields& document) {
        PostProcessor out;
        for (const Fields& step : document.steps("post_processor", "processors")) {
            const std::string type = step.text("type");
            if (type == "TemplateProcessing")
                out.surround(step);
            else if (type != "ByteLevel")  // which only moves offsets
                step.refuse_type("ByteLevel, TemplateProcessing, Sequence");
        }
        return out;
    }

private:
    void surround(const Fields& step) {
        std::vector<std::uint32_t> front, back;
        std::size_t texts = 0;
        for (const Fields& item : step.objects("single")) {
            if (item.find("Sequence") != nullptr) {
                ++texts;
                continue;
            }
            const std::string name = item.required_object("SpecialToken").text("id");
            const Fields token = step.required_object("special_tokens").required_object(name);
            for (const Json& id : token.required("ids").as_array(token.where("ids")))
                (texts == 0 ? front : back).push_back(Fields::as_id(id, token.where("ids")));
        }
        if (texts != 1)
            throw error(errc::unsupported,
                        message(step.where("single"), ": the text must stand there once, and stands there ", texts, " times"));
        before.insert(before.begin(), front.begin(), front.end());
        after.insert(after.end(), back.begin(), back.end());
    }
};

}  // namespace bitnet::inline BITNET_ABI
