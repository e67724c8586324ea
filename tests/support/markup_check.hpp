/// Whether a text is one well-formed element, by the rules of XML that our pages use.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitnet_test {

/// Reads a document; fault() is empty where it is well-formed: one root, elements closed in their order, attributes in
/// double quotes and each once, only the five entities, and no character that XML does not know.
class MarkupCheck {
public:
    explicit MarkupCheck(std::string_view text) : text_(text) {
        constexpr std::string_view doctype = "<!DOCTYPE html>\n";
        if (text_.starts_with(doctype)) at_ = doctype.size();
        while (at_ < text_.size() && fault_.empty()) text_[at_] == '<' ? read_tag() : read_letter();
        if (fault_.empty() && !open_.empty()) fault_ = "not closed: " + open_.back();
        if (fault_.empty() && roots_ != 1) fault_ = "not one root";
    }
    const std::string& fault() const { return fault_; }
    /// All letters outside of tags, entities as what they stand for.
    const std::string& words() const { return words_; }
    /// Names of elements that were opened and closed with nothing inside.
    const std::set<std::string>& hollow() const { return hollow_; }
    std::size_t count(const std::string& tag) const {
        std::size_t out = 0;
        for (const std::string& one : tags_) out += one == tag ? 1 : 0;
        return out;
    }

private:
    static bool is_name(char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == '-';
    }
    std::string name() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_name(text_[at_])) ++at_;
        return std::string(text_.substr(begin, at_ - begin));
    }
    bool take(std::string_view expected) {
        if (!text_.substr(at_).starts_with(expected)) return false;
        at_ += expected.size();
        return true;
    }
    void fail(const std::string& what) {
        if (fault_.empty()) fault_ = what + " before \"" + std::string(text_.substr(at_, 60)) + '"';
    }
    void read_letter() {
        if (open_.empty() && text_[at_] != '\n') return fail("text outside of the root");
        words_ += letter();
    }
    char letter() {
        const char first = text_[at_];
        if (static_cast<unsigned char>(first) < 0x20 && first != '\n' && first != '\t' && first != '\r') fail("a control character");
        if (first != '&') return ++at_, first;
        for (const auto& [entity, meant] : {std::pair{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}})
            if (take(entity)) return meant;
        fail("an unknown entity");
        return '?';
    }
    void read_tag() {
        const bool nothing_inside = at_ == opened_;
        if (take("</")) {
            const std::string tag = name();
            if (nothing_inside) hollow_.insert(tag);
            if (!take(">")) return fail("an end that does not end");
            if (open_.empty() || open_.back() != tag) return fail("an end of " + tag + " too many");
            return open_.pop_back();
        }
        ++at_;
        const std::string tag = name();
        if (tag.empty()) return fail("a tag without a name");
        tags_.push_back(tag);
        roots_ += open_.empty() ? 1 : 0;
        std::set<std::string> seen;
        while (take(" ")) {
            const std::string key = name();
            if (key.empty() || !take("=\"")) return fail("an attribute without a value");
            if (!seen.insert(key).second) return fail(key + " twice");
            while (at_ < text_.size() && text_[at_] != '"' && fault_.empty()) text_[at_] == '<' ? fail("< in an attribute") : void(letter());
            if (!take("\"")) return fail("a value that does not end");
        }
        if (take("/>")) return;
        if (!take(">")) return fail("a tag that does not end");
        open_.push_back(tag);
        opened_ = at_;
    }

    std::string_view text_;
    std::size_t at_ = 0, opened_ = 0, roots_ = 0;
    std::vector<std::string> open_{}, tags_{};
    std::set<std::string> hollow_{};
    std::string fault_{}, words_{};
};

}  // namespace bitnet_test
