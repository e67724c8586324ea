/// libFuzzer target: any text is a JSON document that survives being written and read again, or is refused by
/// bitnet::error.
///
///     clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude \
///         tests/fuzz/json.cpp -o fuzz_json -lsimdjson
///     ./fuzz_json -runs=1000000 -max_len=1024 tests/fuzz/corpus/json
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <bitnet/io/json.hpp>

namespace {

void require(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    bitnet::Json json;
    try {
        json = bitnet::parse_json(text, "file");
    } catch (const bitnet::error& problem) {
        const std::string_view what = problem.what();
        require(problem.code() == bitnet::errc::bad_file, "a refusal is a bad_file");
        require(what.substr(0, 6) == "file: " && what.find('\n') == what.npos, "a refusal is one line with the path");
        return 0;
    }
    const auto compact = bitnet::to_text(json, -1);
    require(bitnet::parse_json(compact, "file") == json, "compact text reads back equal");
    require(bitnet::parse_json(bitnet::to_text(json), "file") == json, "indented text reads back equal");
    require(compact.find('\n') == compact.npos, "compact text is one line");
    require(!json.description().empty(), "every value has a description");
    return 0;
}
