#include <bitnet/calibrate/calibrated_start.hpp>

#include <cmath>

#include <doctest/doctest.h>

#include <bitnet/calibrate/calibrate.hpp>
#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/ste/learned_scale.hpp>
#include <bitnet/train/batches.hpp>
#include <bitnet/train/evaluate.hpp>
#include <bitnet/train/trainer.hpp>

#include "../train/models.hpp"

using namespace bitnet;

TEST_CASE("a weight moves only where its code is not what it is rounded to, and then just across the border") {
    Matrix<float> w(2, 6, {0.1f, 0.9f, -0.7f, 0.3f, -2.0f, 0.0f, 1, 2, 3, 4, 5, 6});
    const Matrix<float> before = w;
    TernaryPlanes planes{TernaryTensor{}};
    TernaryTensor& made = planes.planes[0];
    made.shape = {2, 6};
    made.layout = Layout::int8;
    made.group = 6;
    made.scales = {1.0f, 0.0f};
    for (const int code : {0, 0, -1, 1, 1, -1, 0, 0, 0, 0, 0, 0}) made.codes.push_back(static_cast<std::uint8_t>(code));
    move_into_cells(w, planes, execution());
    CHECK(std::ranges::equal(std::as_const(w).row(0), std::vector<float>{0.1f, 0.45f, -0.7f, 0.55f, 0.55f, -0.55f}));
    CHECK(std::ranges::equal(std::as_const(w).row(1), before.row(1)));  // a scale of 0 has no cells
}

TEST_CASE("what learning cannot begin with is refused by name") {
    TernaryPlanes planes{TernaryTensor{}};
    planes.offsets = {1};
    using Policies = CalibratedStart<Compressor<ste::LearnedScale>>;
    CHECK_THROWS_WITH_AS(Policies({}, {{"up", planes}}), "up: learning begins with one plane of trits without offsets", error);
    CHECK_THROWS_AS(Policies({}, {{"up", TernaryPlanes{}}}), error);
}

TEST_CASE("learning begins with the codes and scales of calibration, in their basis, and what it leaves is stored in that too") {
    for (const bool rotate : {false, true}) {
        const auto texts = bitnet_test::counting_texts(40);
        Network<float> original = bitnet_test::small_network(), calibrated = bitnet_test::small_network(), student = bitnet_test::small_network();
        const MadePlanes made = calibrate(calibrated, original, CalibrationSet::from_ids(texts, {.tokens = 16}), Compressor{quantizer::CoordinateDescent<>{}, scale::PerGroup<8>{}},
                                          {.rotate = rotate}, execution());
        for (const auto& [name, planes] : made) move_into_cells(student.parameters()[student.parameters().find(name)].value, planes, execution());
        const double wanted = evaluate(calibrated, texts, {16, 16}, 1).perplexity();
        using Policies = CalibratedStart<Compressor<scale::PerGroup<8>, ste::LearnedScale>>;
        const Policies policies({}, made);
        Trainer<Policies> trainer(std::move(student), policies, {.steps = 60, .learning_rate = 3e-4}, BatchSource(texts, 16, 64, 1), &original, execution());
        trainer.finish();
        CHECK(evaluate(trainer.network(), texts, {16, 16}, 1).perplexity() == doctest::Approx(wanted).epsilon(1e-5));
        const auto at_first = trainer.packed();
        for (const auto& [name, planes] : made) CHECK(at_first.at(name) == planes);
        while (!trainer.finished()) trainer.step();
        trainer.finish();
        CHECK(evaluate(trainer.network(), texts, {16, 16}, 1, &original).mean_divergence() < evaluate(calibrated, texts, {16, 16}, 1, &original).mean_divergence());
        const auto packed = trainer.packed();
        CHECK(packed.size() == made.size());
        for (const auto& [name, planes] : packed) {
            CHECK(bool(planes.rotation) == rotate);
            CHECK(planes != made.at(name));
            const Matrix<float>& image = trainer.network().parameters()[trainer.network().parameters().find(name)].value;
            Matrix<float> stored(image.rows(), image.cols());
            put_image(planes, stored, execution());
            CHECK(stored.values() == image.values());
        }
    }
}
