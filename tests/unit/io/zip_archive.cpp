#include <bitnet/io/zip_archive.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <support/torch_writer.hpp>

using bitnet::errc;
using bitnet::ZipArchive;
using bitnet_test::bytes_of;
using bitnet_test::little;
using bitnet_test::ZipWriter;

namespace {
std::string content(const ZipArchive& archive, std::string_view name) {
    const auto* const member = archive.find(name);
    REQUIRE(member != nullptr);
    const auto bytes = archive.checked_bytes(*member);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
ZipWriter two_members() {
    ZipWriter out;
    out.add("top/a", "first");
    out.add("top/b", "");
    out.members.front().padding = 9;
    return out;
}
void check_archive_refused(const std::string& file, errc code, const std::string& what) {
    try {
        const ZipArchive archive(bytes_of(file), "f.zip");
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        CHECK(std::string(problem.what()) == what);
        CHECK(problem.code() == code);
    }
}
void check_archive_refused(const std::function<void(ZipWriter&)>& change, errc code, const std::string& what) {
    ZipWriter writer = two_members();
    change(writer);
    check_archive_refused(writer.text(), code, what);
}
std::string replaced(std::string text, std::string_view from, std::size_t offset, std::string_view bytes) {
    const std::size_t at = text.rfind(from);
    REQUIRE(at != text.npos);
    return text.replace(at + offset, bytes.size(), bytes);
}
}  // namespace

TEST_CASE("the CRC is that of the ZIP format") {
    CHECK(bitnet::crc32_ieee(bytes_of("123456789")) == 0xcbf43926u);
    CHECK(bitnet::crc32_ieee(std::span<const std::byte>()) == 0);
}

TEST_CASE("members are found by name where the local header says, with and without ZIP64 records and a comment") {
    for (const bool zip64 : {true, false})
        for (const std::string comment : {"", "a comment, PK\x05\x06 and more of it"})
            for (const std::uint16_t flags : {std::uint16_t{0x0808}, std::uint16_t{0}}) {
                ZipWriter writer = two_members();
                writer.zip64 = zip64;
                writer.comment = comment;
                for (auto& member : writer.members) member.flags = flags;
                const std::string file = writer.text();
                const ZipArchive archive(bytes_of(file), "f.zip");
                REQUIRE(archive.members().size() == 2);
                CHECK(archive.members()[0].name == "top/a");
                CHECK(content(archive, "top/a") == "first");
                CHECK(content(archive, "top/b").empty());
                CHECK(archive.find("top") == nullptr);
            }
    const std::string empty = ZipWriter{}.text();
    CHECK(ZipArchive(bytes_of(empty), "f.zip").members().empty());
}

TEST_CASE("sizes of 64 bits are read where those of 32 are all ones, in the order of the format") {
    ZipWriter writer = two_members();
    auto& member = writer.members.front();
    member.size = member.stored_size = 0xffffffff;
    member.directory_extra = "UT" + little(2, 2) + "xx" + little(1, 2) + little(16, 2) + little(5, 8) + little(5, 8);
    const std::string file = writer.text();
    CHECK(content(ZipArchive(bytes_of(file), "f.zip"), "top/a") == "first");
    member.directory_extra = little(1, 2) + little(8, 2) + little(5, 8);
    check_archive_refused(writer.text(), errc::bad_file, "f.zip: member \"top/a\": its ZIP64 sizes are missing");
    member.directory_extra = little(1, 2) + little(16, 2) + little(5, 4);
    check_archive_refused(writer.text(), errc::bad_file, "f.zip: member \"top/a\": its ZIP64 sizes are missing");
    member.directory_extra = little(1, 2) + little(16, 2) + little(~std::uint64_t{0}, 8) + little(~std::uint64_t{0}, 8);
    check_archive_refused(writer.text(), errc::bad_file,
                  "f.zip: member \"top/a\": 18446744073709551615 bytes at 48 reach into the directory at 120");
}

TEST_CASE("a wrong CRC is noticed, none at all is allowed") {
    ZipWriter writer = two_members();
    std::string file = writer.text();
    file[file.find("first")] = 'F';
    const ZipArchive damaged(bytes_of(file), "f.zip");
    CHECK_THROWS_WITH_AS(damaged.checked_bytes(damaged.members()[0]),
                         "f.zip: member \"top/a\": its bytes do not have the CRC of the archive's directory", bitnet::error);
    writer.members.front().crc = false;
    const std::string without = writer.text();
    CHECK(content(ZipArchive(bytes_of(without), "f.zip"), "top/a") == "first");
}

TEST_CASE("what would need work to be read is unsupported, such as compression, encryption and several parts") {
    ZipWriter compressed = two_members();
    compressed["top/a"].method = 8;
    compressed["top/a"].size = 1u << 30;
    compressed["top/a"].stored_size = 5;
    const std::string bomb = compressed.text();
    const ZipArchive archive(bytes_of(bomb), "f.zip");  // its other members are of use
    CHECK(content(archive, "top/b").empty());
    CHECK_THROWS_WITH_AS(archive.checked_bytes(archive.members()[0]),
                         "f.zip: member \"top/a\": compressed by method 8; only stored members are read", bitnet::error);
    check_archive_refused([](ZipWriter& zip) { zip["top/b"].flags = 1; }, errc::unsupported, "f.zip: member \"top/b\": encrypted");
    check_archive_refused(replaced(two_members().text(), "PK\x06\x06", 16, little(1, 4)), errc::unsupported,
                  "f.zip: a ZIP archive in several parts");
    ZipWriter plain = two_members();
    plain.zip64 = false;
    check_archive_refused(replaced(plain.text(), "PK\x05\x06", 8, little(1, 2)), errc::unsupported, "f.zip: a ZIP archive in several parts");
    check_archive_refused(replaced(plain.text(), "PK\x01\x02", 34, little(1, 2)), errc::unsupported,
                  "f.zip: member \"top/b\": lies in another part");
}

TEST_CASE("records that lie about sizes, places and names are refused by member") {
    check_archive_refused([](ZipWriter& zip) { zip["top/a"].stored_size = 6; }, errc::bad_file,
                  "f.zip: member \"top/a\": stored in 6 bytes, but of 5");
    check_archive_refused([](ZipWriter& zip) { zip["top/b"].size = 1000; }, errc::bad_file,
                  "f.zip: member \"top/b\": 1000 bytes at 104 reach into the directory at 120");
    check_archive_refused([](ZipWriter& zip) { zip.add("top/a", ""); }, errc::bad_file, "f.zip: member \"top/a\": is in the archive twice");
    const std::string file = two_members().text();
    check_archive_refused(replaced(file, "PK\x01\x02", 42, little(1, 4)), errc::bad_file, "f.zip: member \"top/b\": no local header at 1");
    check_archive_refused(replaced(file, "PK\x01\x02", 42, little(0xfffffffe, 4)), errc::bad_file,
                  "f.zip: member \"top/b\": no local header at 4294967294");
    check_archive_refused(replaced(file, "PK\x01\x02", 42, little(0, 4)), errc::bad_file,
                  "f.zip: member \"top/b\": its local header has the name \"top/a\"");
    check_archive_refused(replaced(file, "PK\x01\x02", 0, "X"), errc::bad_file, "f.zip: entry 1 of the ZIP directory, at 171, is not one");
    check_archive_refused(replaced(file, "PK\x01\x02", 28, little(500, 2)), errc::bad_file,
                  "f.zip: entry 1 of the ZIP directory, at 171, is cut short");
    check_archive_refused(replaced(file, "PK\x06\x06", 40, little(103, 8)), errc::bad_file,
                  "f.zip: the ZIP directory has 1 bytes behind its last entry");
}

TEST_CASE("end records that lead out of the file are refused") {
    const std::string file = two_members().text(), all_ones = little(~std::uint64_t{0}, 8);
    check_archive_refused("", errc::bad_file, "f.zip: no end of a ZIP archive: this file of 0 bytes is cut short or damaged");
    check_archive_refused(file + "x", errc::bad_file, "f.zip: no end of a ZIP archive: this file of 321 bytes is cut short or damaged");
    check_archive_refused(replaced(file, "PK\x06\x07", 8, all_ones), errc::bad_file,
                  "f.zip: the ZIP64 locator leads to 18446744073709551615, where no ZIP64 end record is");
    check_archive_refused(replaced(file, "PK\x06\x06", 48, all_ones), errc::bad_file,
                  "f.zip: a ZIP directory of 102 bytes at 18446744073709551615 does not lie before the end record at 298");
    check_archive_refused(replaced(file, "PK\x06\x06", 24, all_ones + all_ones), errc::bad_file,
                  "f.zip: a ZIP directory of 102 bytes cannot hold 18446744073709551615 entries");
}

TEST_CASE("an archive cut short anywhere is refused, and a changed byte never leads out of it") {
    const std::string sound = two_members().text();
    for (std::size_t size = 0; size < sound.size(); ++size)
        CHECK_THROWS_AS(ZipArchive(bytes_of(std::string_view(sound).substr(0, size)), "f.zip"), bitnet::error);
    for (std::size_t at = 0; at < sound.size(); ++at)
        for (const char value : {'\0', '\1', '\x7f', '\xff'}) {
            std::string file = sound;
            file[at] = value;
            try {
                const ZipArchive archive(bytes_of(file), "f.zip");
                for (const auto& member : archive.members()) CHECK(member.begin + member.size <= file.size());
            } catch (const bitnet::error& problem) {
                CHECK(std::string_view(problem.what()).starts_with("f.zip: "));
            }
        }
}
