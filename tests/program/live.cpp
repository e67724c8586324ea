#include <bitnet/report/live_server.hpp>

#include "program.hpp"

#include <array>
#include <cstdlib>

using bitnet_test::Arguments;
using bitnet_test::end_of;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::start_program;
using bitnet_test::Workplace;

namespace {

/// A model that learns for some seconds.
struct LivePlace : Workplace {
    LivePlace() : Workplace({.vocab_size = 40, .hidden_size = 64, .intermediate_size = 96, .layers = 2, .max_positions = 32}) {
        bitnet_test::write_text(dir / "ids.txt", bitnet_test::id_documents(100, 32));
    }
    Arguments serving(const Arguments& more = {}) const {
        Arguments all = compress({"--text", dir / "ids.txt", "--split", "ids", "--fine-tune", "always", "--steps", "60", "--gates", "warn", "--force", "--serve"});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

/// A program that runs, and its standard error line by line.
class LiveJob {
public:
    explicit LiveJob(const Arguments& arguments) {
        std::array<int, 2> err{};
        REQUIRE(::pipe2(err.data(), O_CLOEXEC) == 0);
        const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        REQUIRE(nowhere >= 0);
        process_ = start_program(arguments, nowhere, err[1]);
        ::close(nowhere);
        ::close(err[1]);
        err_ = ::fdopen(err[0], "r");
        REQUIRE(err_ != nullptr);
    }
    LiveJob(const LiveJob&) = delete;
    LiveJob& operator=(const LiveJob&) = delete;
    ~LiveJob() {
        if (!ended_) end_of(process_);
        std::fclose(err_);
    }
    std::string line() {
        std::string out;
        for (int letter = std::fgetc(err_); letter != EOF && letter != '\n'; letter = std::fgetc(err_)) out += static_cast<char>(letter);
        return out;
    }
    int status() {
        ended_ = true;
        return end_of(process_);
    }

private:
    pid_t process_ = -1;
    std::FILE* err_ = nullptr;
    bool ended_ = false;
};

}  // namespace

TEST_CASE("compress --serve shows the job in a browser while it runs, and ends as it would without") {
    const LivePlace place;
    LiveJob job(place.serving());
    const std::string line = job.line();
    CAPTURE(line);
    REQUIRE(line.starts_with("live page  http://127.0.0.1:"));
    REQUIRE(line.ends_with("/"));
    const int port = std::atoi(line.c_str() + line.rfind(':') + 1);
    httplib::Client client("127.0.0.1", port);
    client.set_read_timeout(60);
    const auto page = client.Get("/");
    REQUIRE(bool(page));
    CHECK(page->body == bitnet::report::live_page());
    std::string events;
    httplib::Client("127.0.0.1", port).Get("/events", [&](const char* data, std::size_t size) {
        events.append(data, size);
        return true;
    });
    CHECK(job.status() == 0);
    CHECK(job.line().empty());  // quiet but for the page
    CHECK(says(events, "event: run\ndata: {\"model\":\"" + place.model().string() + "\"}\n\n"));
    for (const char* const stage : {"calibrate", "train", "compress"}) CHECK(says(events, bitnet::message("event: stage\ndata: {\"name\":\"", stage, "\",\"share\":")));
    for (const char* const curve : {"loss", "perplexity"}) CHECK(says(events, bitnet::message("event: point\ndata: {\"name\":\"", curve, "\",\"step\":")));
    CHECK(says(events, "event: tensor\ndata: {\"name\":\"model.layers.1.mlp.down_proj.weight\",\"error\":"));
    CHECK(says(events, "event: log\ndata: {\"text\":\"attempt: as asked\"}"));
    CHECK(says(events, "event: gate\ndata: {\"name\":\"perplexity_degradation\",\"state\":"));
    CHECK(says(events, "event: end\ndata: {\"passed\":"));
    CHECK(std::filesystem::exists(place.out() / "quantized" / "model.safetensors"));
    httplib::Client gone("127.0.0.1", port);
    CHECK_FALSE(bool(gone.Get("/")));
}

TEST_CASE("a port in use, or none, is refused before anything is done") {
    const LivePlace place;
    const bitnet::LiveServer other;
    CHECK(place.refusal({"--serve", "--serve-port", std::to_string(other.port())}) ==
          bitnet::message("live page: cannot listen at port ", other.port(), " of \"127.0.0.1\": Address already in use"));
    CHECK(place.refusal({"--serve", "--serve-address", "192.0.2.1"}) ==
          "live page: cannot listen at port 0 of \"192.0.2.1\": Cannot assign requested address");
    for (const Arguments& wrong : {Arguments{"--serve-port", "http", "--serve"}, Arguments{"--serve-port", "65536", "--serve"}, Arguments{"--serve-port", "0"}, Arguments{"--serve-address", "127.0.0.1"}}) {
        const auto result = run_program(place.compress(wrong));
        CHECK(result.status == 2);
        CHECK(says(result.err, wrong.front()));
    }
}

TEST_CASE("a job that comes to nothing says why behind the address of its page, and leaves nothing") {
    LivePlace place;
    bitnet_test::write_text(place.dir / "ids.txt", "1 2 3\n");
    const auto result = run_program(place.serving());
    CHECK(result.status == 1);
    CHECK(result.err.starts_with("live page  http://127.0.0.1:"));
    CHECK(says(result.err, "\nbitnet: "));
    CHECK_FALSE(std::filesystem::exists(place.out()));
}
