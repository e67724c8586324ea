#include "program.hpp"

#include <algorithm>

#include <support/weights.hpp>

using bitnet::Json;
using bitnet_test::Arguments;
using bitnet_test::Finished;
using bitnet_test::json_of;
using bitnet_test::names_in;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::Workplace;

namespace {

Arguments dry_run(const Workplace& place, const Arguments& more = {}) {
    Arguments all{"compress", place.model(), "--dry-run"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

const Json& named(const Json& rows, std::string_view key, std::string_view name) {
    const auto& all = rows.as_array();
    const auto found = std::ranges::find_if(all, [&](const Json& row) { return row.at(key).as_string() == name; });
    REQUIRE(found != all.end());
    return *found;
}

}  // namespace

TEST_CASE("--dry-run foretells the bytes of a run, and writes nothing") {
    const Workplace place;
    const std::filesystem::path text = place.dir / "ids.txt";
    bitnet_test::write_text(text, "1 2 3 4 5 6 7 8 9 10\n11 12 13 14 15 16 17 18\n");
    for (const Arguments& more : {Arguments{}, Arguments{"--recipe", "phase4", "--layout", "trit5"}, Arguments{"--recipe", "bitnet158", "--keep-as", "int8"},
                                  Arguments{"--planes", "2", "--scale", "row", "--scale-type", "fp32"}, Arguments{"--asymmetric", "--keep-as", "bf16"},
                                  Arguments{"--set", "preserve_embedding_precision=false", "--keep", "model.layers.0.mlp.*"},
                                  Arguments{"--text", text, "--split", "ids", "--fine-tune", "never"}}) {
        const auto before = names_in(place.dir.path());
        const Json foretold = json_of(dry_run(place, more));
        CHECK(names_in(place.dir.path()) == before);
        Arguments real = more;
        real.insert(real.end(), {"--force", "--gates", "off"});
        const Json done = json_of(place.compress(real));
        for (const char* const key : {"quantized_bytes", "dequantized_bytes", "original_bytes", "total_params", "quantized_params"})
            CHECK(foretold.at(key).as_unsigned() == done.at(key).as_unsigned());
        CHECK(foretold.at("compression_ratio").as_double() == done.at("compression_ratio").as_double());
        CHECK(foretold.at("sizes").as_string() == (more.size() > 2 && more[0] == "--text" ? "expected" : "exact"));
        CHECK(foretold.at("time").at("seconds").as_double() > 0);
        for (const Json& tensor : done.at("tensors").as_array()) {
            const Json& planned = named(foretold.at("tensors"), "name", tensor.at("name").as_string());
            CHECK(planned.at("treatment").as_string() == tensor.at("treatment").as_string());
            CHECK(planned.at("stored_bytes").as_unsigned() == tensor.at("stored_bytes").as_unsigned());
        }
    }
}

TEST_CASE("--dry-run says which gates cannot pass, why, and what each change would come to") {
    const Workplace place({.vocab_size = 700, .hidden_size = 64, .intermediate_size = 128, .layers = 2, .max_positions = 16});
    const Json plain = json_of(dry_run(place));
    for (const Json& gate : plain.at("gates").as_array()) CHECK(gate.at("state").as_string() == "failed");
    CHECK(says(plain.at("kept").as_string(), "most of it token_embedding (fp16"));
    CHECK(says(plain.at("warnings").as_array()[0].as_string(), "4 or 8 bits"));
    const Json& small = named(plain.at("changes"), "change", "--keep-as int8");
    CHECK(small.at("compression_ratio").as_double() > plain.at("compression_ratio").as_double());
    CHECK(small.at("compression_ratio").as_double() == json_of(dry_run(place, {"--keep-as", "int8"})).at("compression_ratio").as_double());
    const Json& table = named(plain.at("changes"), "change", "--set preserve_embedding_precision=false");
    CHECK(table.at("passes").as_bool());
    const Json all = json_of(dry_run(place, {"--set", "preserve_embedding_precision=false"}));
    CHECK(all.at("compression_ratio").as_double() == table.at("compression_ratio").as_double());
    CHECK(all.at("changes").as_array().empty());

    const Json far = json_of(dry_run(place, {"--set", "target_compression_ratio=30"}));
    CHECK(says(far.at("verdicts").as_array()[0].as_string(), "no change here reaches 30.00x"));
    const Finished printed = run_program(dry_run(place));
    CHECK(printed.status == 0);
    for (const char* const words : {"gate        failed: the compression ratio is ", "because     what is kept holds ", "change      --keep-as int8: ratio ", "; passes both gates", "an estimate from ",
                                    "warning     ", "nothing was written\n"})
        CHECK(says(printed.out, words));
}

TEST_CASE("--dry-run knows what a budget of bits leaves open") {
    const Workplace place({.vocab_size = 40, .hidden_size = 64, .intermediate_size = 128, .layers = 2, .max_positions = 16});
    const std::filesystem::path text = place.dir / "ids.txt";
    bitnet_test::write_text(text, "1 2 3 4 5 6 7 8\n");
    const Json two = json_of(dry_run(place, {"--text", text, "--split", "ids", "--bits", "2.5"})), four = json_of(dry_run(place, {"--text", text, "--split", "ids", "--bits", "4"}));
    CHECK(two.at("sizes").as_string() == "at most");
    CHECK(two.at("bits_per_weight").as_double() == doctest::Approx(2.5));
    CHECK(four.at("quantized_bytes").as_unsigned() - two.at("quantized_bytes").as_unsigned() == doctest::Approx(1.5 / 8 * two.at("quantized_params").as_double()).epsilon(0.01));
    CHECK(json_of(dry_run(place, {"--text", text, "--split", "ids", "--degradation", "0.1"})).at("sizes").as_string() == "at least");
}

TEST_CASE("--dry-run refuses what a run refuses, and works on any file of weights") {
    const Workplace place;
    CHECK(run_program(dry_run(place, {"--recipe", "phase5"})).status == 2);
    CHECK(says(bitnet_test::refusal_of_program({"compress", place.dir / "nowhere", "--dry-run"}), "nowhere: no such file or directory"));
    const Json generic = json_of({"compress", place.weights(), "--arch", "generic", "--dry-run"});
    CHECK(generic.at("quantized_params").as_unsigned() > 0);
    CHECK(json_of(dry_run(place, {"--keep", "*"})).at("warnings").as_array().back().as_string() == "nothing becomes ternary");
}
