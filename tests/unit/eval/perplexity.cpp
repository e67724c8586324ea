#include <bitnet/eval/perplexity.hpp>

#include <doctest/doctest.h>

#include "../pipeline/models.hpp"

using bitnet::execution;
using bitnet::Matrix;
using bitnet::ModelWeights;
using bitnet::perplexity;
using bitnet::Transformer;
using bitnet_test::refusal;
using bitnet_test::TempDir;

namespace {

using Documents = std::vector<std::vector<std::uint32_t>>;

std::vector<std::uint32_t> document(std::size_t length, std::uint32_t begin) {
    std::vector<std::uint32_t> out;
    for (std::size_t i = 0; i < length; ++i) out.push_back((begin + static_cast<std::uint32_t>(i * i)) % 256);
    return out;
}

/// Each token from the latest window that begins before it in the definition's words, one forward pass a token.
bitnet::Perplexity by_definition(const Transformer& model, const Documents& documents, std::size_t context, std::size_t stride) {
    bitnet::Perplexity out;
    for (const auto& ids : documents)
        for (std::size_t i = 1; i < ids.size(); ++i) {
            std::size_t begin = 0;  // of the first window that holds i with a left neighbour
            while (begin + context <= i) begin += stride;
            if (begin == i) continue;
            auto cache = model.new_cache();
            const Matrix<float> hidden = model.forward(std::span(ids).subspan(begin, i - begin), cache, execution());
            Matrix<float> logits(1, model.vocabulary());
            model.logits(hidden.view().row_range(hidden.rows() - 1, 1), logits, execution());
            out.nll += bitnet::cross_entropy(std::as_const(logits).row(0), ids[i]);
            ++out.tokens;
        }
    return out;
}

}  // namespace

TEST_CASE("windows score each token once, as the definition does token by token, on any number of threads") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {});
    const Transformer model(ModelWeights(dir / "model"), bitnet::ActivationPrecision::fp32, execution());
    const Documents documents{document(50, 3), document(1, 7), document(16, 20), {}, document(17, 9), document(33, 1)};
    for (const auto& windows : {std::pair<std::size_t, std::size_t>{16, 16}, {16, 5}, {2, 1}, {100, 100}}) {
        const std::size_t context = windows.first, stride = windows.second;
        CAPTURE(context);
        CAPTURE(stride);
        const auto result = perplexity(model, documents, {context, stride}, {execution().kernels, 1});
        const auto expected = by_definition(model, documents, context, stride);
        CHECK(result.tokens == expected.tokens);
        CHECK(result.nll == doctest::Approx(expected.nll).epsilon(1e-6));
        CHECK(result == perplexity(model, documents, {context, stride}, {execution().kernels, 3}));
    }
}

TEST_CASE("a text without two tokens and windows of no use are refused") {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {});
    const Transformer model(ModelWeights(dir / "model"), bitnet::ActivationPrecision::fp32, execution());
    CHECK(refusal([&] { perplexity(model, Documents{{4}}, {}, execution()); }).second ==
          "the text has no token to score: two are the least");
    for (const bitnet::PerplexityOptions& options : {bitnet::PerplexityOptions{1, 1}, {8, 0}, {8, 9}})
        CHECK(refusal([&] { perplexity(model, Documents{{4, 5}}, options, execution()); }).first == bitnet::errc::bad_value);
    CHECK(refusal([&] { perplexity(model, Documents{{4, 256}}, {}, execution()); }).first == bitnet::errc::bad_value);
}
