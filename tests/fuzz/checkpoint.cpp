/// libFuzzer target: any bytes are a checkpoint of a training run that goes back into memory, or are refused by bitnet::error.
///
///     clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude \
///         tests/fuzz/checkpoint.cpp -o fuzz_checkpoint -lsimdjson -lopenblas
///     ./fuzz_checkpoint -runs=1000000 -max_len=2048 -dict=tests/fuzz/safetensors.dict tests/fuzz/corpus/checkpoint
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include <bitnet/train/run.hpp>

namespace {

void require(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

/// What the seeds were saved from.
struct State {
    std::array<float, 4> weight{};
    std::uint64_t step = 0;

    template <class F>
    void each_field(F&& f) {
        f(std::string("weight"), std::span<float>(weight));
        f(std::string("step"), step);
    }
};

/// A file in memory alone, by a path.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view content) : file_(::memfd_create("checkpoint", 0)) {
        require(file_ >= 0 && ::write(file_, content.data(), content.size()) == static_cast<::ssize_t>(content.size()), "memory takes a file");
    }
    ~MemoryFile() { ::close(file_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

private:
    int file_;
};

void check(std::string_view content) {
    const MemoryFile file(content);
    const std::string path = file.path();
    try {
        const bitnet::Checkpoint checkpoint = bitnet::read_checkpoint(path);
        State state;
        checkpoint.now.restore(state, path);
        if (checkpoint.best) checkpoint.best->restore(state, path);
        bitnet::history_of(checkpoint, path);
    } catch (const bitnet::error& problem) {
        const std::string_view what = problem.what();
        require(what.starts_with(path) && what.find('\n') == what.npos, "a refusal is one line with the path");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    check(input);
    if (size == 0) return 0;
    // Once more with a length that is right, which mutations seldom keep: the first byte says how much data follows.
    const std::size_t data_size = data[0];
    std::string file(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<char>((size - 1) >> (8 * i) & 0xff);
    check(file.append(input.substr(1)).append(data_size, 'x'));
    return 0;
}
