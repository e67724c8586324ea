#include <bitnet/io/sha256.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

#include <sys/resource.h>

#include <support/temp_dir.hpp>
#include <unit/io/child_process.hpp>

using bitnet::errc;
using bitnet::Sha256;
using bitnet::sha256_hex;
using bitnet::sha256_of_file;
using bitnet_test::TempDir;
using bitnet_test::write_text;

static_assert(Sha256().add("abc").digest()[0] == 0xba);  // at compile time too

TEST_CASE("SHA-256 has the values that are published for it") {
    // FIPS 180-4's examples and NIST's test vectors.
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256_hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(sha256_hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    CHECK(sha256_hex("\xbd") == "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
}

TEST_CASE("pieces of any size add up, and a digest may be asked for in between") {
    constexpr unsigned seed = 5;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    for (std::size_t size = 0; size < 300; ++size) {
        std::string bytes(size, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random());
        Sha256 sum;
        for (std::string_view rest = bytes; !rest.empty();) {
            const std::size_t count = std::min<std::size_t>(rest.size(), random() % 130);
            sum.add(rest.substr(0, count));
            rest.remove_prefix(count);
            CHECK(sum.hex() == sha256_hex(std::string_view(bytes).substr(0, size - rest.size())));
        }
        CHECK(sum.hex() == sha256_hex(bytes));
    }
}

TEST_CASE("a file has the digest of its bytes") {
    const TempDir dir;
    write_text(dir / "empty", "");
    CHECK(sha256_of_file(dir / "empty") == sha256_hex(""));
    std::string bytes(3'000'001, 'x');
    bytes[2'999'999] = 'y';
    write_text(dir / "file", bytes);
    CHECK(sha256_of_file(dir / "file") == sha256_hex(bytes));
    Sha256 sum;
    CHECK(bitnet::add_file(sum, dir / "file") == bytes.size());
}

TEST_CASE("what is no file is refused by name, and a pipe is not waited for") {
    const TempDir dir;
    const auto code_of = [](const std::filesystem::path& path) {
        try {
            sha256_of_file(path);
        } catch (const bitnet::error& problem) {
            CHECK(std::string_view(problem.what()).starts_with(path.string() + ": "));
            return problem.code();
        }
        return errc::bad_value;
    };
    CHECK(code_of(dir / "none") == errc::missing);
    CHECK(code_of(dir.path()) == errc::io);
    REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
    CHECK(code_of(dir / "pipe") == errc::io);
}

TEST_CASE("a digest takes no more memory of a large file than of a small one") {
    const TempDir dir;
    write_text(dir / "large", "");
    std::filesystem::resize_file(dir / "large", 1u << 26);  // of holes: 64 MiB of zeros
    const int status = bitnet_test::in_child([&] {
        const auto peak = [] {
            rusage usage{};
            return ::getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;  // KiB
        };
        const long before = peak();
        if (sha256_of_file(dir / "large") != "3b6a07d0d404fab4e23b6d34bc6696a6a312dd92821332385e5af7c01c421351") return 1;
        return peak() - before < 16384 ? 0 : 2;  // what is read at once, and what a sanitizer knows of it
    });
    CHECK(status == 0);
}
