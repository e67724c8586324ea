#include <bitnet/io/safetensors.hpp>  // first, so that it cannot lean on another include

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <support/temp_dir.hpp>

using bitnet::DType;
using bitnet::errc;
using bitnet::SafetensorsFile;
using bitnet::Shape;

static_assert(!std::is_copy_constructible_v<SafetensorsFile> && std::is_move_constructible_v<SafetensorsFile>);

namespace {

std::string length_bytes(std::uint64_t length) {
    std::string out(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(length >> (8 * i) & 0xff);
    return out;
}

/// A file of that header, followed by so many bytes of data: 0, 1, 2, ...
std::string file_of(std::string_view header, std::size_t data = 0) {
    std::string out = length_bytes(header.size()) + std::string(header);
    for (std::size_t i = 0; i < data; ++i) out += static_cast<char>(i);
    return out;
}

/// From a heap block of exactly that size, so that the address sanitizer sees a read beyond the end.
bitnet::SafetensorsHeader parse_header(std::string_view file) {
    const auto copy = std::make_unique<std::byte[]>(file.size());
    std::memcpy(copy.get(), file.data(), file.size());
    return bitnet::parse_safetensors_header({copy.get(), file.size()}, "m.safetensors");
}

/// what() of the bad_file that the bytes are refused with, without the path that it begins with.
std::string file_refusal(std::string_view file) {
    constexpr std::string_view path = "m.safetensors: ";
    try {
        parse_header(file);
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == errc::bad_file);
        const std::string what = problem.what();
        CHECK(what.starts_with(path));
        CHECK(what.find('\n') == what.npos);
        return what.substr(path.size());
    }
    return "accepted";
}

/// The same for a file with one tensor "x" of those fields, where 4 bytes of data follow.
std::string refusal_of_x(std::string_view fields) {
    return file_refusal(file_of("{\"x\":{" + std::string(fields) + "}}", 4));
}

const std::string two_tensors =
    R"({"__metadata__":{"format":"pt","k":"v"},"b":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},)"
    R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";

}  // namespace

TEST_CASE("tensors are listed in the order of their bytes, whatever the order of the header") {
    const auto header = parse_header(file_of(two_tensors, 16));
    CHECK(header.data_begin == 8 + two_tensors.size());
    CHECK(header.metadata == std::map<std::string, std::string>{{"format", "pt"}, {"k", "v"}});
    REQUIRE(header.tensors.size() == 2);
    CHECK(header.tensors[0] == bitnet::TensorEntry{"a", DType::F32, {}, 0, 4});
    CHECK(header.tensors[1] == bitnet::TensorEntry{"b", DType::F16, {2, 3}, 4, 16});
}

TEST_CASE("files without tensors, metadata, padding or alignment are legal") {
    CHECK(parse_header(file_of("{}")).tensors.empty());
    CHECK(parse_header(file_of("{}      ")).metadata.empty());
    CHECK(parse_header(file_of(" \t\r\n{} \n")).tensors.empty());
    CHECK(parse_header(file_of(R"({"__metadata__":{}})")).tensors.empty());
    CHECK(parse_header(file_of(R"({"":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", 3)).tensors[0].name.empty());
    CHECK(parse_header(file_of(R"({"x":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}})", 3)).tensors.size() == 1);
    CHECK(parse_header(file_of(R"({"x":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[0,3],"new":[1]}})", 3)).tensors.size() == 1);
}

TEST_CASE("every type of the format is read") {
    for (const bitnet::DTypeInfo& row : bitnet::dtype_table) {
        const std::string header = bitnet::message(R"({"x":{"dtype":")", row.name, R"(","shape":[8],"data_offsets":[0,)",
                                                   row.bits, "]}}");
        CHECK(parse_header(file_of(header, row.bits)).tensors[0].dtype == row.type);
    }
}

TEST_CASE("tensors without elements take no bytes and may share a place") {
    const auto header = parse_header(file_of(R"({"z":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},)"
                                      R"("a":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[4,4]},)"
                                      R"("m":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                                      R"("e":{"dtype":"F32","shape":[5,0],"data_offsets":[0,0]}})", 4));
    std::string order;
    for (const auto& tensor : header.tensors) order += tensor.name;
    CHECK(order == "emza");
}

TEST_CASE("a file cut off inside its header, or anywhere later, is refused") {
    const std::string whole = file_of(two_tensors, 16);
    REQUIRE(file_refusal(whole) == "accepted");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        const std::string why = file_refusal(whole.substr(0, size));
        if (size < 8)
            CHECK(why == bitnet::message(size, " bytes, but a safetensors file begins with the 8 bytes of its header's length"));
        else if (size < 8 + two_tensors.size())
            CHECK(why == bitnet::message("a header of ", two_tensors.size(), " bytes reaches beyond the end of this file of ", size));
        else
            CHECK(why == bitnet::message("the header describes 16 bytes of tensors, but ", size - 8 - two_tensors.size(), " follow it"));
    }
    CHECK(file_refusal(whole + 'x') == "the header describes 16 bytes of tensors, but 17 follow it");
}

TEST_CASE("a large file cut off at random places is refused") {
    constexpr unsigned seed = 7;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    const std::string whole = file_of(R"({"x":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}})", 100'000);
    REQUIRE(file_refusal(whole) == "accepted");
    for (int i = 0; i < 100; ++i) CHECK(file_refusal(std::string_view(whole).substr(0, random() % whole.size())) != "accepted");
}

TEST_CASE("a header whose own length is shorter than its text is refused") {
    for (std::size_t size = 0; size < two_tensors.size(); ++size) {
        CAPTURE(size);
        CHECK(file_refusal(length_bytes(size) + two_tensors + std::string(16, 'x')) != "accepted");
    }
}

TEST_CASE("the length of the header is bounded by 100000000 and by the file") {
    CHECK(file_refusal(length_bytes(100'000'001) + "{}") == "a header of 100000001 bytes; at most 100000000 are allowed");
    CHECK(file_refusal(length_bytes(~0ull) + "{}") == "a header of 18446744073709551615 bytes; at most 100000000 are allowed");
    CHECK(file_refusal(length_bytes(100'000'000) + "{}") == "a header of 100000000 bytes reaches beyond the end of this file of 10");
    CHECK(file_refusal(length_bytes(3) + "{}") == "a header of 3 bytes reaches beyond the end of this file of 10");
    CHECK(parse_header(file_of("{}" + std::string(99'999'998, ' '))).data_begin == 100'000'008);
}

TEST_CASE("a header that is no JSON object in UTF-8 is refused") {
    CHECK(file_refusal(file_of("")) == "the header is not a JSON object");
    CHECK(file_refusal(file_of("   ")) == "the header is not a JSON object");
    CHECK(file_refusal(file_of("[]")) == "the header is not a JSON object");
    CHECK(file_refusal(file_of("null")) == "the header is not a JSON object");
    CHECK(file_refusal(file_of("\xef\xbb\xbf{}")) == "the header is not a JSON object");
    CHECK(file_refusal(file_of("{")).starts_with("header: not JSON: "));
    CHECK(file_refusal(file_of("{}x")).starts_with("header: not JSON: "));
    CHECK(file_refusal(file_of("{\"\xff\":1}")).starts_with("header: not JSON: "));
    CHECK(file_refusal(file_of(std::string_view("{}\0", 3))).starts_with("header: not JSON: "));
}

TEST_CASE("a name or a field that is repeated is refused") {
    const std::string x = R"("x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
    CHECK(file_refusal(file_of('{' + x + ',' + x + '}', 4)) == "header: repeated key \"x\"");
    CHECK(file_refusal(file_of(R"({"__metadata__":{},"__metadata__":{}})")) == "header: repeated key \"__metadata__\"");
    CHECK(file_refusal(file_of(R"({"__metadata__":{"a":"1","a":"1"}})")) == "header: repeated key \"__metadata__.a\"");
    CHECK(refusal_of_x(R"("dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4])") ==
          "header: repeated key \"x.dtype\"");
}

TEST_CASE("metadata is a flat map from strings to strings") {
    CHECK(file_refusal(file_of(R"({"__metadata__":"pt"})")) == "__metadata__: expected an object, found \"pt\"");
    CHECK(file_refusal(file_of(R"({"__metadata__":null})")) == "__metadata__: expected an object, found null");
    CHECK(file_refusal(file_of(R"({"__metadata__":{"a":1}})")) == "__metadata__: \"a\": expected a string, found 1");
    CHECK(file_refusal(file_of(R"({"__metadata__":{"a":null}})")) == "__metadata__: \"a\": expected a string, found null");
    CHECK(file_refusal(file_of(R"({"__metadata__":{"a":{}}})")) == "__metadata__: \"a\": expected a string, found an object");
}

TEST_CASE("a missing or mistyped field is refused by tensor and field") {
    CHECK(file_refusal(file_of(R"({"x":[]})")) == "tensor \"x\": expected an object, found an array of 0");
    CHECK(refusal_of_x("") == "tensor \"x\": dtype is missing");
    CHECK(refusal_of_x(R"("dtype":"U8","data_offsets":[0,4])") == "tensor \"x\": shape is missing");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4])") == "tensor \"x\": data_offsets is missing");
    CHECK(refusal_of_x(R"("dtype":8,"shape":[4],"data_offsets":[0,4])") == "tensor \"x\": dtype: expected a string, found 8");
    CHECK(refusal_of_x(R"("dtype":"u8","shape":[4],"data_offsets":[0,4])") == "tensor \"x\": unknown dtype \"u8\"");
    CHECK(refusal_of_x(R"("dtype":"Q2\n","shape":[4],"data_offsets":[0,4])") == "tensor \"x\": unknown dtype \"Q2\\n\"");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":4,"data_offsets":[0,4])") == "tensor \"x\": shape: expected an array, found 4");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[-4],"data_offsets":[0,4])") ==
          "tensor \"x\": shape: expected an unsigned integer, found -4");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4.0],"data_offsets":[0,4])") ==
          "tensor \"x\": shape: expected an unsigned integer, found 4.0");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":["4"],"data_offsets":[0,4])") ==
          "tensor \"x\": shape: expected an unsigned integer, found \"4\"");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4],"data_offsets":{})") ==
          "tensor \"x\": data_offsets: expected an array, found an object");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4],"data_offsets":[0])") ==
          "tensor \"x\": data_offsets: expected 2 integers, found 1");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4],"data_offsets":[0,4,4])") ==
          "tensor \"x\": data_offsets: expected 2 integers, found 3");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4],"data_offsets":[0,4e0])") ==
          "tensor \"x\": data_offsets: expected an unsigned integer, found 4.0");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4])") ==
          "tensor \"x\": shape: expected an unsigned integer, found 18446744073709551616.0");
}

TEST_CASE("a tensor of up to 64 dimensions is read") {
    const auto with_rank = [](std::size_t rank) {
        std::string shape = "4";
        for (std::size_t i = 1; i < rank; ++i) shape += ",1";
        return refusal_of_x(R"("dtype":"U8","shape":[)" + shape + R"(],"data_offsets":[0,4])");
    };
    CHECK(with_rank(64) == "accepted");
    CHECK(with_rank(65) == "tensor \"x\": rank 65; at most 64 is read");
}

TEST_CASE("tensors that leave a hole, overlap or run backwards are refused") {
    const auto with = [](std::string_view first, std::string_view second) {
        return file_refusal(file_of(bitnet::message(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)", first,
                                               R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)", second, "}}"), 8));
    };
    CHECK(with("[0,4]", "[4,8]") == "accepted");
    CHECK(with("[4,8]", "[0,4]") == "accepted");
    CHECK(with("[1,5]", "[5,9]") == "tensor \"a\": begins at 1 and leaves a hole behind 0");
    CHECK(with("[0,4]", "[5,9]") == "tensor \"b\": begins at 5 and leaves a hole behind 4");
    CHECK(with("[0,4]", "[3,7]") == "tensor \"b\": begins at 3 and overlaps the tensor that ends at 4");
    CHECK(with("[0,4]", "[0,4]") == "tensor \"b\": begins at 0 and overlaps the tensor that ends at 4");
    CHECK(with("[0,4]", "[4,3]") == "tensor \"b\": ends at 3, before it begins at 4");
    CHECK(with("[0,4]", "[4,18446744073709551615]") ==
          "tensor \"b\": U8 of shape (4) takes 4 bytes, but data_offsets hold 18446744073709551611");
}

TEST_CASE("a size that is not that of shape and type is refused") {
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[3],"data_offsets":[0,4])") ==
          "tensor \"x\": U8 of shape (3) takes 3 bytes, but data_offsets hold 4");
    CHECK(refusal_of_x(R"("dtype":"F64","shape":[],"data_offsets":[0,4])") ==
          "tensor \"x\": F64 of shape () takes 8 bytes, but data_offsets hold 4");
    CHECK(refusal_of_x(R"("dtype":"F32","shape":[0],"data_offsets":[0,4])") ==
          "tensor \"x\": F32 of shape (0) takes 0 bytes, but data_offsets hold 4");
    CHECK(refusal_of_x(R"("dtype":"F4","shape":[3],"data_offsets":[0,4])") ==
          "tensor \"x\": F4 of shape (3) takes 12 bits, which do not fill whole bytes");
}

TEST_CASE("sizes that overflow are refused") {
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,4])") ==
          "tensor \"x\": shape (4294967296, 4294967296) has more elements than a size_t can count");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[4294967296,4294967297,0],"data_offsets":[0,0])") ==
          "tensor \"x\": shape (4294967296, 4294967297, 0) has more elements than a size_t can count");
    CHECK(refusal_of_x(R"("dtype":"U8","shape":[2305843009213693952],"data_offsets":[0,0])") ==
          "tensor \"x\": U8 of shape (2305843009213693952) has more bits than a size_t can count");
    // 2^58 elements of 64 bits wrap to 0 bits.
    CHECK(refusal_of_x(R"("dtype":"F64","shape":[288230376151711744],"data_offsets":[0,0])") ==
          "tensor \"x\": F64 of shape (288230376151711744) has more bits than a size_t can count");
}

TEST_CASE("a file gives its tensors by name, as views of the map") {
    const bitnet_test::TempDir directory;
    bitnet_test::write_text(directory / "m.safetensors", file_of(two_tensors, 16));
    SafetensorsFile opened(directory / "m.safetensors");
    const SafetensorsFile file = std::move(opened);
    CHECK(file.path() == directory / "m.safetensors");
    CHECK(file.metadata().at("k") == "v");
    REQUIRE(file.tensors().size() == 2);
    CHECK(file.find("a") == &file.tensors()[0]);
    CHECK(file.find("b") == &file.at("b"));
    CHECK(file.find("") == nullptr);
    CHECK(file.find("c") == nullptr);
    CHECK_THROWS_WITH_AS(file.at("c"), (file.path().string() + ": no tensor \"c\"").c_str(), bitnet::error);
    const bitnet::TensorView view = file.view(file.at("b"));
    CHECK(view.name.data() == file.at("b").name.data());
    CHECK(view.dtype == DType::F16);
    CHECK(view.shape == Shape{2, 3});
    file.release(file.at("b"));
    file.release(file.at("b"), 2, 4);
    REQUIRE(view.bytes.size() == 12);
    for (std::size_t i = 0; i < 12; ++i) CHECK(std::to_integer<std::size_t>(view.bytes[i]) == i + 4);
}

TEST_CASE("a file that is missing or wrong is refused by its path") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "m.safetensors";
    CHECK_THROWS_WITH_AS(SafetensorsFile{path}, (path.string() + ": no such file").c_str(), bitnet::error);
    bitnet_test::write_text(path, "");
    CHECK_THROWS_WITH_AS(
        SafetensorsFile{path},
        (path.string() + ": 0 bytes, but a safetensors file begins with the 8 bytes of its header's length").c_str(),
        bitnet::error);
}
