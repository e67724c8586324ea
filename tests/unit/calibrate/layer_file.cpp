#include <bitnet/calibrate/layer_file.hpp>

#include <doctest/doctest.h>

#include <bitnet/calibrate/calibrate.hpp>
#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/policy/quantizer/asymmetric.hpp>
#include <bitnet/policy/quantizer/trit_planes.hpp>
#include <bitnet/policy/scale/per_group.hpp>

#include "support/temp_dir.hpp"
#include "../train/models.hpp"

using namespace bitnet;
using bitnet_test::counting_texts;
using bitnet_test::small_network;
using bitnet_test::TempDir;

namespace {

struct StoppedBehind {};

/// A calibration that keeps its layers, stopped when so many matrices have been fitted; what it made and the weights that it leaves.
template <class Compressor>
std::pair<MadePlanes, std::vector<std::vector<float>>> calibrated_in(const std::filesystem::path& kept, const Compressor& compressor, bool rotate, std::size_t stop,
                                                                     std::vector<std::string>* told = nullptr, const char* about = "this") {
    Network<float> original = small_network(0, 5, 2), network = small_network(0, 5, 2);
    std::size_t fitted = 0;
    CalibrationOptions options{.rotate = rotate, .kept = kept, .about = Json::object({{"of", about}}), .refine = {.passes = 2, .together = 1}};
    MadePlanes made = calibrate(network, original, CalibrationSet::from_ids(counting_texts(20), {.tokens = 16}), compressor, options, execution(), [&](const CalibratedMatrix& matrix) {
        if (told != nullptr) told->push_back(message(matrix.name, " ", matrix.output_error));
        if (++fitted == stop) throw StoppedBehind{};
    });
    std::vector<std::vector<float>> weights;
    for (const Parameter<float>& one : network.parameters()) weights.push_back(one.value.values());
    return {std::move(made), std::move(weights)};
}

}  // namespace

TEST_CASE("a calibration that was stopped in any layer goes on behind the last whole one, and ends with the same bits and figures") {
    const auto check = [](const auto& compressor, bool rotate) {
        const TempDir dir;
        std::vector<std::string> all, again;
        const auto undisturbed = calibrated_in({}, compressor, rotate, 0, &all);
        for (const std::size_t stop : {3u, 9u}) {
            const std::filesystem::path kept = dir / message(stop);
            CHECK_THROWS_AS(calibrated_in(kept, compressor, rotate, stop), StoppedBehind);
            CHECK(std::filesystem::exists(message(kept.string(), ".0.safetensors")) == (stop > 7));
            CHECK_FALSE(std::filesystem::exists(message(kept.string(), ".1.safetensors")));
            again.clear();
            CHECK(calibrated_in(kept, compressor, rotate, 0, &again) == undisturbed);
            CHECK(again == all);
            CHECK(calibrated_in(kept, compressor, rotate, 0) == undisturbed);  // every layer stood there
        }
    };
    check(Compressor{quantizer::CoordinateDescent<>{}, scale::PerGroup<8>{}}, false);
    check(Compressor{quantizer::CoordinateDescent<quantizer::Gptq<quantizer::TritPlanes<2>>>{}, pack::Trit5{}}, true);
    check(Compressor{quantizer::CoordinateDescent<quantizer::Gptq<quantizer::Asymmetric<>>>{}}, false);
}

TEST_CASE("layers of another calibration are made anew, and a file that is damaged or of another model names what is wrong") {
    const TempDir dir;
    const Compressor compressor{quantizer::CoordinateDescent<>{}};
    const auto undisturbed = calibrated_in({}, compressor, false, 0);
    calibrated_in(dir / "c", compressor, true, 0, nullptr, "another");
    CHECK(calibrated_in(dir / "c", compressor, false, 0) == undisturbed);
    calibrated_in(dir / "r", compressor, true, 0);  // of the same texts, with other options
    CHECK(calibrated_in(dir / "r", compressor, false, 0) == undisturbed);
    Network<float> other = small_network(0, 9, 2);
    other.parameters()[other.parameters().find("model.layers.0.self_attn.q_proj.weight")].value = Matrix<float>(3, 3);
    const Json about = Json::object({{"about", Json::object({{"of", "this"}})}, {"target", "stream"}, {"rotate", false}, {"seed", 0}, {"passes", 2}, {"rate", RefineOptions{}.rate}, {"norms", true}});
    CHECK_THROWS_WITH_AS(read_layer(dir / "c.0.safetensors", about, other.parameters(), execution()), doctest::Contains("q_proj.weight\" of shape "), error);
    bitnet_test::write_text(dir / "c.1.safetensors", "half");
    CHECK_THROWS_WITH_AS(calibrated_in(dir / "c", compressor, false, 0), doctest::Contains("c.1.safetensors"), error);
    std::filesystem::copy_file(dir / "c.0.safetensors", dir / "c.1.safetensors", std::filesystem::copy_options::overwrite_existing);
    CHECK_THROWS_AS(calibrated_in(dir / "c", compressor, false, 0), error);  // the first layer's
    CHECK_FALSE(read_layer(dir / "nothing", about, other.parameters(), execution()).has_value());
}
