#include <bitnet/io/safetensors_writer.hpp>  // first, so that it cannot lean on another include

#include <csignal>
#include <cstdint>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

using bitnet::DType;
using bitnet::errc;
using bitnet::PlannedTensor;
using bitnet::SafetensorsFile;
using bitnet::SafetensorsWriter;

namespace {

std::span<const std::byte> text_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

template <class Action>
std::pair<errc, std::string> refusal(const Action& action) {
    try {
        action();
    } catch (const bitnet::error& problem) {
        return {problem.code(), problem.what()};
    }
    FAIL("nothing was thrown");
    return {};
}

/// Lets no file of this process grow beyond so many bytes, as a full disk would.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_) == 0);
        const rlimit now{bytes, old_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &old_);
        std::signal(SIGXFSZ, old_handler_);
    }

private:
    void (*old_handler_)(int);
    rlimit old_{};
};

}  // namespace

TEST_CASE("a file is written byte for byte as the reference writer does") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "m.safetensors";
    SafetensorsWriter writer(path, {{"b", DType::U8, {3}}, {"z", DType::F32, {1}}, {"a", DType::U8, {1, 2}}, {"y", DType::F32, {}}},
                             {{"k", "say \"v\""}});
    writer.write("a", text_bytes("aa"));
    writer.write("b", 1, text_bytes("bb"));
    writer.write("z", text_bytes("zzzz"));
    writer.write("b", 0, text_bytes("B"));
    writer.write("y", text_bytes("yyyy"));
    writer.finish();
    std::string header =
        R"({"__metadata__":{"format":"pt","k":"say \"v\""},"y":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
        R"("z":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"U8","shape":[1,2],"data_offsets":[8,10]},)"
        R"("b":{"dtype":"U8","shape":[3],"data_offsets":[10,13]}})";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::string length{static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8), 0, 0, 0, 0, 0, 0};
    CHECK(bitnet_test::read_text(path) == length + header + "yyyyzzzzaaBbb");
    CHECK(writer.file_size() == 8 + header.size() + 13);
    CHECK(writer.tensors()[3] == bitnet::TensorEntry{"b", DType::U8, {3}, 10, 13});
}

TEST_CASE("a file without tensors is legal, and a format that is given stays") {
    const bitnet_test::TempDir directory;
    SafetensorsWriter(directory / "a", {}).finish();
    CHECK(SafetensorsFile(directory / "a").metadata() == std::map<std::string, std::string>{{"format", "pt"}});
    SafetensorsWriter(directory / "b", {}, {{"format", "mlx"}}).finish();
    CHECK(SafetensorsFile(directory / "b").metadata().at("format") == "mlx");
}

TEST_CASE("any plan, written in any order and pieces, reads back the same") {
    constexpr unsigned seed = 4711;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    static constexpr std::string_view pieces[]{"a", ".", "weight", "\"", "\\", "\n", "é", "/", "\x01", "layers.0", "😀"};
    for (int round = 0; round < 100; ++round) {
        const bitnet_test::TempDir directory;
        std::vector<PlannedTensor> plan;
        std::map<std::string, std::string> contents;
        for (auto n = random() % 20; n > 0; --n) {
            PlannedTensor tensor;
            for (auto k = random() % 5; k > 0; --k) tensor.name += pieces[random() % std::size(pieces)];
            tensor.dtype = bitnet::dtype_table[random() % bitnet::dtype_table.size()].type;
            for (auto rank = random() % 4; rank > 0; --rank) tensor.shape.push_back(random() % 6);
            tensor.shape.push_back(4 * (random() % 3));  // whole bytes, also of 6 bits
            if (contents.count(tensor.name) != 0) continue;
            std::string& content = contents[tensor.name];
            content.resize(bitnet::element_count(tensor.shape) * bitnet::bits_of(tensor.dtype) / 8);
            for (char& letter : content) letter = static_cast<char>(random());
            plan.push_back(tensor);
        }
        const auto path = directory / "m.safetensors";
        SafetensorsWriter writer(path, plan, {{"round", std::to_string(round)}});
        std::shuffle(plan.begin(), plan.end(), random);
        for (const PlannedTensor& tensor : plan) {
            const std::string& content = contents[tensor.name];
            for (std::size_t end = content.size(); end > 0;) {  // from the back, a piece at a time
                const std::size_t begin = end - 1 - random() % end;
                writer.write(tensor.name, begin, text_bytes(content).subspan(begin, end - begin));
                end = begin;
            }
        }
        writer.finish();
        const SafetensorsFile file(path);
        CHECK(file.metadata().at("round") == std::to_string(round));
        CHECK(std::filesystem::file_size(path) == writer.file_size());
        CHECK(file.tensors() == writer.tensors());
        REQUIRE(file.tensors().size() == plan.size());
        for (const PlannedTensor& tensor : plan) {
            const bitnet::TensorView view = file.view(file.at(tensor.name));
            CHECK(view.dtype == tensor.dtype);
            CHECK(view.shape == tensor.shape);
            CHECK(std::string_view(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()) == contents[tensor.name]);
        }
        if (!file.tensors().empty() && file.tensors().back().end != 0)
            CHECK((writer.file_size() - file.tensors().back().end) % 8 == 0);
    }
}

TEST_CASE("threads may write at once") {
    const bitnet_test::TempDir directory;
    constexpr std::size_t rows = 400;
    SafetensorsWriter writer(directory / "m", {{"x", DType::U8, {rows, 100}}});
    {
        std::vector<std::jthread> threads;
        for (std::size_t first = 0; first < 4; ++first)
            threads.emplace_back([&writer, first] {
                for (std::size_t row = first; row < rows; row += 4)
                    writer.write("x", row * 100, text_bytes(std::string(100, static_cast<char>(row))));
            });
    }
    writer.finish();
    const SafetensorsFile file(directory / "m");
    const auto bytes = file.view(file.at("x")).bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) REQUIRE(bytes[i] == static_cast<std::byte>(i / 100 & 0xff));
}

TEST_CASE("a tensor that is incomplete, written twice or not in the plan is refused") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "m";
    const std::string p = path.string();
    SafetensorsWriter writer(path, {{"x", DType::U8, {4}}, {"e", DType::U8, {0}}});
    CHECK(refusal([&] { writer.finish(); }) == std::pair(errc::bad_value, p + ": tensor \"x\": 0 bytes were written of 4"));
    writer.write("x", 0, text_bytes("abc"));
    CHECK(refusal([&] { writer.finish(); }) == std::pair(errc::bad_value, p + ": tensor \"x\": 3 bytes were written of 4"));
    CHECK(refusal([&] { writer.write("x", 3, text_bytes("de")); }) ==
          std::pair(errc::bad_value, p + ": tensor \"x\" takes 4 bytes, not 2 more from 3"));
    CHECK(refusal([&] { writer.write("x", ~std::size_t{0}, text_bytes("de")); }).first == errc::bad_value);
    CHECK(refusal([&] { writer.write("x", text_bytes("de")); }) ==
          std::pair(errc::bad_value, p + ": tensor \"x\" takes 4 bytes, not 2"));
    CHECK(refusal([&] { writer.write("y", text_bytes("de")); }) ==
          std::pair(errc::missing, p + ": tensor \"y\" is not in the plan"));
    writer.write("x", 2, text_bytes("cd"));
    CHECK(refusal([&] { writer.finish(); }) == std::pair(errc::bad_value, p + ": tensor \"x\": 5 bytes were written of 4"));
}

TEST_CASE("a plan that no reader would accept is refused before a file is made") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "m";
    const std::string p = path.string();
    const auto plan = [&](std::vector<PlannedTensor> tensors, std::map<std::string, std::string> metadata = {}) {
        const auto out = refusal([&] { SafetensorsWriter(path, std::move(tensors), std::move(metadata)); });
        CHECK_FALSE(std::filesystem::exists(path));
        return out;
    };
    CHECK(plan({{"x", DType::U8, {4}}, {"y", DType::U8, {4}}, {"x", DType::F32, {4}}}) ==
          std::pair(errc::bad_value, p + ": header: repeated key \"x\""));
    CHECK(plan({{"__metadata__", DType::U8, {4}}}) == std::pair(errc::bad_value, p + ": no tensor can be called __metadata__"));
    CHECK(plan({{"\xff", DType::U8, {4}}}).first == errc::bad_value);
    CHECK(plan({}, {{"k", "\xff"}}).first == errc::bad_value);
    CHECK(plan({{"x", DType::F4, {3}}}) ==
          std::pair(errc::bad_shape, p + ": tensor \"x\": F4 of shape (3) takes 12 bits, which do not fill whole bytes"));
    CHECK(plan({{"x", DType::U8, {1ull << 40, 1ull << 40}}}).first == errc::bad_shape);
    CHECK(plan({{"x", DType::U8, bitnet::Shape(65, 1)}}) ==
          std::pair(errc::bad_shape, p + ": tensor \"x\": rank 65; at most 64 is written"));
    std::vector<PlannedTensor> sum_overflows;
    for (int i = 0; i < 8; ++i) sum_overflows.push_back({std::to_string(i), DType::U8, {(1ull << 61) - 1}});
    CHECK(plan(sum_overflows).first == errc::bad_shape);
    CHECK(plan({}, {{"k", std::string(100'000'000, ' ')}}).second.ends_with(" bytes; at most 100000000 are allowed"));
}

TEST_CASE("a file that is there already is not touched") {
    const bitnet_test::TempDir directory;
    bitnet_test::write_text(directory / "m", "precious");
    CHECK(refusal([&] { SafetensorsWriter(directory / "m", {}); }) ==
          std::pair(errc::exists, (directory / "m").string() + ": exists already"));
    CHECK(bitnet_test::read_text(directory / "m") == "precious");
    CHECK(refusal([&] { SafetensorsWriter(directory / "none" / "m", {}); }) ==
          std::pair(errc::io, (directory / "none" / "m").string() + ": cannot create: No such file or directory"));
}

TEST_CASE("a file that has no room is refused when it is planned") {
    const bitnet_test::TempDir directory;
    const FileSizeLimit limit(100'000);
    const auto [code, what] = refusal([&] { SafetensorsWriter(directory / "m", {{"x", DType::U8, {200'000}}}); });
    CHECK(code == errc::io);
    CHECK(what.starts_with((directory / "m").string() + ": cannot reserve "));
    CHECK(what.ends_with("bytes: File too large"));
    SafetensorsWriter(directory / "small", {{"x", DType::U8, {0}}}).finish();
}

TEST_CASE("a write that fails names the file and the reason") {
    const bitnet_test::TempDir directory;
    SafetensorsWriter writer(directory / "m", {{"x", DType::U8, {200'000}}});
    const FileSizeLimit limit(100'000);
    const std::string half(100'000, 'x');
    CHECK(refusal([&] { writer.write("x", 100'000, text_bytes(half)); }) ==
          std::pair(errc::io, (directory / "m").string() + ": cannot write: File too large"));
    CHECK(refusal([&] { writer.finish(); }).first == errc::bad_value);
}

TEST_CASE("a hundred thousand tensors are written and read") {
    const bitnet_test::TempDir directory;
    constexpr std::size_t count = 100'000;
    std::vector<PlannedTensor> plan;
    for (std::size_t i = 0; i < count; ++i) plan.push_back({bitnet::message("layers.", i, ".weight"), DType::U8, {1, 1}});
    SafetensorsWriter writer(directory / "m", plan);
    for (std::size_t i = 0; i < count; ++i) {
        const std::byte value{static_cast<unsigned char>(i)};
        writer.write(plan[i].name, {&value, 1});
    }
    writer.finish();
    const SafetensorsFile file(directory / "m");
    REQUIRE(file.tensors().size() == count);
    for (std::size_t i = 0; i < count; ++i)
        REQUIRE(file.view(file.at(plan[i].name)).bytes[0] == std::byte{static_cast<unsigned char>(i)});
}
