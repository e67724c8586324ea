/// What a tokenizer is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/added_tokens.hpp>
#include <bitnet/text/bpe.hpp>
#include <bitnet/text/decoder.hpp>
#include <bitnet/text/normalizer.hpp>
#include <bitnet/text/post_processor.hpp>
#include <bitnet/text/pre_tokenizer.hpp>
#include <bitnet/text/vocabulary.hpp>

namespace bitnet::inline BITNET_ABI {

/// The parts in the order in which a text passes through them.
struct TokenizerParts {
    AddedTokens added;
    Normalizer normalizer{};
    PreTokenizer pre_tokenizer{};
    Bpe model{};
    PostProcessor post_processor{};
    Decoder decoder;
    std::optional<std::uint32_t> bos{}, eos{};
};

/// Refuses an added token whose id the model has for something else, or the other way round.
inline void require_agreement(const std::vector<AddedToken>& added, const Vocabulary& vocabulary, std::string_view where) {
    for (const AddedToken& token : added) {
        const auto id = vocabulary.id_of(token.content);
        const auto content = vocabulary.token_of(token.id);
        if (id && *id != token.id)
            throw error(errc::bad_file, message(where, ": ", detail::quote(token.content), " has id ", token.id,
                                                ", but id ", *id, " in the vocabulary"));
        if (content && *content != token.content)
            throw error(errc::bad_file, message(where, ": id ", token.id, " is that of ", detail::quote(token.content),
                                                ", but that of ", detail::quote(*content), " in the vocabulary"));
    }
}

}  // namespace bitnet::inline BITNET_ABI
