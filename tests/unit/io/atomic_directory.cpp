#include <bitnet/io/atomic_directory.hpp>  // first, so that it cannot lean on another include

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

#include <doctest/doctest.h>

#include "child_process.hpp"
#include <support/temp_dir.hpp>

namespace fs = std::filesystem;
using bitnet::AtomicDirectory;
using bitnet::errc;
using bitnet::write_file;
using bitnet_test::read_text;
using bitnet_test::write_text;
using bitnet_test::TempDir;

static_assert(!std::is_copy_constructible_v<AtomicDirectory> && !std::is_move_constructible_v<AtomicDirectory>);

namespace {

constexpr std::string_view marker = "marker.json";
constexpr int file_count = 6;

/// An output of ours: the marker and some files, one of them in a directory, all of that version.
void write_output(const fs::path& directory, const std::string& version) {
    fs::create_directory(directory / "sub");
    for (int i = 0; i < file_count; ++i) write_file(directory / ("file" + std::to_string(i)), version);
    write_text(directory / "sub" / "deep", version);
    write_file(directory / marker, version);
}

void make_output(const fs::path& directory, const std::string& version) {
    fs::create_directory(directory);
    write_output(directory, version);
}

/// The version of a whole output; "" when there is none, "torn" when it is not whole.
std::string version_of(const fs::path& directory) {
    if (!fs::exists(directory)) return "";
    std::set<std::string> versions;
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        if (entry.is_regular_file()) versions.insert(read_text(entry.path())), ++files;
    return files == file_count + 2 && versions.size() == 1 ? *versions.begin() : "torn";
}

std::set<std::string> names_in(const fs::path& directory) {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(directory)) out.insert(entry.path().filename());
    return out;
}

template <class Action>
std::pair<errc, std::string> directory_refusal(const Action& action) {
    try {
        action();
    } catch (const bitnet::error& problem) {
        return {problem.code(), problem.what()};
    }
    FAIL("nothing was thrown");
    return {};
}

std::pair<errc, std::string> refusal_of(const fs::path& target, bool replace) {
    return directory_refusal([&] { AtomicDirectory(target, replace, marker); });
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("a directory appears whole when it is committed, and nothing else stays") {
    const TempDir place;
    const auto target = place / "out";
    {
        AtomicDirectory out(target, false, marker);
        CHECK(out.target() == target);
        CHECK(out.path() == place / "out.partial");
        write_output(out.path(), "1");
        CHECK_FALSE(fs::exists(target));
        out.commit();
        CHECK(version_of(target) == "1");
    }
    CHECK(version_of(target) == "1");
    CHECK(names_in(place.path()) == Names{"out"});
}

TEST_CASE("without commit nothing appears and nothing stays") {
    const TempDir place;
    {
        const AtomicDirectory out(place / "out", false, marker);
        write_output(out.path(), "1");
    }
    CHECK(names_in(place.path()).empty());
    make_output(place / "out", "old");
    {
        const AtomicDirectory out(place / "out", true, marker);
        write_output(out.path(), "new");
    }
    CHECK(version_of(place / "out") == "old");
    CHECK(names_in(place.path()) == Names{"out"});
}

TEST_CASE("an output of ours is replaced when that is asked for, and only then") {
    const TempDir place;
    const auto target = place / "out";
    make_output(target, "old");
    write_text(target / "extra", "old");
    CHECK(refusal_of(target, false) == std::pair(errc::exists, target.string() + " exists; use --force to replace it"));
    AtomicDirectory out(target, true, marker);
    write_output(out.path(), "new");
    CHECK(fs::exists(target / "extra"));
    out.commit();
    CHECK(version_of(target) == "new");
    CHECK(names_in(place.path()) == Names{"out", "out.partial.lock"});
}

TEST_CASE("a directory that is not empty and not ours is never replaced") {
    const TempDir place;
    const auto target = place / "home";
    fs::create_directory(target);
    {
        AtomicDirectory out(target, true, marker);
        write_output(out.path(), "1");
        write_text(target / "thesis", "precious");
        CHECK(directory_refusal([&] { out.commit(); }).first == errc::exists);
    }
    CHECK(refusal_of(target, true) ==
          std::pair(errc::exists, target.string() + " is not replaced: it is not empty and holds no marker.json"));
    CHECK(read_text(target / "thesis") == "precious");
    fs::create_directory(target / marker);
    CHECK(refusal_of(target, true).first == errc::exists);
    CHECK(names_in(place.path()) == Names{"home"});
}

TEST_CASE("an empty directory is replaced") {
    const TempDir place;
    fs::create_directory(place / "out");
    AtomicDirectory out(place / "out", true, marker);
    write_output(out.path(), "1");
    out.commit();
    CHECK(version_of(place / "out") == "1");
}

TEST_CASE("what is not a directory is never replaced") {
    const TempDir place;
    write_text(place / "file", "precious");
    CHECK(refusal_of(place / "file", true) ==
          std::pair(errc::exists, (place / "file").string() + " exists and is not a directory"));
    CHECK(read_text(place / "file") == "precious");
    make_output(place / "ours", "1");
    fs::create_directory_symlink(place / "ours", place / "link");
    CHECK(refusal_of(place / "link", true) ==
          std::pair(errc::exists, (place / "link").string() + " is a symbolic link; name the directory that it stands for"));
    fs::create_symlink(place / "nowhere", place / "dangling");
    CHECK(refusal_of(place / "dangling", true).first == errc::exists);
    CHECK(version_of(place / "ours") == "1");
}

TEST_CASE("a target that appears meanwhile is not overwritten") {
    const TempDir place;
    AtomicDirectory out(place / "out", false, marker);
    write_output(out.path(), "new");
    make_output(place / "out", "other");
    CHECK(directory_refusal([&] { out.commit(); }).first == errc::exists);
    CHECK(version_of(place / "out") == "other");
}

TEST_CASE("a directory or file in the working directory's place that is not ours stays") {
    const TempDir place;
    fs::create_directory(place / "out.partial");
    write_text(place / "out.partial" / "thesis", "precious");
    CHECK(refusal_of(place / "out", true) ==
          std::pair(errc::exists, (place / "out.partial").string() + ": is in the way; remove or rename it"));
    CHECK(read_text(place / "out.partial" / "thesis") == "precious");
    write_text(place / "two.partial.lock", "precious");
    CHECK(refusal_of(place / "two", true) ==
          std::pair(errc::exists, (place / "two.partial.lock").string() + ": is in the way; remove or rename it"));
    CHECK(read_text(place / "two.partial.lock") == "precious");
    CHECK(names_in(place.path()) == Names{"out.partial", "two.partial.lock"});
}

TEST_CASE("a second run is refused while the first one writes") {
    const TempDir place;
    const auto target = place / "out";
    int ready[2], done[2];
    REQUIRE(::pipe(ready) == 0);
    REQUIRE(::pipe(done) == 0);
    const pid_t child = bitnet_test::start_child([&] {
        char letter = 0;
        AtomicDirectory out(target, false, marker);
        write_output(out.path(), "first");
        if (::write(ready[1], "x", 1) != 1 || ::read(done[0], &letter, 1) != 1) return 1;
        out.commit();
        return 0;
    });
    char letter = 0;
    REQUIRE(::read(ready[0], &letter, 1) == 1);
    CHECK(refusal_of(target, true) == std::pair(errc::exists, "another run is writing " + target.string()));
    REQUIRE(::write(done[1], "x", 1) == 1);
    CHECK(bitnet_test::end_of(child) == 0);
    CHECK(version_of(target) == "first");
    for (const int number : {ready[0], ready[1], done[0], done[1]}) ::close(number);
    AtomicDirectory out(target, true, marker);
    CHECK(refusal_of(target, true).first == errc::exists);  // also within one process
}

TEST_CASE("of many runs at once each one commits or is told of another") {
    const TempDir place;
    const auto target = place / "out";
    std::vector<pid_t> children;
    for (int c = 0; c < 4; ++c)
        children.push_back(bitnet_test::start_child([&] {
            for (int commits = 0; commits < 15;) {
                try {
                    AtomicDirectory out(target, true, marker);
                    write_text(out.path() / marker, "x");
                    out.commit();
                    ++commits;
                } catch (const bitnet::error& problem) {
                    if (problem.what() != "another run is writing " + target.string()) throw;
                }
                std::this_thread::yield();
            }
            return 0;
        }));
    for (const pid_t child : children) CHECK(bitnet_test::end_of(child) == 0);
    CHECK(names_in(place.path()) == Names{"out"});
}

TEST_CASE("a killed run leaves the whole old output, the whole new one or none, and the next run succeeds") {
    constexpr unsigned seed = 99;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    const TempDir place;
    const auto target = place / "out";
    int interrupted = 0;
    for (int round = 0; round < 50; ++round) {
        if (round % 5 == 0) fs::remove_all(target);
        const pid_t child = bitnet_test::start_child([&] {
            for (int version = 0;; ++version) {
                AtomicDirectory out(target, true, marker);
                write_output(out.path(), std::to_string(round) + "." + std::to_string(version));
                out.commit();
            }
            return 0;
        });
        std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 30'000));
        ::kill(child, SIGKILL);
        CHECK(bitnet_test::end_of(child) == -1);
        CHECK(version_of(target) != "torn");
        if (names_in(place.path()).count("out.partial") != 0) ++interrupted;
        if (round % 2 == 0) continue;  // or else the next child is the next run
        AtomicDirectory out(target, true, marker);
        CHECK(fs::is_empty(out.path()));
        write_output(out.path(), "next");
        out.commit();
        CHECK(version_of(target) == "next");
    }
    CHECK(interrupted > 10);
    AtomicDirectory(target, true, marker);
    CHECK(names_in(place.path()).count("out.partial") == 0);
}

TEST_CASE("a run that was killed before it noted its directory is cleaned up") {
    const TempDir place;
    fs::create_directory(place / "out.partial");
    write_text(place / "out.partial.lock", "");
    { const AtomicDirectory out(place / "out", false, marker); }
    CHECK(names_in(place.path()).empty());
}

TEST_CASE("where directories cannot be exchanged, two renames replace the old one") {
    const TempDir place;
    make_output(place / "out", "old");
    make_output(place / "out.partial", "new");
    const auto replace = [&](bitnet::detail::RunLock& lock) {
        bitnet::detail::replace_by_two_renames(lock, place / "out.partial", place / "out", place / "out.replaced");
    };
    {
        bitnet::detail::RunLock lock(place / "out");
        replace(lock);
        CHECK(version_of(place / "out") == "new");
        CHECK(names_in(place.path()) == Names{"out", "out.partial.lock"});
        CHECK(directory_refusal([&] { replace(lock); }).first == errc::io);  // nothing to move in: the old one comes back
        CHECK(version_of(place / "out") == "new");
        fs::create_directory(place / "out.replaced");
        CHECK(directory_refusal([&] { replace(lock); }).first == errc::exists);
    }
}

TEST_CASE("a run killed between the two renames is undone by the next") {
    const TempDir place;
    make_output(place / "out.replaced", "old");
    make_output(place / "out.partial", "new");
    write_text(place / "out.partial.lock", "moved");
    CHECK(refusal_of(place / "out", false).second == (place / "out").string() + " exists; use --force to replace it");
    CHECK(version_of(place / "out") == "old");
    CHECK(names_in(place.path()) == Names{"out"});
}

TEST_CASE("a run killed after the two renames is finished by the next") {
    const TempDir place;
    make_output(place / "out.replaced", "old");
    make_output(place / "out", "new");
    write_text(place / "out.partial.lock", "moved");
    CHECK(refusal_of(place / "out", false).first == errc::exists);
    CHECK(version_of(place / "out") == "new");
    CHECK(names_in(place.path()) == Names{"out"});
}

TEST_CASE("a directory of that other name without a killed run's note stays") {
    const TempDir place;
    make_output(place / "out.replaced", "precious");
    for (const std::string_view note : {"", "made"}) {
        write_text(place / "out.partial.lock", note);
        const AtomicDirectory out(place / "out", false, marker);
    }
    CHECK(version_of(place / "out.replaced") == "precious");
}

TEST_CASE("a target needs a name, and a directory to stand in") {
    const TempDir place;
    for (const std::string_view name : {"", ".", "..", "/", "a/.."})
        CHECK(refusal_of(name, true).first == errc::bad_value);
    const auto target = place.path() / "none" / "out";
    CHECK(refusal_of(target, true) == std::pair(errc::io, target.string() + ": cannot create: there is no directory " +
                                                              (place / "none").string()));
    AtomicDirectory with_slash(place.path() / "out/", false, marker);
    CHECK(with_slash.target() == place / "out");
}

TEST_CASE("a target by its name alone stands in the current directory") {
    const TempDir place;
    CHECK(bitnet_test::in_child([&] {
        fs::current_path(place.path());
        AtomicDirectory out("out", false, marker);
        write_output(out.path(), "1");
        out.commit();
        return 0;
    }) == 0);
    CHECK(version_of(place / "out") == "1");
}

TEST_CASE("a parent that may not be written to is refused") {
    const TempDir place;
    fs::permissions(place.path(), fs::perms(0555));
    const int status = bitnet_test::in_ordinary_child([&] {
        const auto [code, what] = refusal_of(place / "out", false);
        return code == errc::io && what == (place / "out.partial.lock").string() + ": cannot create: Permission denied" ? 0 : 1;
    });
    fs::permissions(place.path(), fs::perms(0755));
    if (status == 98)
        MESSAGE("skipped: this root cannot become an ordinary user");
    else
        CHECK(status == 0);
}

TEST_CASE("a file is written whole, and an error names it") {
    const TempDir place;
    write_file(place / "f", "a longer text");
    write_file(place / "f", std::string_view("a\0b", 3));
    CHECK(read_text(place / "f") == std::string("a\0b", 3));
    CHECK(directory_refusal([&] { write_file(place.path(), "x"); }) ==
          std::pair(errc::io, place.path().string() + ": cannot create: Is a directory"));
    if (fs::exists("/dev/full"))
        CHECK(directory_refusal([&] { write_file("/dev/full", "x"); }) ==
              std::pair(errc::io, std::string("/dev/full: cannot write: No space left on device")));
    else
        MESSAGE("skipped: there is no /dev/full here");
}
