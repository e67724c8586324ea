#include <bitnet/train/snapshot.hpp>

#include <doctest/doctest.h>

#include <filesystem>

#include <support/temp_dir.hpp>

using namespace bitnet;
using bitnet_test::TempDir;

namespace {

struct State {
    std::vector<float> weights;
    std::uint64_t step = 0;
    void each_field(auto&& f) {
        f(std::string("weights"), std::span(weights));
        f(std::string("step"), step);
    }
};

}  // namespace

TEST_CASE("a snapshot restores what it took, through a file too") {
    const TempDir dir;
    State state{{1, -2.5f, 0}, 0xffff'ffff'ffff'fff0u}, best{{4, 5, 6}, 7}, other{{0, 0, 0}, 0};
    write_checkpoint(dir / "c.safetensors", Snapshot::of(state), Snapshot::of(best), Json::object({{"run", "one"}}));
    const Checkpoint read = read_checkpoint(dir / "c.safetensors");
    CHECK(read.now == Snapshot::of(state));
    CHECK(read.best == Snapshot::of(best));
    CHECK(read.about.at("run").as_string() == "one");
    write_checkpoint(dir / "views", StateViews::of(state), Snapshot::of(best), read.about);
    CHECK(bitnet_test::read_text(dir / "views") == bitnet_test::read_text(dir / "c.safetensors"));
    read.now.restore(other, "c.safetensors");
    CHECK(other.weights == state.weights);
    CHECK(other.step == state.step);
    write_checkpoint(dir / "c.safetensors", Snapshot::of(best), {}, Json::object({}));  // replaces
    CHECK_FALSE(read_checkpoint(dir / "c.safetensors").best.has_value());
    CHECK_FALSE(std::filesystem::exists(dir / "c.safetensors.partial"));
}

TEST_CASE("a state of other sizes or names is refused by the field's name") {
    State state{{1, 2}, 3}, longer{{1, 2, 3}, 4};
    Snapshot taken = Snapshot::of(state);
    CHECK_THROWS_WITH_AS(taken.restore(longer, "c"), doctest::Contains("c: weights has 2 values, expected 3"), bitnet::error);
    taken.words.clear();
    CHECK_THROWS_WITH_AS(taken.restore(state, "c"), doctest::Contains("c: step is missing"), bitnet::error);
}

TEST_CASE("what is no checkpoint is refused, and a failed write leaves the old one") {
    const TempDir dir;
    SafetensorsWriter writer(dir / "model.safetensors", {});
    writer.finish();
    CHECK_THROWS_WITH_AS(read_checkpoint(dir / "model.safetensors"), doctest::Contains("is no checkpoint"), bitnet::error);
    State state{{1}, 2};
    write_checkpoint(dir / "c", Snapshot::of(state), {}, Json::object({}));
    std::filesystem::create_directory(dir / "c.partial");
    std::filesystem::create_directory(dir / "c.partial" / "in the way");
    state.step = 3;
    CHECK_THROWS_AS(write_checkpoint(dir / "c", Snapshot::of(state), {}, Json::object({})), bitnet::error);
    CHECK(read_checkpoint(dir / "c").now.words.at("step") == 2);
}
