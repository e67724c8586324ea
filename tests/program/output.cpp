#include "program.hpp"

#include <chrono>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include <sys/mount.h>
#include <sys/resource.h>

#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/pipeline/metadata.hpp>

namespace fs = std::filesystem;
using bitnet_test::Arguments;
using bitnet_test::end_of;
using bitnet_test::names_in;
using bitnet_test::refusal_of_program;
using bitnet_test::run_program;
using bitnet_test::TempDir;
using bitnet_test::Workplace;
using bitnet_test::write_text;
using Names = std::set<std::string>;
using Content = std::map<std::string, std::string>;

namespace {

/// Every file of an output by name; of the metadata, which holds times, its recipe alone, and nothing of the page made of it.
Content content_of(const fs::path& directory) {
    Content out;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        const std::string name = entry.path().lexically_relative(directory);
        if (!entry.is_regular_file() || name == bitnet::report_file_name || name == "metrics.jsonl") continue;  // they tell the time
        out[name] = name == bitnet::metadata_file_name ? bitnet::read_json_file(entry.path()).at("recipe").as_string()
                                                       : bitnet_test::read_text(entry.path());
    }
    return out;
}

/// A file system of that size; mounted() is false where this process may not mount.
class SmallDisk {
public:
    SmallDisk(fs::path path, const std::string& size) : path_(std::move(path)) {
        fs::create_directory(path_);
        mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    bool mounted() const { return mounted_; }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
    bool mounted_ = false;
};

}  // namespace

TEST_CASE("a full disk leaves nothing behind") {
    const Workplace place;
    REQUIRE(run_program(place.compress()).status == 0);
    int refused = 0, done = 0;
    for (const std::string size : {"4k", "8k", "16k", "24k", "32k", "2m"}) {
        INFO(size);
        const SmallDisk disk(place.dir / ("disk" + size), size);
        if (!disk.mounted()) break;
        const auto result = run_program({"compress", place.model(), "-o", disk.path() / "out", "-q"});
        if (result.status == 0) {
            ++done;
            CHECK(content_of(disk.path() / "out") == content_of(place.out()));
            continue;
        }
        ++refused;
        CHECK(result.status == 1);
        CHECK(result.out.empty());
        CHECK(result.err.starts_with("bitnet: " + disk.path().string()));
        CHECK(result.err.ends_with(": No space left on device\n"));
        CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
        CHECK(names_in(disk.path()) == Names{});
    }
    if (refused + done == 0) return;  // the next test does the same by a limit
    CHECK(refused >= 2);
    CHECK(done >= 1);
}

TEST_CASE("a full disk leaves the old output as it was") {
    const Workplace place;
    const SmallDisk disk(place.dir / "disk", "200k");
    const Arguments command{"compress", place.model(), "-o", disk.path() / "out", "-q", "--force"};
    if (!disk.mounted()) {
        MESSAGE("skipped: this process may not mount a small disk");
        return;
    }
    REQUIRE(run_program(command).status == 0);
    const Content old = content_of(disk.path() / "out");
    const auto space = fs::space(disk.path());
    write_text(disk.path() / "filler", std::string(space.available > 8192 ? space.available - 8192 : 0, 'x'));
    CHECK(refusal_of_program(command).ends_with("No space left on device"));
    CHECK(content_of(disk.path() / "out") == old);
    CHECK(names_in(disk.path()).count("out.partial") == 0);
    fs::remove(disk.path() / "filler");
    CHECK(run_program(command).status == 0);
    CHECK(names_in(disk.path()) == Names{"out"});
}

TEST_CASE("a limit on the size of files leaves nothing behind") {
    const Workplace place;
    const std::string what = refusal_of_program(place.compress(), [] {
        const rlimit limit{4096, 4096};
        ::signal(SIGXFSZ, SIG_IGN);  // or the kernel ends the process before it can clean up
        return ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
    });
    CHECK(what.starts_with((place.dir / "out.partial").string()));
    CHECK(what.ends_with(": File too large"));
    CHECK(names_in(place.dir.path()) == Names{"model"});
}

TEST_CASE("an output that may not be created is refused") {
    const Workplace place;
    fs::permissions(place.dir.path(), fs::perms(0755));
    fs::permissions(place.model(), fs::perms(0755));
    for (const auto& entry : fs::directory_iterator(place.model())) fs::permissions(entry.path(), fs::perms(0644));
    const fs::path sealed = place.dir / "sealed";
    fs::create_directory(sealed);
    fs::permissions(sealed, fs::perms(0555));
    const auto result = run_program({"compress", place.model(), "-o", sealed / "out", "-q"}, [] {
        constexpr uid_t nobody = 65534;
        return ::geteuid() != 0 || ::setuid(nobody) == 0;
    });
    if (result.status == 126 || result.status == 127) {
        MESSAGE("skipped: this root cannot become an ordinary user, or that user cannot run the program");
        return;
    }
    CHECK(result.status == 1);
    // Its beginning: a program that counts its lines for coverage may go on about what it cannot write either.
    CHECK(result.err.starts_with("bitnet: " + (sealed / "out").string() + ".partial.lock: cannot create: Permission denied\n"));
    CHECK(names_in(sealed) == Names{});
}

TEST_CASE("an output that is there needs --force, and a directory of somebody else's is never replaced") {
    const Workplace place;
    REQUIRE(run_program(place.compress()).status == 0);
    const Content old = content_of(place.out());
    CHECK(place.refusal() == place.out().string() + " exists; use --force to replace it");
    CHECK(content_of(place.out()) == old);
    CHECK(run_program(place.compress({"--force", "--recipe", "phase4"})).status == 0);
    CHECK(content_of(place.out()) != old);
    CHECK(names_in(place.dir.path()) == Names{"model", "out"});

    const fs::path home = place.dir / "home";
    fs::create_directory(home);
    write_text(home / "thesis", "precious");
    const std::string what = refusal_of_program({"compress", place.model(), "-o", home, "-q", "--force"});
    CHECK(what == home.string() + " is not replaced: it is not empty and holds no compression_metadata.json");
    CHECK(names_in(home) == Names{"thesis"});
    CHECK(names_in(place.dir.path()) == Names{"home", "model", "out"});
}

TEST_CASE("an output inside the input, or around it, is refused") {
    const Workplace place;
    const std::string rule = " lie inside each other; choose another output";
    for (const fs::path& out : {place.model() / "out", place.model(), place.dir.path()}) {
        const auto before = content_of(place.dir.path());
        CHECK(refusal_of_program({"compress", place.model(), "-o", out, "-q", "--force"}).ends_with(rule));
        CHECK(content_of(place.dir.path()) == before);
    }
    REQUIRE(run_program(place.compress()).status == 0);
    for (const fs::path& out : {place.out() / "dense", place.out(), place.dir.path()})
        CHECK(refusal_of_program({"dequantize", place.out(), "-o", out, "-q", "--force"}).ends_with(rule));
}

TEST_CASE("an output whose parent is not there is refused") {
    const Workplace place;
    CHECK(refusal_of_program({"compress", place.model(), "-o", place.dir / "none" / "out", "-q"}).find("there is no directory") !=
          std::string::npos);
    CHECK(names_in(place.dir.path()) == Names{"model"});
}

TEST_CASE("a second run on one output is refused while the first one works, and of many each says what it did") {
    const Workplace place;
    {
        const bitnet::AtomicDirectory first(place.out(), false, bitnet::metadata_file_name);
        CHECK(refusal_of_program(place.compress({"--force"})) == "another run is writing " + place.out().string());
    }
    CHECK(names_in(place.dir.path()) == Names{"model"});
    const int null = ::open("/dev/null", O_RDWR);
    REQUIRE(null >= 0);
    int succeeded = 0;
    for (int round = 0; round < 5; ++round) {
        std::vector<pid_t> runs;
        for (int run = 0; run < 3; ++run) runs.push_back(bitnet_test::start_program(place.compress({"--force"}), null, null));
        for (const pid_t run : runs) {
            const int status = end_of(run);
            CHECK((status == 0 || status == 1));
            succeeded += status == 0 ? 1 : 0;
        }
    }
    ::close(null);
    CHECK(succeeded >= 5);
    CHECK(names_in(place.dir.path()) == Names{"model", "out"});
    const Content last = content_of(place.out());
    REQUIRE(run_program(place.compress({"--force"})).status == 0);
    CHECK(content_of(place.out()) == last);
}

TEST_CASE("a run killed at any moment leaves the whole old output or the whole new one, and the next run succeeds") {
    constexpr unsigned seed = 41;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    const Workplace place({.hidden_size = 128, .intermediate_size = 512, .layers = 3});
    const Arguments old_command = place.compress({"--force", "--recipe", "phase4"}), new_command = place.compress({"--force"});
    REQUIRE(run_program(new_command).status == 0);
    const Content new_output = content_of(place.out());
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(run_program(old_command).status == 0);
    const auto usual = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
    const Content old_output = content_of(place.out());
    REQUIRE(old_output != new_output);
    const int null = ::open("/dev/null", O_RDWR);
    REQUIRE(null >= 0);
    const fs::path partial = place.dir / "out.partial";
    int killed = 0, interrupted = 0;
    for (int round = 0; round < 30; ++round) {
        const pid_t run = bitnet_test::start_program(new_command, null, null);
        const bool writing = round % 2 == 1;  // every other one while it writes, however long it takes to get there
        for (int waits = 0; writing && !fs::exists(partial) && waits < 20000; ++waits) std::this_thread::sleep_for(std::chrono::microseconds(100));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % static_cast<unsigned long>(writing ? usual / 20 + 1 : usual + usual / 5)));
        ::kill(run, SIGKILL);
        killed += end_of(run) == -1 ? 1 : 0;
        interrupted += fs::exists(partial) ? 1 : 0;
        const Content found = content_of(place.out());
        CHECK((found == old_output || found == new_output));
        const auto next = run_program(old_command);
        CHECK(next.status == 0);
        CHECK(next.err.empty());
        CHECK(content_of(place.out()) == old_output);
        CHECK(names_in(place.dir.path()) == Names{"model", "out"});
    }
    ::close(null);
    CHECK(killed >= 10);
    CHECK(interrupted >= 5);
}

TEST_CASE("a result that cannot be written is an error") {
    if (!fs::exists("/dev/full")) {
        MESSAGE("skipped: there is no /dev/full here");
        return;
    }
    const Workplace place;
    const int full = ::open("/dev/full", O_WRONLY), null = ::open("/dev/null", O_WRONLY);
    CHECK(end_of(bitnet_test::start_program({"inspect", place.model()}, full, null)) == 1);
    ::close(full);
    ::close(null);
}
