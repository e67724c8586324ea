/// Everything that goes wrong is a bitnet::error: a kind that a program can switch on, and one line for people.
#include <bitnet/bitnet.hpp>

#include <cstdio>
#include <limits>

namespace {

/// What can be asked for codes. A model that is not compressed cannot: that is no error at run time, it does not compile.
template <class Model>
constexpr bool has_codes = requires(const Model& model) { model.quantized_state_dict(); };

using Dense = bitnet::Network<float>;
static_assert(!has_codes<Dense>);
static_assert(has_codes<bitnet::CompressedModel<bitnet::Compressor<>, Dense>>);

template <class Action>
void attempt(const Action& action) {
    try {
        action();
    } catch (const bitnet::error& problem) {
        std::printf("%s: %s\n", std::string(to_string(problem.code())).c_str(), problem.what());
    }
}

}  // namespace

int main() {
    using namespace bitnet;
    Config config;
    attempt([&] { config.set("quantization_bits", "8"); });
    attempt([&] { config.set("max_accuracy_drop", "1.5"); });
    attempt([&] { config.set("sparsity_treshold", "0.1"); });
    attempt([&] { config = config_from_json(parse_json(R"({"fine_tune_epochs": "two"})", "my.json"), "my.json"); });
    std::printf("and the configuration is still what it was: %s\n", config == Config{} ? "yes" : "no");

    attempt([] { Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 9}}; });
    attempt([] {
        xt::xarray<float> weight = xt::ones<float>({2, 3});
        weight(1, 0) = std::numeric_limits<float>::quiet_NaN();
        Compressor{quantizer::AbsMean{}}.compress(weight, "layers.0.mlp.up_proj.weight");
    });
    attempt([] { ModelDir("no_such_model"); });
    attempt([] { validate_compression_quality(12.0, 13.5, 1.5); });
}
