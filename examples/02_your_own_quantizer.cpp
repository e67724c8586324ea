/// A quantizer of your own: a name, a role and one function on the weights that share a scale.
#include <bitnet/compress.hpp>

#include <cstdio>

/// Ternary Weight Networks (Li, Zhang, Liu 2016): zero below 0.7 of the mean magnitude, the scale from what is left.
struct Twn {
    static constexpr bitnet::Role role = bitnet::Role::quantizer;
    static constexpr std::string_view name = "twn";

    float quantize(std::span<const float> w, std::span<std::int8_t> codes) const {
        float mean = 0, kept = 0, sum = 0;
        for (const float x : w) mean += std::fabs(x) / static_cast<float>(w.size());
        for (std::size_t i = 0; i < w.size(); ++i) {
            codes[i] = std::fabs(w[i]) <= 0.7f * mean ? 0 : w[i] < 0 ? -1 : 1;
            if (codes[i] != 0) kept += 1, sum += std::fabs(w[i]);
        }
        return sum / kept;
    }
    bool operator==(const Twn&) const = default;
};

int main() {
    using namespace bitnet;
    const xt::xarray<float> weight = xt::sin(xt::reshape_view(xt::arange<float>(8192.0f), {64, 128}));
    const auto report = [&weight](const auto& compressor) {
        const Distortion lost = distortion(weight, compressor.compress(weight));
        std::printf("%-95s zeros %.3f  error %.3f\n", to_string(compressor).c_str(), lost.zeros(), lost.relative_error());
    };
    report(Compressor{Twn{}});
    report(Compressor{Twn{}, scale::PerGroup<64>{}, pack::Trit5{}});
    report(Compressor{quantizer::LeastSquares{}, scale::PerGroup<64>{}});
}
