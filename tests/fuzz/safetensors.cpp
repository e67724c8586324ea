/// libFuzzer target: any bytes are a safetensors file that obeys the format, or are refused by bitnet::error.
///
///     clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude \
///         tests/fuzz/safetensors.cpp -o fuzz_safetensors -lsimdjson
///     ./fuzz_safetensors -runs=1000000 -max_len=1024 tests/fuzz/corpus/safetensors
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include <bitnet/io/safetensors.hpp>

namespace {

void require(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

void check(std::span<const std::byte> file) {
    bitnet::SafetensorsHeader header;
    try {
        header = bitnet::parse_safetensors_header(file, "file");
    } catch (const bitnet::error& problem) {
        const std::string_view what = problem.what();
        require(problem.code() == bitnet::errc::bad_file, "a refusal is a bad_file");
        require(what.substr(0, 4) == "file" && what.find('\n') == what.npos, "a refusal is one line with the path");
        return;
    }
    std::size_t place = 0;
    for (const bitnet::TensorEntry& tensor : header.tensors) {
        require(tensor.begin == place && tensor.end >= place, "tensors lie one behind the other");
        require(bitnet::element_count(tensor.shape) * bitnet::bits_of(tensor.dtype) == (tensor.end - tensor.begin) * 8,
                "a tensor has the bytes of its shape");
        require(tensor.name != bitnet::safetensors_metadata_key, "metadata is no tensor");
        place = tensor.end;
    }
    require(header.data_begin >= 8 && header.data_begin + place == file.size(), "the tensors fill the file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    check(input);
    if (size == 0) return 0;
    // Once more with a length that is right, which mutations seldom keep: the first byte says how much data follows.
    const std::size_t data_size = data[0];
    std::string file(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>((size - 1) >> (8 * i) & 0xff);
    file.append(reinterpret_cast<const char*>(data) + 1, size - 1).append(data_size, 'x');
    check(std::as_bytes(std::span(file)));
    return 0;
}
