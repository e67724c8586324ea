#include <bitnet/compress/recipes.hpp>

#include <doctest/doctest.h>

TEST_CASE("recipes are what their names say") {
    using namespace bitnet;
    CHECK(to_string(recipe::Phase4{}) ==
          "Compressor{absmean{}, size_adaptive{.parameters=0}, per_channel{.storage=F16}, trit2{}}");
    CHECK(to_string(recipe::BitNet158{}) == "Compressor{round_clip{}, optimal{}, per_tensor{.storage=F16}, trit2{}}");
    CHECK(to_string(recipe::Default{}) == "Compressor{least_squares{}, optimal{}, per_group<64>{.storage=F16}, trit2{}}");
}
