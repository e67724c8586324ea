/// How tokens become text again: the decoder of a tokenizer, one token at a time.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/byte_alphabet.hpp>
#include <bitnet/text/fields.hpp>
#include <bitnet/text/pattern.hpp>
#include <bitnet/text/pre_tokenizer.hpp>
#include <bitnet/text/utf8.hpp>

namespace bitnet::inline BITNET_ABI {

namespace decoder {

/// A token on its way through the steps, or a part of one: where tokens have been joined, only the first part begins
/// one. Always whole characters.
struct Piece {
    std::string text;
    bool begins = true;
};

/// Every step has knobs, and a State for one text. push(state, piece, next) hands on what is certain, by calling
/// next(piece); finish(state, next) hands on the rest.

/// Characters of the byte alphabet become bytes, and all tokens together one text. A token with any other character
/// is taken as it is.
struct ByteLevel {
    static constexpr bool joins = true;
    struct State {
        std::string bytes{};
        bool begun = false;
    };
    template <class Next>
    void push(State& state, const Piece& piece, const Next& next) const {
        state.bytes += from_byte_alphabet(piece.text).value_or(piece.text);
        if (std::string text = take_characters(state.bytes); !text.empty())
            next(Piece{std::move(text), !std::exchange(state.begun, true)});
    }
    template <class Next>
    void finish(State& state, const Next& next) const {
        if (!state.bytes.empty()) next(Piece{std::string(replacement_character), !std::exchange(state.begun, true)});
    }
};

/// A run of tokens <0xNN> becomes its text when all of it is UTF-8, else one U+FFFD for each.
struct ByteFallback {
    static constexpr bool joins = false;
    struct State {
        std::string run{};
    };
    static std::optional<unsigned char> byte_of(std::string_view token) {
        if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
        unsigned value = 0;
        const auto [stop, failure] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
        if (failure != std::errc{} || stop != token.data() + 5) return std::nullopt;
        return static_cast<unsigned char>(value);
    }
    template <class Next>
    void push(State& state, Piece piece, const Next& next) const {
        if (const auto byte = byte_of(piece.text)) {
            state.run += static_cast<char>(*byte);
            return;
        }
        finish(state, next);
        next(std::move(piece));
    }
    template <class Next>
    void finish(State& state, const Next& next) const {
        const std::string run = std::exchange(state.run, {});
        if (run.empty()) return;
        if (is_valid_utf8(run)) return next(Piece{run});
        for (std::size_t i = 0; i < run.size(); ++i) next(Piece{std::string(replacement_character)});
    }
};

/// The replacement becomes a space; in the first token it becomes nothing, where encoding has put it.
struct Metaspace {
    static constexpr bool joins = false;
    std::string replacement = "\u2581";
    bool first_is_kept = false;
    struct State {
        bool begun = false, in_first = false;
    };
    template <class Next>
    void push(State& state, const Piece& piece, const Next& next) const {
        if (piece.begins) state.in_first = !std::exchange(state.begun, true);
        const std::string_view space = state.in_first && !first_is_kept ? "" : " ";
        std::string out;
        for (std::size_t at = 0; at < piece.text.size();) {
            const std::string_view character = std::string_view(piece.text).substr(at, utf8_step(piece.text, at).bytes);
            out += character == replacement ? space : character;
            at += character.size();
        }
        next(Piece{std::move(out), piece.begins});
    }
    template <class Next>
    void finish(State&, const Next&) const {}
};

struct Replace {
    static constexpr bool joins = false;
    Pattern pattern;
    std::string content;
    struct State {};
    template <class Next>
    void push(State&, const Piece& piece, const Next& next) const {
        next(Piece{pattern.replace(piece.text, content, 65536 + 256 * piece.text.size()), piece.begins});
    }
    template <class Next>
    void finish(State&, const Next&) const {}
};

/// All tokens become one.
struct Fuse {
    static constexpr bool joins = true;
    struct State {
        bool begun = false;
    };
    template <class Next>
    void push(State& state, Piece piece, const Next& next) const {
        piece.begins = !std::exchange(state.begun, true);
        next(std::move(piece));
    }
    template <class Next>
    void finish(State&, const Next&) const {}
};

/// At most `start` characters `content` are removed from the front of every token.
struct Strip {
    static constexpr bool joins = false;
    std::string content;
    std::size_t start = 0;
    struct State {
        std::size_t left = 0;
    };
    template <class Next>
    void push(State& state, Piece piece, const Next& next) const {
        if (piece.begins) state.left = start;
        std::size_t at = 0;
        for (; state.left > 0 && std::string_view(piece.text).substr(at).starts_with(content); --state.left)
            at += content.size();
        if (at != piece.text.size()) state.left = 0;
        piece.text.erase(0, at);
        next(std::move(piece));
    }
    template <class Next>
    void finish(State&, const Next&) const {}
};

/// A space between two tokens: what a tokenizer without a decoder does.
struct Spaced {
    static constexpr bool joins = true;
    struct State {
        bool begun = false;
    };
    template <class Next>
    void push(State& state, Piece piece, const Next& next) const {
        piece.begins = !std::exchange(state.begun, true);
        if (!piece.begins) piece.text.insert(0, 1, ' ');
        next(std::move(piece));
    }
    template <class Next>
    void finish(State&, const Next&) const {}
};

using Step = std::variant<ByteLevel, ByteFallback, Metaspace, Replace, Fuse, Strip, Spaced>;
using State = std::variant<ByteLevel::State, ByteFallback::State, Metaspace::State, Replace::State, Fuse::State,
                           Strip::State, Spaced::State>;

inline Strip strip_from(const Fields& fields) {
    const std::string content = fields.text("content");
    if (content.empty() || utf8_step(content, 0).bytes != content.size())
        throw error(errc::bad_value,
                    message(fields.where("content"), ": expected one character, found ", detail::quote(content)));
    if (fields.find("stop") != nullptr && fields.id("stop") != 0)
        throw error(errc::unsupported, message(fields.where("stop"), ": only 0 is supported, found ", fields.id("stop")));
    return {content, fields.id("start")};
}

}  // namespace decoder

/// The steps in order, each on the tokens that the one before has left.
class Decoder {
public:
    /// One text on its way through the steps. Refers to the decoder.
    class Run {
    public:
        explicit Run(const Decoder& decoder) : decoder_(&decoder) {
            for (const decoder::Step& step : decoder.steps_)
                states_.push_back(std::visit(
                    [](const auto& kind) -> decoder::State { return typename std::decay_t<decltype(kind)>::State{}; }, step));
        }
        /// What the token adds to the text for certain.
        std::string push(std::string_view token) {
            feed(0, decoder::Piece{std::string(token)});
            return std::exchange(out_, {});
        }
        /// What was held back.
        std::string finish() {
            for (std::size_t i = 0; i < states_.size(); ++i)
                with(i, [&](const auto& step, auto& state) {
                    step.finish(state, [&](decoder::Piece piece) { feed(i + 1, std::move(piece)); });
                });
            return std::exchange(out_, {});
        }

    private:
        template <class Action>
        void with(std::size_t i, const Action& action) {
            std::visit(
                [&](const auto& step) {
                    using State = typename std::decay_t<decltype(step)>::State;
                    action(step, std::get<State>(states_[i]));
                },
                decoder_->steps_[i]);
        }
        void feed(std::size_t i, decoder::Piece piece) {
            if (i == states_.size()) {
                out_ += piece.text;
                return;
            }
            with(i, [&](const auto& step, auto& state) {
                step.push(state, std::move(piece), [&](decoder::Piece next) { feed(i + 1, std::move(next)); });
            });
        }

        const Decoder* decoder_;
        std::vector<decoder::State> states_;
        std::string out_;
    };

    explicit Decoder(std::vector<decoder::Step> steps) : steps_(std::move(steps)) {}

    /// "decoder" of tokenizer.json.
    ///
    /// Errors  errc::unsupported "<file>: decoder.type "WordPiece" is not supported; known: ...", for Strip at the end of
    ///         tokens, and for a step that needs whole tokens behind one that joins them
    static Decoder from(const Fields& document) {
        std::vector<decoder::Step> steps;
        bool joined = false;
        for (const Fields& step : document.steps("decoder", "decoders")) {
            const std::string type = step.text("type");
            if (joined && (type == "ByteLevel" || type == "ByteFallback" || type == "Replace"))
                throw error(errc::unsupported,
                            message(step.where("type"), ' ', detail::quote(type), " is not supported behind a step that joins tokens"));
            steps.push_back(step_from(step, type));
            joined = joined || std::visit([](const auto& kind) { return kind.joins; }, steps.back());
        }
        if (steps.empty()) steps.emplace_back(decoder::Spaced{});
        return Decoder(std::move(steps));
    }

private:
    static decoder::Step step_from(const Fields& step, std::string_view type) {
        if (type == "ByteLevel") return decoder::ByteLevel{};
        if (type == "ByteFallback") return decoder::ByteFallback{};
        if (type == "Fuse") return decoder::Fuse{};
        if (type == "Replace") return decoder::Replace{Pattern::from(step.required_object("pattern")), step.text("content")};
        if (type == "Strip") return decoder::strip_from(step);
        if (type == "Metaspace")
            return decoder::Metaspace{pre_tokenizer::metaspace_replacement(step),
                                      pre_tokenizer::metaspace_prepend(step) == pre_tokenizer::Prepend::never};
        step.refuse_type("ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip, Sequence");
    }

    std::vector<decoder::Step> steps_;
};

}  // namespace bitnet::inline BITNET_ABI
