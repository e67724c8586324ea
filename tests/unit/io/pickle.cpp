#include <bitnet/io/pickle.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <support/torch_writer.hpp>

using bitnet::errc;
using bitnet::Pickle;
using bitnet::PickleKind;
using bitnet::PickleNode;
using bitnet::read_pickle;
using bitnet_test::bytes_of;
using bitnet_test::global_op;
using bitnet_test::int_op;
using bitnet_test::little;
using bitnet_test::ordered_dict_op;
using bitnet_test::pickled;
using bitnet_test::storage_op;
using bitnet_test::tensor_op;
using bitnet_test::text_op;

namespace {
/// Keeps the bytes that the pickle's strings point into.
struct Read {
    explicit Read(std::string_view body) : bytes(pickled(body)), pickle(read_pickle(bytes_of(bytes), "p")) {}
    const PickleNode& root() const { return pickle[pickle.root]; }
    const PickleNode& item(std::size_t i) const { return pickle[root().items.at(i)]; }
    std::string bytes;
    Pickle pickle;
};
void check_refused(const std::string& bytes, errc code, const std::string& what) {
    try {
        read_pickle(bytes_of(bytes), "p");
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        CHECK(std::string(problem.what()) == what);
        CHECK(problem.code() == code);
    }
}
void check_body_refused(std::string_view body, const std::string& what, errc code = errc::bad_file) {
    check_refused(pickled(body), code, "p: " + what);
}
std::int64_t integer(std::string_view operation) {
    const Read read(operation);
    REQUIRE(read.root().kind == PickleKind::integer);
    return read.root().integer;
}
const std::string six_floats = tensor_op(storage_op("FloatStorage", "0", 6), 0, {2, 3}, {3, 1});
}  // namespace

TEST_CASE("numbers, strings and constants are read in each of their forms") {
    CHECK(integer("K\xff") == 255);
    CHECK(integer("M\xff\xff") == 65535);
    CHECK(integer("J\xff\xff\xff\xff") == -1);
    CHECK(integer("J" + little(0x7fffffff, 4)) == 0x7fffffff);
    CHECK(integer(std::string_view("\x8a\0", 2)) == 0);
    CHECK(integer("\x8a\x01\xff") == -1);
    CHECK(integer(std::string_view("\x8a\x02\xff\0", 4)) == 255);
    CHECK(integer("\x8a\x05" + little(1ull << 36, 5)) == std::int64_t{1} << 36);
    CHECK(integer("\x8a\x08" + little(1ull << 63, 8)) == std::numeric_limits<std::int64_t>::min());
    const Read all("(N\x88\x89G" + std::string(8, 'x') + text_op("na\xc3\xafve") + "U\x03" "one" + "T" + little(3, 4) + "twot");
    REQUIRE(all.root().kind == PickleKind::tuple);
    REQUIRE(all.root().items.size() == 7);
    CHECK(all.item(0).kind == PickleKind::none);
    CHECK(all.item(1).integer == 1);
    CHECK(all.item(2).kind == PickleKind::boolean);
    CHECK(all.item(2).integer == 0);
    CHECK(all.item(3).kind == PickleKind::real);
    CHECK(all.item(4).text == "na\xc3\xafve");
    CHECK(all.item(5).text == "one");
    CHECK(all.item(6).text == "two");
    CHECK(all.item(6).offset == 31);
}

TEST_CASE("tuples, lists and dictionaries hold what was put into them, in order") {
    const Read read("]K\1a(K\2K\3e");
    REQUIRE(read.root().items.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(read.item(i).integer == static_cast<std::int64_t>(i) + 1);
    CHECK(Read(")").root().items.empty());
    CHECK(Read("K\1\x85").root().items.size() == 1);
    CHECK(Read("K\1K\2\x86").root().items.size() == 2);
    CHECK(Read("K\1K\2K\3\x87").item(2).integer == 3);
    const Read dict("}" + text_op("a") + "K\1s(" + text_op("b") + "K\2" + text_op("c") + "K\3u");
    REQUIRE(dict.root().kind == PickleKind::dict);
    REQUIRE(dict.root().items.size() == 6);
    CHECK(dict.item(4).text == "c");
    CHECK(dict.item(5).integer == 3);
}

TEST_CASE("a memo gives the same value again, by short and by long index") {
    const Read read(text_op("x") + "q\1" + "h\1r" + little(3, 4) + "j" + little(3, 4) + "\x87");
    CHECK(read.root().items[0] == read.root().items[1]);
    CHECK(read.root().items[1] == read.root().items[2]);
}

TEST_CASE("an ordered dictionary is empty or made of pairs, takes items, and its attributes are dropped") {
    CHECK(Read(ordered_dict_op).root().kind == PickleKind::dict);
    const Read pairs(global_op("collections", "OrderedDict") + "](](" + text_op("a") + "K\1eK\2K\3\x86" + "e\x85R");
    REQUIRE(pairs.root().items.size() == 4);
    CHECK(pairs.item(0).text == "a");
    CHECK(pairs.item(3).integer == 3);
    const Read built(ordered_dict_op + text_op("w") + "K\1s}" + text_op("_metadata") + ordered_dict_op + "sb");
    CHECK(built.root().items.size() == 2);
}

TEST_CASE("a tensor is a node with its arguments, whatever wraps it") {
    const Read plain(six_floats);
    REQUIRE(plain.root().kind == PickleKind::tensor);
    CHECK(plain.root().global->name == "_rebuild_tensor_v2");
    REQUIRE(plain.root().items.size() == 6);
    CHECK(plain.item(0).kind == PickleKind::storage);
    CHECK(plain.item(0).items.size() == 5);
    const Read parameter(global_op("torch._utils", "_rebuild_parameter") + six_floats + "\x88" + ordered_dict_op + "\x87R");
    CHECK(parameter.root().kind == PickleKind::tensor);
    const Read sized(global_op("torch", "Size") + "K\2\x85\x85R");
    REQUIRE(sized.root().kind == PickleKind::tuple);
    CHECK(sized.item(0).integer == 2);
}

TEST_CASE("names that are not on the list are refused by name and offset before anything can be called") {
    for (const auto& [module, name] : std::vector<std::pair<std::string, std::string>>{
             {"os", "system"}, {"posix", "system"}, {"builtins", "eval"}, {"torch", "load"}, {"torch", "ComplexFloatStorage"}})
        check_body_refused(global_op(module, name) + text_op("id") + "\x85R",
                           "offset 2: refused: \"" + module + "." + name + "\" is not one of the names that weights need",
                           errc::unsupported);
    check_body_refused("c\n\n)R", "offset 2: refused: \".\" is not one of the names that weights need", errc::unsupported);
    check_body_refused("ca\x01\nb\n", "offset 2: refused: \"a\\u0001.b\" is not one of the names that weights need", errc::unsupported);
    check_body_refused("cos\nsystem", "offset 2: cut short: a name without an end of line");
}

TEST_CASE("only functions are called, and only with a tuple of as many arguments as they take") {
    check_body_refused(text_op("os.system") + ")R", "offset 17: a call of a string, which is no function");
    check_body_refused(global_op("torch", "FloatStorage") + ")R", "offset 23: a call of FloatStorage, which is no function");
    check_body_refused(global_op("torch", "float32") + ")R", "offset 18: a call of float32, which is no function");
    check_body_refused(global_op("torch", "Size") + "]R", "offset 15: Size: expected a tuple of arguments, found a list");
    check_body_refused(global_op("torch", "Size") + ")R", "offset 15: Size: 0 arguments, expected 1 to 1");
    check_body_refused(global_op("torch", "Size") + "N\x85R", "offset 16: Size: expected a tuple, found None");
    check_body_refused(global_op("torch._utils", "_rebuild_parameter") + "NNN\x87R",
                       "offset 39: _rebuild_parameter: expected a tensor, found None");
    check_body_refused(global_op("torch._utils", "_rebuild_tensor_v2") + ")R",
                       "offset 36: _rebuild_tensor_v2: 0 arguments, expected 6 to 7");
    check_body_refused(global_op("collections", "OrderedDict") + "N\x85R", "offset 29: OrderedDict: expected a list, found None");
    check_body_refused(global_op("collections", "OrderedDict") + "]Na\x85R",
                       "offset 31: OrderedDict: expected pairs of a key and a value");
}

TEST_CASE("operations that weights do not need are refused by number and offset") {
    for (int operation = 0; operation < 256; ++operation) {
        if (std::string_view("\x80(}])\x85\x86\x87tN\x88\x89JKM\x8aGXTUcqrhjQRbsuae.").find(static_cast<char>(operation)) !=
            std::string_view::npos)
            continue;
        check_body_refused(std::string("N") + static_cast<char>(operation),
                           "offset 3: pickle operation " + std::to_string(operation) + " is not one that weights need",
                           errc::unsupported);
    }
    for (int version = 3; version < 6; ++version)
        check_refused(std::string("\x80") + static_cast<char>(version) + "N.", errc::unsupported,
                      "p: offset 0: pickle protocol " + std::to_string(version) + "; only 2 is read");
    check_refused("(dp0\n.", errc::bad_file, "p: offset 0: a pickle of protocol 0 or 1, or none at all");
}

TEST_CASE("the stack must hold what an operation takes") {
    for (const std::string body : {"\x85", "q\1", "R", "b", "s", "a", "Q", "(K\1\x86", "K\1(\x85"}) {
        INFO(body);
        CHECK_THROWS_AS(Read{body}, bitnet::error);
    }
    check_body_refused("", "offset 2: STOP with 0 values and 0 marks on the stack, expected one value");
    check_body_refused("NN", "offset 4: STOP with 2 values and 0 marks on the stack, expected one value");
    check_body_refused("N(", "offset 4: STOP with 1 values and 1 marks on the stack, expected one value");
    check_body_refused("t", "offset 2: no mark on the stack");
    check_body_refused("q\1", "offset 2: the stack is empty");
    check_body_refused("N\x86", "offset 3: the stack holds 1 values, expected 2");
    check_body_refused("}(Nu", "offset 5: a key without a value");
    check_body_refused("]NNs", "offset 5: expected a dictionary, found a list");
    check_body_refused("}Na", "offset 4: expected a list, found a dictionary");
    check_body_refused("}Nb", "offset 4: BUILD: expected a dictionary, found None");
    check_body_refused("]}b", "offset 4: expected a dictionary, found a list");
    check_body_refused("NQ", "offset 3: expected a tuple as persistent id, found None");
    check_body_refused(")Q", "offset 3: a persistent id of 0 values is not one of a storage");
}

TEST_CASE("lengths are believed only as far as there are bytes, and strings must be UTF-8") {
    check_body_refused("X" + little(0xffffffff, 4), "offset 2: cut short: 4294967295 bytes expected, 1 left");
    check_body_refused("T" + little(0xffffffff, 4), "offset 2: cut short: 4294967295 bytes expected, 1 left");
    check_body_refused("\x8a\x09", "offset 2: an integer of 9 bytes; at most 8 are read");
    check_body_refused(text_op("\xff"), "offset 2: a string that is not UTF-8");
    check_body_refused("h\3", "offset 2: memo 3 was never stored");
    check_body_refused("Nr" + little(0xffffffff, 4), "offset 3: memo 4294967295 after 2 operations");
}

TEST_CASE("a pickle cut short anywhere is refused with the offset") {
    const std::string sound = pickled(ordered_dict_op + "(" + text_op("w") + six_floats + text_op("n") + "G12345678uq\1}b");
    const Pickle whole = read_pickle(bytes_of(sound + "rest"), "p");
    CHECK(whole.size == sound.size());
    for (std::size_t size = 0; size < sound.size(); ++size) {
        try {
            read_pickle(bytes_of(std::string_view(sound).substr(0, size)), "p");
            FAIL("not refused: " << size);
        } catch (const bitnet::error& problem) {
            CHECK(problem.code() == errc::bad_file);
            CHECK(std::string_view(problem.what()).starts_with("p: offset "));
        }
    }
}

TEST_CASE("a changed byte is refused or read, and never more than that") {
    const std::string sound = pickled(ordered_dict_op + "(" + text_op("w") + six_floats + "uq\1");
    for (std::size_t at = 0; at < sound.size(); ++at)
        for (int value = 0; value < 256; ++value) {
            std::string bytes = sound;
            bytes[at] = static_cast<char>(value);
            try {
                const Pickle pickle = read_pickle(bytes_of(bytes), "p");
                CHECK(pickle.size <= bytes.size());
            } catch (const bitnet::error& problem) {
                if (!std::string_view(problem.what()).starts_with("p: offset ")) FAIL(problem.what());
            }
        }
}

TEST_CASE("values nested a million times and doubled at every step cost what their operations cost") {
    std::string body = "N";
    for (std::size_t i = 0; i < 1'000'000; ++i) body += "q\1h\1\x86";
    const Read bomb(body);
    CHECK(bomb.pickle.nodes.size() == 1'000'001);
    CHECK(bomb.root().items[0] == bomb.root().items[1]);
    const Read itself("]q\1h\1a");
    CHECK(itself.root().items[0] == itself.pickle.root);
}

TEST_CASE("more values on the stack or more operations than weights need are refused") {
    check_body_refused(std::string(10'001, 'N'), "offset 10002: more than 10000 values on the stack");
    check_body_refused(std::string(10'001, '('), "offset 10002: more than 10000 marks");
    std::string body = "N";
    while (body.size() < 2 * bitnet::pickle_operation_limit) body += "q\1";
    check_body_refused(body, "offset 8388609: more than 4194304 operations", errc::unsupported);
    // A list of 1,000 pairs made into a dictionary again and again.
    body = "]q\2(";
    for (int i = 0; i < 1000; ++i) body += i == 0 ? "NN\x86q\3" : "h\3";
    body += "e" + global_op("collections", "OrderedDict") + "q\4h\2\x85q\5R";
    std::string many = "](" + body;
    for (int i = 0; i < 4194; ++i) many += "h\4h\5R";
    CHECK_THROWS_WITH_AS(Read{many + "e"}, doctest::Contains("OrderedDict: too many pairs"), bitnet::error);
}
