#include <bitnet/model/packed_planes.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <bitnet/compress.hpp>
#include <bitnet/model/packed_model.hpp>

#include "support/temp_dir.hpp"

using namespace bitnet;

namespace {

/// What compressor makes of a matrix of waves, as it comes back from a packed file of its own.
template <class Compressor>
void check_way_back(const Compressor& compressor) {
    std::vector<float> waves(12 * 20);
    for (std::size_t i = 0; i < waves.size(); ++i) waves[i] = std::sin(static_cast<float>(i) * 0.7f) + 0.1f;
    const Shape shape{12, 20};
    TernaryPlanes made;
    compressor.compress_into(made, TensorView{"w", DType::F32, shape, std::as_bytes(std::span<const float>(waves))}, execution());
    const PackedEntry entry = entry_of(made, false);
    const Layout layout = made.planes[0].layout;
    const DType scales = made.planes[0].scale_type;
    std::vector<PlannedTensor> plan;
    plan_planes("w", entry, layout, scales, plan);
    CHECK(plan.size() == 2 * made.planes.size() + (made.offsets.empty() ? 0 : 1));
    std::uint64_t bytes = 0;
    for (const PlannedTensor& part : plan) bytes += element_count(part.shape) * bits_of(part.dtype) / 8;
    CHECK(bytes == made.stored_bytes());
    const bitnet_test::TempDir dir;
    PackedMetadata about{.layout = layout, .policies = Json::object()};
    about.tensors.emplace("w", entry);
    SafetensorsWriter writer(dir / "planes.safetensors", plan, {{std::string(packed_metadata_key), to_text(about)}});
    write_planes(writer, "w", made, scales);
    writer.finish();
    const PackedModel packed(dir / "planes.safetensors");
    REQUIRE(packed.tensors().size() == 1);
    CHECK(packed.ternary(packed.tensors()[0]) == made);
}

}  // namespace

TEST_CASE("planes come back from a packed file as they were: one, several, with offsets, in any layout and type of scales") {
    check_way_back(Compressor{});
    check_way_back(Compressor{scale::PerTensor{}, pack::Int8{}});
    check_way_back(Compressor{scale::PerGroup<8>{.storage = DType::F32}, pack::Trit5{}});
    check_way_back(Compressor{quantizer::TritPlanes<2>{}, scale::PerGroup<8>{.storage = DType::BF16}, pack::Trit5{}});
    check_way_back(Compressor{quantizer::Asymmetric<>{}, scale::PerChannel{}});
}
