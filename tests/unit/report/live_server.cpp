#include <bitnet/report/live_server.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <support/report_record.hpp>

using bitnet::Json;
using bitnet::LiveServer;
using bitnet::message;
using namespace std::chrono_literals;

namespace {

httplib::Client client_of(const LiveServer& server) {
    httplib::Client out("127.0.0.1", server.port());
    out.set_read_timeout(20);
    return out;
}

/// Body of a page with that status.
std::string page_of(const LiveServer& server, const char* path, int status) {
    const auto result = client_of(server).Get(path);
    REQUIRE(bool(result));
    CHECK(result->status == status);
    return result->body;
}

/// What /events says until `enough` holds of it, without the comments that keep the connection.
std::string events_until(const LiveServer& server, const std::function<bool(const std::string&)>& enough) {
    std::string out;
    auto client = client_of(server);
    client.Get("/events", [&](const char* data, std::size_t size) {
        out.append(data, size);
        for (std::size_t at; (at = out.find(":\n\n")) != out.npos && (at == 0 || out[at - 1] == '\n');) out.erase(at, 3);
        return !enough(out);
    });
    return out;
}
std::string events_through(const LiveServer& server, const std::string& words) {
    return events_until(server, [&](const std::string& text) { return text.find(words) != text.npos && text.ends_with("\n\n"); });
}

Json log_of(int i) { return Json::object({{"text", message("line ", i, ".")}}); }
std::string log_frame(int i) { return message("event: log\ndata: {\"text\":\"line ", i, ".\"}\n\n"); }

/// Waits until it holds, at most ten seconds.
bool comes_true(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
}

/// A connection that sends what it is told and then neither reads nor goes away.
class HangingClient {
public:
    HangingClient(int port, std::string_view request) : file_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const int small_buffer = 1024;
        ::setsockopt(file_, SOL_SOCKET, SO_RCVBUF, &small_buffer, sizeof small_buffer);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::send(file_, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
    }
    HangingClient(const HangingClient&) = delete;
    HangingClient& operator=(const HangingClient&) = delete;
    ~HangingClient() { ::close(file_); }

private:
    int file_;
};

/// So many that wait for events and read none of them.
std::vector<std::unique_ptr<HangingClient>> hanging_readers(const LiveServer& server, std::size_t count) {
    std::vector<std::unique_ptr<HangingClient>> out;
    while (out.size() < count) {
        out.push_back(std::make_unique<HangingClient>(server.port(), "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        REQUIRE(comes_true([&] { return server.readers() == out.size(); }));
    }
    return out;
}

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("events arrive in their order, and who comes late is told what was said") {
    LiveServer server;
    for (int i = 0; i < 3; ++i) server.event("log", log_of(i));
    std::thread job([&] {
        if (!comes_true([&] { return server.readers() == 1; })) return;
        for (int i = 3; i < 6; ++i) {
            std::this_thread::sleep_for(30ms);
            server.event("log", log_of(i));
        }
    });
    std::string wanted;
    for (int i = 0; i < 6; ++i) wanted += log_frame(i);
    CHECK(events_through(server, "line 5.") == wanted);
    job.join();
    CHECK(comes_true([&] { return server.readers() == 0; }));
    CHECK(events_through(server, "line 5.") == wanted);
}

TEST_CASE("many threads may speak at once") {
    LiveServer server;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
            for (int i = 0; i < 40; ++i) server.event("log", log_of(100 * thread + i));
        });
    for (auto& thread : threads) thread.join();
    std::size_t frames = 0;
    const std::string text = events_until(server, [&](const std::string& all) {
        frames = 0;
        for (std::size_t at = 0; (at = all.find("event: log\n", at)) != all.npos; ++at) ++frames;
        return frames == 160;
    });
    CHECK(frames == 160);
    for (int thread = 0; thread < 4; ++thread) CHECK(text.find(log_frame(100 * thread + 38)) < text.find(log_frame(100 * thread + 39)));
}

TEST_CASE("the page is there, the report when the job has finished, and nothing else") {
    LiveServer server;
    CHECK(server.url() == message("http://127.0.0.1:", server.port(), "/"));
    CHECK(page_of(server, "/", 200) == bitnet::report::live_page());
    CHECK(page_of(server, "/report", 404) == "The job has not finished.\n");
    CHECK(page_of(server, "/record.json", 404) == "The job has not finished.\n");
    for (const char* const path : {"/nothing", "/events/", "/../etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/report/../record.json"})
        CHECK(page_of(server, path, 404) == "There is nothing here.\n");
    Json record = bitnet_test::small_record();
    record.set("gates", Json::array({bitnet_test::gate("sparsity", "passed", "zeros are as usual")}));
    server.finish(record);
    CHECK(page_of(server, "/report", 200) == bitnet::report_html(record));
    CHECK(page_of(server, "/record.json", 200) == to_text(record) + "\n");
    const std::string said = events_through(server, "event: end\n");
    const Json end = bitnet::parse_json(said.substr(said.rfind("data: ") + 6), "end");
    CHECK(said.starts_with("event: gate\ndata: {\"name\":\"sparsity\",\"state\":\"passed\""));
    CHECK(end.at("passed").as_bool());
    CHECK(end.at("sentence").as_string() == "no gate failed: 1 of 1 gate passed");
    CHECK(end.at("ratio").as_double() == 9.87);
    CHECK(end.at("report").as_string() == bitnet::report_html(record));
}

TEST_CASE("a record's own verdict is what the last event says, and a record without a report is refused") {
    LiveServer server;
    CHECK_THROWS_AS(server.finish(Json::object()), bitnet::error);
    Json record = bitnet_test::small_record();
    record.set("verdict", Json::object({{"passed", false}, {"sentence", "too large"}}));
    server.finish(record);
    CHECK(events_through(server, "event: end\n").find("data: {\"passed\":false,\"sentence\":\"too large\",\"ratio\":9.87,") != std::string::npos);
}

TEST_CASE("those who look get the last event before the server goes, and a job without a result says why") {
    std::string got;
    std::thread reader;
    {
        LiveServer server;
        reader = std::thread([port = server.port(), &got] {
            httplib::Client client("127.0.0.1", port);
            client.Get("/events", [&](const char* data, std::size_t size) { return got.append(data, size), true; });
        });
        REQUIRE(comes_true([&] { return server.readers() == 1; }));
        server.give_up("the disk is full");
    }
    reader.join();
    CHECK(got.find("event: end\ndata: {\"passed\":null,\"sentence\":\"the disk is full\"}\n\n") != got.npos);
}

TEST_CASE("other methods and parts are not answered") {
    const LiveServer server;
    auto client = client_of(server);
    for (const char* const path : {"/", "/events", "/report"}) {
        CHECK(client.Post(path, "x=1", "application/x-www-form-urlencoded")->status == 404);
        CHECK(client.Put(path, "x", "text/plain")->status == 404);
        CHECK(client.Delete(path)->status == 404);
        CHECK(client.Head(path)->status == 404);
        CHECK(client.Options(path)->status == 404);
    }
    CHECK(client.Get("/", {{"Range", "bytes=0-,0-,0-"}})->status == 416);
}

TEST_CASE("a page of a foreign name that leads here reads nothing, where the server is for this machine alone") {
    const LiveServer server;
    auto client = client_of(server);
    for (const char* const host : {"evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]:80", "192.168.0.1", ""})
        for (const char* const path : {"/", "/events", "/record.json", "/nothing"}) CHECK(client.Get(path, {{"Host", host}})->status == 403);
    for (const char* const host : {"localhost", "127.0.0.1:1", "[::1]:8080", "127.5.0.1"}) CHECK(client.Get("/", {{"Host", host}})->status == 200);
    const LiveServer open("0.0.0.0");
    CHECK(client_of(open).Get("/", {{"Host", "evil.example"}})->status == 200);
}

TEST_CASE("the browser is told to load nothing, keep nothing and guess nothing") {
    const LiveServer server;
    const auto result = client_of(server).Get("/");
    REQUIRE(bool(result));
    CHECK(result->get_header_value("Content-Type") == "text/html; charset=utf-8");
    CHECK(result->get_header_value("Cache-Control") == "no-store");
    CHECK(result->get_header_value("X-Content-Type-Options") == "nosniff");
    CHECK(result->get_header_value("Content-Security-Policy").starts_with("default-src 'none';"));
    CHECK(result->get_header_value("Access-Control-Allow-Origin").empty());
}

TEST_CASE("a port in use is named, and so is one that cannot be") {
    const LiveServer first;
    std::optional<LiveServer> second;
    CHECK_THROWS_WITH_AS(second.emplace("127.0.0.1", first.port()),
                         message("live page: cannot listen at port ", first.port(), " of \"127.0.0.1\": Address already in use").c_str(), bitnet::error);
    CHECK_THROWS_WITH_AS(second.emplace("127.0.0.1", 65536), "live page: port 65536 is outside [0, 65535]", bitnet::error);
    CHECK_THROWS_AS(second.emplace("192.0.2.1", 0), bitnet::error);
    CHECK(page_of(first, "/", 200) == bitnet::report::live_page());
}

TEST_CASE("a port is free again when its server has gone") {
    int port = 0;
    {
        const LiveServer first;
        port = first.port();
        CHECK(!page_of(first, "/", 200).empty());
    }
    const LiveServer second("127.0.0.1", port);
    CHECK(second.port() == port);
    CHECK(!page_of(second, "/", 200).empty());
}

TEST_CASE("clients that hang hold up neither the job nor the end") {
    std::optional<LiveServer> server(std::in_place);
    auto clients = hanging_readers(*server, 30);
    clients.push_back(std::make_unique<HangingClient>(server->port(), ""));
    clients.push_back(std::make_unique<HangingClient>(server->port(), "GET / HT"));
    const Json large = Json::object({{"text", std::string(60000, 'x')}});
    CHECK(seconds_of([&] { for (int i = 0; i < 500; ++i) server->event("log", large); }) < 10);  // 30 MB a client, had they a queue
    CHECK(page_of(*server, "/", 200) == bitnet::report::live_page());
    CHECK(seconds_of([&] { server->give_up("no more", 200ms); }) < 2);
    CHECK(seconds_of([&] { server.reset(); }) < 2);
}

TEST_CASE("a client that leaves is forgotten, and one too many is told so") {
    LiveServer server;
    {
        const auto clients = hanging_readers(server, 32);
        CHECK(page_of(server, "/events", 503) == "As many are looking as may.\n");
        CHECK(page_of(server, "/", 200) == bitnet::report::live_page());
    }
    CHECK(comes_true([&] { return server.readers() == 0; }));
    server.event("log", log_of(1));
    CHECK(events_through(server, "line 1.") == log_frame(1));
}

TEST_CASE("a server that nobody asked goes at once") {
    CHECK(seconds_of([] { for (int i = 0; i < 5; ++i) const LiveServer server; }) < 3);
}

TEST_CASE("hosts of this machine are told from others") {
    for (const char* const own : {"localhost", "localhost:80", "127.0.0.1", "127.8.9.10:1", "::1", "[::1]", "[::1]:80"}) CHECK(bitnet::report::is_loopback(own));
    for (const char* const other : {"", "localhost.example", "127.0.0.1.example", "127.x", "::2", "[::2]", "[::1", "0.0.0.0", "10.0.0.1"})
        CHECK_FALSE_MESSAGE(bitnet::report::is_loopback(other), other);
}
