#include <bitnet/io/torch_file.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/rng.hpp>

#include <support/temp_dir.hpp>
#include <support/torch_writer.hpp>

using bitnet::DType;
using bitnet::errc;
using bitnet::parse_torch_file;
using bitnet::Shape;
using bitnet::TorchFile;
using bitnet_test::bytes_of;
using bitnet_test::counting_floats;
using bitnet_test::dict_op;
using bitnet_test::legacy_stream;
using bitnet_test::LegacyStorage;
using bitnet_test::pickled;
using bitnet_test::storage_op;
using bitnet_test::TempDir;
using bitnet_test::tensor_op;
using bitnet_test::text_op;
using bitnet_test::torch_archive;
using bitnet_test::whole_op;
using bitnet_test::ZipWriter;

namespace {
/// "w" of shape (2, 3) on storage 0, its transposition, its second row, a row repeated, and "b" on storage 1.
std::string views_pickle() {
    const std::string storage = storage_op("FloatStorage", "0", 6);
    return pickled(dict_op({{"w", whole_op("0", {2, 3})},
                            {"w.t", tensor_op(storage, 0, {3, 2}, {1, 3})},
                            {"row", tensor_op(storage, 3, {3}, {1})},
                            {"twice", tensor_op(storage, 1, {2, 2}, {0, 1})},
                            {"b", whole_op("1", {2})}}));
}
ZipWriter views() { return torch_archive(views_pickle(), {{"0", counting_floats(6)}, {"1", counting_floats(2)}}); }
std::vector<float> values(const TorchFile& file, std::string_view name) {
    const bitnet::TensorEntry* const entry = file.find(name);
    REQUIRE(entry != nullptr);
    std::vector<std::byte> buffer;
    const bitnet::TensorView view = file.view(*entry, buffer);
    CHECK(view.name == name);
    CHECK(buffer.empty() == file.contiguous(*entry));
    std::vector<float> out(view.bytes.size() / 4);
    std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
    return out;
}
void check_file_refused(const std::string& file, errc code, const std::string& what) {
    try {
        parse_torch_file(bytes_of(file), "f.bin");
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        CHECK(std::string(problem.what()) == what);
        CHECK(problem.code() == code);
    }
}
void check_file_refused(const std::function<void(ZipWriter&)>& change, errc code, const std::string& what) {
    ZipWriter writer = views();
    change(writer);
    check_file_refused(writer.text(), code, what);
}
std::string legacy() {
    const std::string tensor = tensor_op(storage_op("FloatStorage", "940", 6, "N"), 0, {3, 2}, {1, 3});
    const std::string bias = tensor_op(storage_op("HalfStorage", "77", 1, "N"), 0, {}, {});
    return legacy_stream(pickled(dict_op({{"w.t", tensor}, {"b", bias}})), {{"77", 1, "ab"}, {"940", 6, counting_floats(6)}});
}
}  // namespace

TEST_CASE("tensors are read from an archive as their strides say") {
    const TempDir dir;
    bitnet_test::write_text(dir / "f.bin", views().text());
    TorchFile opened(dir / "f.bin");
    const TorchFile file = std::move(opened);
    CHECK(file.path() == dir / "f.bin");
    std::vector<std::string> names;
    for (const auto& entry : file.tensors()) names.push_back(entry.name);
    CHECK(names == std::vector<std::string>{"w", "w.t", "row", "twice", "b"});
    for (int round = 0; round < 2; ++round) {
        CHECK(values(file, "w") == std::vector<float>{1, 2, 3, 4, 5, 6});
        CHECK(values(file, "w.t") == std::vector<float>{1, 4, 2, 5, 3, 6});
        CHECK(values(file, "row") == std::vector<float>{4, 5, 6});
        CHECK(values(file, "twice") == std::vector<float>{2, 3, 2, 3});
        CHECK(values(file, "b") == std::vector<float>{1, 2});
        for (const auto& entry : file.tensors()) {
            file.release(entry, 0, 4);
            file.release(entry);
        }
    }
    CHECK(file.find("absent") == nullptr);
}

TEST_CASE("a gathered tensor is the one that its strides describe, element by element") {
    bitnet::Random random(20);
    for (int round = 0; round < 200; ++round) {
        Shape shape, strides;
        std::size_t reach = 1;
        for (std::size_t axis = random.below(5); axis > 0; --axis) {
            shape.push_back(1 + random.below(4));
            strides.push_back(random.below(3) == 0 ? reach : random.below(7));
            reach += (shape.back() - 1) * strides.back();
        }
        const std::size_t element = std::size_t{1} << random.below(4), count = bitnet::element_count(shape);
        INFO("seed 20, round ", round, ", shape ", bitnet::to_string(shape), ", strides ", bitnet::to_string(strides));
        std::vector<std::byte> from(reach * element), to(count * element), expected;
        for (std::byte& byte : from) byte = static_cast<std::byte>(random.below(256));
        for (std::size_t i = 0; i < count; ++i) {
            std::size_t rest = i, place = 0;
            for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) place += rest % shape[axis] * strides[axis];
            for (std::size_t j = 0; j < element; ++j) expected.push_back(from[place * element + j]);
        }
        bitnet::detail::StridedCopy(shape, strides, element)(from.data(), to.data());
        CHECK(to == expected);
    }
}

TEST_CASE("a legacy stream is read in the order of its keys") {
    const TempDir dir;
    bitnet_test::write_text(dir / "f.bin", legacy());
    const TorchFile file(dir / "f.bin");
    REQUIRE(file.tensors().size() == 2);
    CHECK(values(file, "w.t") == std::vector<float>{1, 4, 2, 5, 3, 6});
    CHECK(file.find("b")->dtype == DType::F16);
    CHECK(file.find("b")->end - file.find("b")->begin == 2);
}

TEST_CASE("an archive needs its members, of the sizes that the pickle gives, in one folder") {
    check_file_refused([](ZipWriter& zip) { zip.members.erase(zip.members.begin()); }, errc::bad_file,
                  "f.bin: no member \"archive/data.pkl\" in the archive");
    check_file_refused([](ZipWriter& zip) { zip["archive/data/1"].name = "archive/data/2"; }, errc::bad_file,
                  "f.bin: no member \"archive/data/1\" in the archive");
    check_file_refused([](ZipWriter& zip) { zip.members.pop_back(); }, errc::bad_file, "f.bin: no member \"archive/version\" in the archive");
    check_file_refused([](ZipWriter& zip) { zip["archive/data/0"].bytes.pop_back(); }, errc::bad_file,
                  "f.bin: member \"archive/data/0\" has 23 bytes, its storage 24");
    check_file_refused([](ZipWriter& zip) { zip["archive/data/0"].bytes += "x"; }, errc::bad_file,
                  "f.bin: member \"archive/data/0\" has 25 bytes, its storage 24");
    check_file_refused([](ZipWriter& zip) { zip.add("other/data/9", ""); }, errc::bad_file,
                  "f.bin: member \"other/data/9\" does not lie in the folder of \"archive/data.pkl\"");
    check_file_refused([](ZipWriter& zip) { zip["archive/data.pkl"].name = "data.pkl"; }, errc::bad_file,
                  "f.bin: member \"data.pkl\" does not lie in the folder of \"data.pkl\"");
    check_file_refused(ZipWriter{}.text(), errc::bad_file, "f.bin: not a file of torch.save: neither a ZIP archive nor a legacy stream");
    check_file_refused([](ZipWriter& zip) { zip["archive/data/0"].method = 8; }, errc::unsupported,
                  "f.bin: member \"archive/data/0\": compressed by method 8; only stored members are read");
    CHECK(parse_torch_file(bytes_of(torch_archive(pickled("}"), {}, "pytorch_model/").text()), "f.bin").tensors.empty());
}

TEST_CASE("a program, another byte order and a newer version are refused by name") {
    for (const std::string name : {"code/__torch__.py", "constants.pkl", "model.json"})
        check_file_refused([&](ZipWriter& zip) { zip.add("archive/" + name, ""); }, errc::unsupported,
                      "f.bin: a TorchScript program (it has \"archive/" + name + "\"), not a file of weights");
    check_file_refused([](ZipWriter& zip) { zip["archive/byteorder"].bytes = "big"; }, errc::unsupported,
                  "f.bin: byteorder \"big\"; only \"little\" is read");
    check_file_refused([](ZipWriter& zip) { zip["archive/byteorder"].bytes = ""; }, errc::bad_file,
                  "f.bin: byteorder \"\"; only \"little\" is read");
    check_file_refused([](ZipWriter& zip) { zip["archive/version"].bytes = "11\n"; }, errc::unsupported, "f.bin: version 11; at most 10 is read");
    for (const std::string version : {"", "0", "x", "3 ", "-1", "99999999999"})
        check_file_refused([&](ZipWriter& zip) { zip["archive/version"].bytes = version; }, errc::bad_file,
                      "f.bin: version " + bitnet::detail::quote(version) + " is no number from 1");
    ZipWriter zip = views();
    zip["archive/version"].bytes = "10";
    zip.members.erase(zip.members.begin() + 1);  // byteorder, which older versions do not write
    CHECK(parse_torch_file(bytes_of(zip.text()), "f.bin").tensors.size() == 5);
}

TEST_CASE("a pickle that calls something is refused with file, member, offset and name") {
    check_file_refused([](ZipWriter& zip) { zip["archive/data.pkl"].bytes = pickled("cposix\nsystem\n" + text_op("id") + "\x85R"); },
                  errc::unsupported,
                  "f.bin: \"archive/data.pkl\": offset 2: refused: \"posix.system\" is not one of the names that weights need");
    check_file_refused([](ZipWriter& zip) { zip["archive/data.pkl"].bytes += "xy"; }, errc::bad_file,
                  "f.bin: \"archive/data.pkl\": 2 bytes behind the pickle's end");
}

TEST_CASE("a pickle whose bytes changed is refused by its CRC") {
    std::string file = views().text();
    file[file.find("row")] = 'R';
    check_file_refused(file, errc::bad_file, "f.bin: member \"archive/data.pkl\": its bytes do not have the CRC of the archive's directory");
}

TEST_CASE("files of other kinds are told apart") {
    check_file_refused("", errc::bad_file, "f.bin: not a file of torch.save: neither a ZIP archive nor a legacy stream");
    check_file_refused("\x80\x02}.", errc::bad_file, "f.bin: not a file of torch.save: neither a ZIP archive nor a legacy stream");
    check_file_refused("PYTORCH1 and more", errc::unsupported,
                  "f.bin: written by a version of torch before 0.1.10 or a preview; load it there and save it again");
    check_file_refused(std::string(257, 'x') + "ustar", errc::unsupported,
                  "f.bin: written by a version of torch before 0.1.10 or a preview; load it there and save it again");
    check_file_refused(std::string("\2\0\0\0\0\0\0\0{}", 10), errc::bad_file,
                  "f.bin: looks like a safetensors file; its name should end in .safetensors");
}

TEST_CASE("a legacy stream must hold the storages that its tensors use, and nothing else") {
    const std::string pickle = pickled(dict_op({{"w", tensor_op(storage_op("FloatStorage", "5", 2, "N"), 0, {2}, {1})}}));
    const std::string bytes = counting_floats(2);
    CHECK(parse_torch_file(bytes_of(legacy_stream(pickle, {{"5", 2, bytes}})), "f.bin").tensors.size() == 1);
    const auto refused = [&](const std::vector<LegacyStorage>& storages, const std::string& what) {
        check_file_refused(legacy_stream(pickle, storages), errc::bad_file, "f.bin: " + what);
    };
    refused({}, "pickle of keys: a storage of the tensors is missing");
    refused({{"6", 2, bytes}}, "pickle of keys: storage \"6\" belongs to no tensor or is there twice");
    refused({{"5", 2, bytes}, {"5", 2, bytes}}, "pickle of keys: storage \"5\" belongs to no tensor or is there twice");
    refused({{"5", 3, bytes}}, "storage \"5\" has 3 elements, expected 2");
    refused({{"5", 2, "1234567"}}, "cut short in storage \"5\" of 8 bytes");
    refused({{"5", 2, bytes + "x"}}, "1 bytes behind the last storage");
    check_file_refused(legacy_stream(pickle, {{"5", 2, bytes}}, false), errc::unsupported,
                  "f.bin: written in big-endian order; only little-endian is read");
    std::string other = legacy();
    other[18] = '\0';
    check_file_refused(other, errc::unsupported, "f.bin: a legacy file of torch.save of another version than 1001");
    check_file_refused(legacy_stream(pickled("cos\nsystem\n)R"), {}), errc::unsupported,
                  "f.bin: pickle of tensors: offset 2: refused: \"os.system\" is not one of the names that weights need");
}

TEST_CASE("a file cut short anywhere is refused, and a changed byte never leads out of it") {
    for (const std::string& sound : {views().text(), legacy()}) {
        for (std::size_t size = 0; size < sound.size(); ++size) {
            try {
                parse_torch_file(bytes_of(std::string_view(sound).substr(0, size)), "f.bin");
                FAIL("not refused: " << size);
            } catch (const bitnet::error& problem) {
                CHECK(problem.code() == errc::bad_file);
                CHECK(std::string_view(problem.what()).starts_with("f.bin: "));
            }
        }
        for (std::size_t at = 0; at < sound.size(); ++at)
            for (const char value : {'\0', '\1', '.', '\x7f', '\xff'}) {
                std::string file = sound;
                file[at] = value;
                try {
                    for (const auto& entry : parse_torch_file(bytes_of(file), "f.bin").tensors)
                        CHECK((entry.begin <= entry.end && entry.end <= file.size()));
                } catch (const bitnet::error& problem) {
                    if (!std::string_view(problem.what()).starts_with("f.bin: ")) FAIL(problem.what());
                }
            }
    }
}
