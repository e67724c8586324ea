/// What is done to a text before it is cut: the normalizer of a tokenizer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/text/fields.hpp>
#include <bitnet/text/normalize.hpp>
#include <bitnet/text/pattern.hpp>

namespace bitnet::inline BITNET_ABI {

namespace normalizer {

struct Nfc {
    std::string operator()(std::string_view text, std::size_t) const { return nfc(text); }
};
/// Something in front of every text that is not empty.
struct Prepend {
    std::string content;
    std::string operator()(std::string_view text, std::size_t) const {
        return text.empty() ? std::string() : content + std::string(text);
    }
};
struct Replace {
    Pattern pattern;
    std::string content;
    std::string operator()(std::string_view text, std::size_t limit) const {
        return pattern.replace(text, content, limit);
    }
};
using Step = std::variant<Nfc, Prepend, Replace>;

}  // namespace normalizer

/// The steps in order; without steps, the text stays as it is.
class Normalizer {
public:
    Normalizer() = default;
    explicit Normalizer(std::vector<normalizer::Step> steps) : steps_(std::move(steps)) {}

    /// "normalizer" of tokenizer.json.
    ///
    /// Errors  errc::unsupported "<file>: normalizer.type "Lowercase" is not supported; known: ...", and those of Fields
    static Normalizer from(const Fields& document) {
        std::vector<normalizer::Step> steps;
        for (const Fields& step : document.steps("normalizer", "normalizers")) {
            const std::string type = step.text("type");
            if (type == "NFC")
                steps.emplace_back(normalizer::Nfc{});
            else if (type == "Prepend")
                steps.emplace_back(normalizer::Prepend{step.text("prepend")});
            else if (type == "Replace")
                steps.emplace_back(
                    normalizer::Replace{Pattern::from(step.required_object("pattern")), step.text("content")});
            else
                step.refuse_type("NFC, Prepend, Replace, Sequence");
        }
        return Normalizer(std::move(steps));
    }

    bool empty() const noexcept { return steps_.empty(); }

    /// The text is UTF-8, and so is the result.
    ///
    /// Errors  errc::bad_value when replacements blow the text up more than 256 times
    std::string operator()(std::string_view text) const {
        const std::size_t limit = 65536 + 256 * text.size();
        std::string out(text);
        for (const normalizer::Step& step : steps_)
            out = std::visit([&](const auto& apply) { return apply(out, limit); }, step);
        return out;
    }

private:
    std::vector<normalizer::Step> steps_;
};

}  // namespace bitnet::inline BITNET_ABI
