/// libFuzzer target: any bytes are a file of torch.save whose tensors lie in it, or are refused by bitnet::error.
///
///     clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude -Itests \
///         tests/fuzz/torch_file.cpp -o fuzz_torch_file -lsimdjson
///     ./fuzz_torch_file -runs=1000000 -max_len=2048 -dict=tests/fuzz/torch_file.dict tests/fuzz/corpus/torch_file
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/io/torch_file.hpp>

#include <support/torch_writer.hpp>

namespace {

void require(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

void check(std::span<const std::byte> file) {
    bitnet::TorchContents contents;
    try {
        contents = bitnet::parse_torch_file(file, "file");
    } catch (const bitnet::error& problem) {
        const std::string_view what = problem.what();
        require(problem.code() == bitnet::errc::bad_file || problem.code() == bitnet::errc::unsupported,
                "a refusal is a bad_file or unsupported");
        require(what.substr(0, 6) == "file: " && what.find('\n') == what.npos, "a refusal is one line with the path");
        return;
    }
    for (std::size_t i = 0; i < contents.tensors.size(); ++i) {
        const bitnet::TensorEntry& tensor = contents.tensors[i];
        const std::vector<std::size_t>& strides = contents.strides.at(i);
        require(tensor.begin <= tensor.end && tensor.end <= file.size(), "a tensor lies in the file");
        const std::size_t element = bits_of(tensor.dtype) / 8, size = bitnet::element_count(tensor.shape) * element;
        if (strides.empty()) {
            require(size == tensor.end - tensor.begin, "a tensor has the bytes of its shape");
        } else if (size < 100'000) {
            require(strides.size() == tensor.shape.size(), "each axis has a stride");
            const std::vector<std::byte> from(file.begin() + static_cast<std::ptrdiff_t>(tensor.begin),
                                              file.begin() + static_cast<std::ptrdiff_t>(tensor.end));
            std::vector<std::byte> to(size);
            bitnet::detail::StridedCopy(tensor.shape, strides, element)(from.data(), to.data());
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    check(input);
    // Once more as the pickle in a sound archive, and in a legacy stream: mutations seldom keep what surrounds it.
    const std::string pickle(reinterpret_cast<const char*>(data), size);
    const std::string floats(24, 'x');
    check(bitnet_test::bytes_of(bitnet_test::torch_archive(pickle, {{"0", floats}, {"1", floats}}).text()));
    check(bitnet_test::bytes_of(bitnet_test::legacy_stream(pickle, {{"0", 6, floats}})));
    return 0;
}
