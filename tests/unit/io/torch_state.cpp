#include <bitnet/io/torch_state.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <support/torch_writer.hpp>

using bitnet::DType;
using bitnet::errc;
using bitnet::Shape;
using bitnet::TensorEntry;
using bitnet::TorchContents;
using bitnet_test::bytes_of;
using bitnet_test::dict_op;
using bitnet_test::global_op;
using bitnet_test::int_op;
using bitnet_test::ordered_dict_op;
using bitnet_test::pickled;
using bitnet_test::storage_op;
using bitnet_test::tensor_op;
using bitnet_test::text_op;
using bitnet_test::tuple_op;
using bitnet_test::whole_op;

namespace {
/// What a pickle of that body holds when storage "0" begins at byte 100, "1" at byte 1100 and so on.
TorchContents contents(std::string_view body, std::size_t id_size = 5) {
    const std::string bytes = pickled(body);
    const bitnet::Pickle pickle = bitnet::read_pickle(bytes_of(bytes), "p");
    bitnet::detail::TorchStateReader state(pickle, "p", id_size);
    std::size_t begin = 100;
    for (auto& [key, storage] : state.storages()) {
        storage.begin = begin;
        begin += 1000;
    }
    return state.contents();
}
TorchContents one(std::string_view tensor) { return contents(dict_op({{"w", std::string(tensor)}})); }
void check_state_refused(std::string_view body, errc code, const std::string& what, std::size_t id_size = 5) {
    try {
        contents(body, id_size);
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        CHECK(std::string(problem.what()) == what);
        CHECK(problem.code() == code);
    }
}
/// A fault of one tensor, whose offset in the pickle is left away.
void check_tensor_refused(std::string_view tensor, const std::string& what, errc code = errc::bad_file) {
    try {
        one(tensor);
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        const std::string_view text = problem.what();
        REQUIRE(text.starts_with("p: offset "));
        CHECK(std::string(text.substr(text.find(": ", 3) + 2)) == what);
        CHECK(problem.code() == code);
    }
}
std::string floats(std::size_t elements) { return storage_op("FloatStorage", "0", elements); }
/// _rebuild_tensor_v3 of 8 bytes: offset, extents and strides, then what follows the hooks.
std::string typed_op(const Shape& shape, std::string_view rest, std::string_view type = "UntypedStorage") {
    return global_op("torch._utils", "_rebuild_tensor_v3") + "(" + storage_op(type, "0", 8) + int_op(0) + tuple_op(shape) +
           tuple_op({{1}}) + "\x89" + ordered_dict_op + std::string(rest) + "tR";
}
}  // namespace

TEST_CASE("tensors come in the order of their dictionary, with the bytes that they take of their storage") {
    const TorchContents read = contents(dict_op({{"b", whole_op("0", {2, 3})}, {"a", whole_op("1", {})}, {"e", whole_op("2", {0, 4})}}));
    CHECK(read.tensors == std::vector<TensorEntry>{{"b", DType::F32, {2, 3}, 100, 124}, {"a", DType::F32, {}, 1100, 1104},
                                                   {"e", DType::F32, {0, 4}, 2100, 2100}});
    for (const auto& strides : read.strides) CHECK(strides.empty());
    CHECK(read.notes.empty());
    CHECK(contents("}").tensors.empty());
}

TEST_CASE("each storage class has its type, and a storage of bytes the type that is given to the tensor") {
    for (const auto& [name, type] :
         std::vector<std::pair<std::string_view, DType>>{{"DoubleStorage", DType::F64}, {"HalfStorage", DType::F16},
                                                         {"BFloat16Storage", DType::BF16}, {"LongStorage", DType::I64},
                                                         {"IntStorage", DType::I32}, {"ShortStorage", DType::I16},
                                                         {"CharStorage", DType::I8}, {"ByteStorage", DType::U8},
                                                         {"BoolStorage", DType::BOOL}}) {
        const TensorEntry entry = one(tensor_op(storage_op(name, "0", 3), 1, {2}, {1})).tensors.at(0);
        const std::size_t element = bits_of(type) / 8;
        CHECK(entry == TensorEntry{"w", type, {2}, 100 + element, 100 + 3 * element});
    }
    CHECK(one(typed_op({4}, global_op("torch", "uint16"))).tensors.at(0) == TensorEntry{"w", DType::U16, {4}, 100, 108});
    CHECK(one(typed_op({8}, global_op("torch", "float8_e5m2") + "N")).tensors.at(0).dtype == DType::F8_E5M2);
    check_tensor_refused(typed_op({5}, global_op("torch", "uint16")),
                         "shape (5) with strides (1) from 0 reaches beyond the 4 elements of its storage");
    check_tensor_refused(typed_op({1}, global_op("torch", "FloatStorage")), "dtype: FloatStorage is none");
    check_tensor_refused(typed_op({1}, global_op("torch", "uint16"), "ByteStorage"),
                         "_rebuild_tensor_v3 of a storage with a type");
    check_tensor_refused(tensor_op(storage_op("UntypedStorage", "0", 8), 0, {1}, {1}),
                         "_rebuild_tensor_v2 of a storage without a type");
}

TEST_CASE("the oldest form of a tensor has four arguments") {
    const std::string old = global_op("torch._utils", "_rebuild_tensor") + "(" + floats(6) + int_op(2) + tuple_op({{2}}) +
                            tuple_op({{1}}) + "tR";
    CHECK(one(old).tensors.at(0) == TensorEntry{"w", DType::F32, {2}, 108, 116});
}

TEST_CASE("strides count where an axis has several elements, and say when bytes do not lie in order") {
    const auto strides = [](std::size_t elements, std::size_t offset, const Shape& shape, const std::vector<std::size_t>& strides_in) {
        const TorchContents read = one(tensor_op(floats(elements), offset, shape, strides_in));
        return std::pair(read.tensors.at(0).end - read.tensors.at(0).begin, read.strides.at(0));
    };
    using Strides = std::vector<std::size_t>;
    CHECK(strides(6, 0, {2, 3}, {3, 1}) == std::pair(std::size_t{24}, Strides{}));
    CHECK(strides(6, 0, {3, 2}, {1, 3}) == std::pair(std::size_t{24}, Strides{1, 3}));
    CHECK(strides(6, 0, {1, 6, 1}, {1, 1, 77}) == std::pair(std::size_t{24}, Strides{}));
    CHECK(strides(6, 1, {1, 2, 2}, {999999, 3, 1}) == std::pair(std::size_t{20}, Strides{999999, 3, 1}));
    CHECK(strides(1, 0, {4, 2}, {0, 0}) == std::pair(std::size_t{4}, Strides{0, 0}));
    CHECK(strides(6, 6, {2, 0, 3}, {1, 2, 3}) == std::pair(std::size_t{0}, Strides{}));
}

TEST_CASE("a tensor stays inside its storage, whatever its numbers") {
    const std::string reach = " reaches beyond the 6 elements of its storage";
    const std::size_t huge = std::size_t{1} << 62;
    const std::string huge_text = std::to_string(huge);
    check_tensor_refused(tensor_op(floats(6), 1, {2, 3}, {3, 1}), "shape (2, 3) with strides (3, 1) from 1" + reach);
    check_tensor_refused(tensor_op(floats(6), 6, {}, {}), "shape () with strides () from 6" + reach);
    check_tensor_refused(tensor_op(floats(6), huge, {1}, {1}), "shape (1) with strides (1) from " + huge_text + reach);
    check_tensor_refused(tensor_op(floats(6), 0, {3, 2}, {huge, huge}),
                         "shape (3, 2) with strides (" + huge_text + ", " + huge_text + ") from 0" + reach);
    check_tensor_refused(tensor_op(floats(0), 0, {1}, {1}), "shape (1) with strides (1) from 0 reaches beyond the 0 elements of its storage");
    check_tensor_refused(tensor_op(floats(6), 0, {huge, huge}, {0, 0}),
                         "shape (" + huge_text + ", " + huge_text + ") has more elements than a size_t can count");
    check_tensor_refused(tensor_op(floats(6), 0, {2}, {1, 1}), "strides (1, 1) of shape (2)");
    check_tensor_refused(tensor_op(floats(6), 0, Shape(65, 1), std::vector<std::size_t>(65, 1)), "rank 65; at most 64 is read");
    check_tensor_refused(tensor_op(storage_op("FloatStorage", "0", huge), 0, {1}, {1}),
                         "storage \"0\": F32 of shape (" + huge_text + ") has more bits than a size_t can count");
    check_tensor_refused(tensor_op(storage_op("FloatStorage", "0", std::size_t{1} << 63), 0, {1}, {1}),
                         "storage size is -9223372036854775808");
}

TEST_CASE("an expanded tensor is read up to a limit") {
    const std::size_t most = bitnet::torch_expanded_limit / 4;
    CHECK(one(tensor_op(floats(1), 0, {most}, {0})).tensors.at(0).shape == Shape{most});
    check_tensor_refused(tensor_op(floats(1), 0, {most + 1}, {0}),
                         "shape (268435457) takes 1073741828 bytes out of a storage of 4; at most 1073741824 are expanded",
                         errc::unsupported);
}

TEST_CASE("arguments of another kind are refused") {
    const std::string rebuild = global_op("torch._utils", "_rebuild_tensor") + "(";
    check_tensor_refused(rebuild + "NK\1))tR", "tensor: expected a storage, found None");
    check_tensor_refused(rebuild + floats(1) + "N))tR", "storage offset: expected an integer, found None");
    check_tensor_refused(rebuild + floats(1) + "J\xff\xff\xff\xff))tR", "storage offset is -1");
    check_tensor_refused(rebuild + floats(1) + int_op(0) + "])tR", "size: expected a tuple, found a list");
    check_tensor_refused(rebuild + floats(1) + int_op(0) + "N\x85)tR", "size: expected an integer, found None");
    check_tensor_refused(rebuild + floats(1) + int_op(0) + ")K\1tR", "stride: expected a tuple, found an integer");
}

TEST_CASE("flags of a tensor are refused unless there are none") {
    CHECK(one(tensor_op(floats(1), 0, {1}, {1}, "}")).tensors.size() == 1);
    check_tensor_refused(tensor_op(floats(1), 0, {1}, {1}, "}" + text_op("conj") + "\x88s"),
                         "a tensor with flags, such as a conjugate view", errc::unsupported);
    check_tensor_refused(tensor_op(floats(1), 0, {1}, {1}, "K\1"), "tensor flags: expected a dictionary, found an integer");
}

TEST_CASE("a persistent id is one of a storage, and a storage has one type and one size") {
    const auto id = [](std::string_view rest) { return "(" + std::string(rest) + "tQ"; };
    const std::string type = global_op("torch", "FloatStorage");
    check_tensor_refused(id("NNNNN"), "persistent id: expected a string, found None");
    check_tensor_refused(id(text_op("module") + "NNNN"), "a persistent id of \"module\", not of a storage", errc::unsupported);
    check_tensor_refused(id(text_op("storage") + "NNNN"), "storage type: expected a name, found None");
    check_tensor_refused(id(text_op("storage") + global_op("torch", "float32") + "NNN"), "storage type: expected a storage, found float32");
    check_tensor_refused(id(text_op("storage") + type + "NNN"), "storage key: expected a string, found None");
    check_tensor_refused(id(text_op("storage") + type + text_op("0") + "NN"), "storage location: expected a string, found None");
    check_tensor_refused(id(text_op("storage") + type + text_op("0") + text_op("cpu") + "N"), "storage size: expected an integer, found None");
    check_tensor_refused(storage_op("FloatStorage", "0", 1, "N"), "a persistent id of 6 values, expected 5");
    for (const std::string& other : {storage_op("FloatStorage", "0", 2), storage_op("IntStorage", "0", 1), storage_op("UntypedStorage", "0", 4)})
        check_tensor_refused(floats(1) + other + "\x86", "storage \"0\" has two types or two sizes");
    CHECK(contents(dict_op({{"w", tensor_op(storage_op("FloatStorage", "0", 1, "N"), 0, {}, {})}}), 6).tensors.size() == 1);
    CHECK_THROWS_WITH_AS(contents(dict_op({{"w", tensor_op(storage_op("FloatStorage", "0", 1, ")"), 0, {}, {})}}), 6),
                         doctest::Contains("storage \"0\" is a view of another"), bitnet::error);
}

TEST_CASE("two names on one storage are two tensors of the same bytes") {
    const TorchContents read = contents(dict_op({{"embed", whole_op("0", {2, 2})}, {"head", whole_op("0", {2, 2})}}));
    REQUIRE(read.tensors.size() == 2);
    CHECK(read.tensors[0].begin == read.tensors[1].begin);
    check_state_refused(dict_op({{"w", whole_op("0", {1})}, {"w", whole_op("1", {1})}}), errc::bad_file, "p: two tensors have the name \"w\"");
}

TEST_CASE("a checkpoint is opened where its weights are") {
    for (const std::string name : {"state_dict", "model_state_dict", "model", "module"}) {
        const TorchContents read = contents(dict_op({{"best", whole_op("1", {1})}, {"epoch", "K\3"},
                                                     {name, dict_op({{"w", whole_op("0", {1})}})}}));
        REQUIRE(read.tensors.size() == 1);
        CHECK(read.tensors[0].name == "w");
        CHECK(read.notes == std::vector<std::string>{"p: a checkpoint, of which \"" + name + "\" is read"});
    }
    CHECK(contents(dict_op({{"model", whole_op("0", {1})}})).tensors.at(0).name == "model");
}

TEST_CASE("values that are no tensors are left out with a note, and are not taken for weights when they are all") {
    CHECK(contents("}(" + text_op("w") + whole_op("0", {1}) + text_op("step") + "K\1K\2Nu").notes ==
          std::vector<std::string>{"p: 2 values that are no tensors are left out: \"step\", an integer"});
    check_state_refused(dict_op({{"epoch", "K\1"}, {"args", "]"}}), errc::unsupported,
                  "p: no tensors in the dictionary, but \"epoch\", \"args\"");
    check_state_refused("]", errc::unsupported, "p: holds a list, expected a dictionary of named tensors");
    check_state_refused(whole_op("0", {1}), errc::unsupported, "p: holds a tensor, expected a dictionary of named tensors");
}
