#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

#include "program.hpp"

using namespace bitnet_test;

TEST_CASE("the demo compresses the model that comes with bitnet, lets it talk, and says what was lost and saved") {
    const TempDir dir;
    const std::filesystem::path out = dir / "demo";
    const Finished shown = run_program({"demo", "-o", out.string(), "--texts", "2", "--steps", "1", "--prompt", "One day"});
    CHECK(shown.status == 0);
    for (const char* const part : {"$ bitnet generate", "$ bitnet compress", "One day", "\nlost        perplexity", "\nsaved       "}) {
        CAPTURE(part);
        CHECK(shown.out.find(part) != std::string::npos);
    }
    CHECK(std::filesystem::exists(out / "quantized/model.safetensors"));
    CHECK(std::filesystem::exists(out / "dequantized/model.safetensors"));

    const bitnet::Json again = json_of({"demo", "-o", out.string(), "--texts", "2", "--steps", "1"});
    CHECK(again.at("fine_tuning").at("training").at("steps_completed").as_unsigned() == 1);
    CHECK(again.at("fine_tuning").at("pre_perplexity").as_double() < 1.26);  // of the model as it is shipped
}
