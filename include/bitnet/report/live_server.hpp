/// A page that shows a job while it runs. The only file that includes cpp-httplib, and so needs its library.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/live_history.hpp>
#include <bitnet/report/live_page.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/report.hpp>

namespace bitnet::inline BITNET_ABI {

namespace report {

/// Whether an address, or the host of a request's `Host` with or without a port, is this machine's own.
inline bool is_loopback(std::string_view host) {
    if (host.starts_with('[')) return host.starts_with("[::1]");
    if (host == "::1") return true;
    host = host.substr(0, host.find(':'));
    return host == "localhost" || (host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos);
}

/// Ends every connection that this process took at a port: threads that wait for their clients go on at once. httplib
/// waits for them, up to its time limits or as long as a client sends a byte now and then.
inline void end_connections(int port) {
    const long limit = std::min(::sysconf(_SC_OPEN_MAX), 65536L);
    const auto port_of = [](const sockaddr_storage& address) {
        if (address.ss_family == AF_INET) return int{ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port)};
        return address.ss_family == AF_INET6 ? int{ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port)} : -1;
    };
    for (int file = 0; file < limit; ++file) {
        sockaddr_storage own{}, other{};
        socklen_t size = sizeof own, other_size = sizeof other;
        if (::getsockname(file, reinterpret_cast<sockaddr*>(&own), &size) != 0 || port_of(own) != port) continue;
        if (::getpeername(file, reinterpret_cast<sockaddr*>(&other), &other_size) == 0) ::shutdown(file, SHUT_RDWR);
    }
}

}  // namespace report

/// Serves a page that shows a job while it runs, by server-sent events, from the constructor to the destructor.
///
///     /  the page      /events  what happens      /report and /record.json  what it came to, after finish()
///
/// What the page knows, each an object; another event is passed on and not shown:
///
///     run     model, and anything else            stage   name, share in [0, 1], what, seconds_left
///     point   name, step, value: a curve each     gate    name, state ("passed", ...), sentence
///     tensor  name, error, plain_error            log     text
///
/// Who comes late is told the state so far, see LiveHistory; 32 may look at a time. No client holds the job up: a slow
/// one leaves out what became out of date meanwhile, and one that takes nothing for 5 s is forgotten. Nothing is read from
/// disk. Bound to a loopback address it answers requests to a loopback host alone, so that no page of a foreign name can
/// read it. Connections are not encrypted and nobody is asked who they are: another address shows the job to that network.
///
/// httplib ignores SIGPIPE in the whole process.
class LiveServer {
public:
    /// `address`: a name or a number of this machine's, "0.0.0.0" for all; `port`: 0 to 65535, 0 for any free one
    /// Errors  errc::bad_value for a port out of range; errc::io, naming the port, where it is in use or not ours to take
    explicit LiveServer(const std::string& address = "127.0.0.1", int port = 0);
    LiveServer(const LiveServer&) = delete;
    LiveServer& operator=(const LiveServer&) = delete;
    /// Ends all connections and threads at once, whatever clients do.
    ~LiveServer();

    int port() const noexcept { return port_; }
    /// "http://127.0.0.1:8080/"
    std::string url() const {
        return message("http://", address_.find(':') == address_.npos ? address_ : "[" + address_ + "]", ":", port_, "/");
    }
    /// How many are looking.
    std::size_t readers() const {
        const std::lock_guard lock(mutex_);
        return readers_.size();
    }

    /// From any thread; does not wait for clients.
    /// Errors  errc::bad_value for a name that has other than small letters and '_', for data that is no object
    void event(std::string_view name, const Json& data) {
        std::string frame = report::LiveHistory::frame(name, data), key = report::LiveHistory::key_of(data);
        {
            const std::lock_guard lock(mutex_);
            history_.keep(name, key, std::move(frame));
        }
        news_.notify_all();
    }

    /// The last event: gates and verdict of a record, what compression_metadata.json holds, and its report. Waits, but
    /// for no longer than `patience`, until those who look have got it.
    /// Errors  those of report_html()
    void finish(const Json& record, std::chrono::milliseconds patience = std::chrono::seconds(1));
    /// The last event of a job that came to no record: why, in a sentence.
    void give_up(const std::string& sentence, std::chrono::milliseconds patience = std::chrono::seconds(1)) {
        end(Json::object({{"passed", nullptr}, {"sentence", sentence}}), patience);
    }

private:
    using Reply = httplib::Server::HandlerResponse;
    using Text = std::shared_ptr<const std::string>;
    static constexpr std::size_t most_readers = 32;

    Reply answer(const httplib::Request& request, httplib::Response& response);
    void answer_with_events(httplib::Response& response);
    bool send_news(std::uint64_t reader, httplib::DataSink& sink);
    void end(const Json& data, std::chrono::milliseconds patience);
    static Reply say(httplib::Response& response, int status, const std::string& text, const char* kind = "text/plain; charset=utf-8") {
        response.status = status;
        response.set_content(text, kind);
        return Reply::Handled;
    }
    static void set_policy(httplib::Response& response, const std::string& may) {
        response.set_header("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'" + may);
    }

    std::string address_;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::condition_variable news_, taken_;
    bool stopping_ = false;
    report::LiveHistory history_;
    Text report_, record_;
    std::map<std::uint64_t, std::uint64_t> readers_;  // by number, the last event each was sent
    std::uint64_t reader_count_ = 0;
    httplib::Server server_;
    std::future<void> listening_;
};

inline LiveServer::LiveServer(const std::string& address, int port) : address_(address) {
    if (port < 0 || port > 65535) throw error(errc::bad_value, message("live page: port ", port, " is outside [0, 65535]"));
    // httplib would share the port with another server of ours.
    server_.set_socket_options([](socket_t file) {
        const int yes = 1;
        ::setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.new_task_queue = [] { return new httplib::ThreadPool(most_readers + 8); };
    server_.set_keep_alive_max_count(1);
    server_.set_payload_max_length(0);
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) { return answer(request, response); });
    errno = 0;
    port_ = port == 0 ? server_.bind_to_any_port(address_) : server_.bind_to_port(address_, port) ? port : -1;
    if (port_ <= 0) {
        const std::string why = errno == 0 ? "no address of this machine" : std::strerror(errno);
        throw error(errc::io, message("live page: cannot listen at port ", port, " of ", bitnet::detail::quote(address_), ": ", why));
    }
    listening_ = std::async(std::launch::async, [this] { server_.listen_after_bind(); });
    while (!server_.is_running() && listening_.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {}
}

inline LiveServer::~LiveServer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    news_.notify_all();
    server_.stop();
    do report::end_connections(port_);
    while (listening_.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready);
}

inline LiveServer::Reply LiveServer::answer(const httplib::Request& request, httplib::Response& response) {
    response.set_header("Cache-Control", "no-store");
    response.set_header("X-Content-Type-Options", "nosniff");
    if (report::is_loopback(address_) && !report::is_loopback(request.get_header_value("Host")))
        return say(response, 403, "This page is for this machine alone; ask for it by 127.0.0.1 or localhost.\n");
    if (request.method != "GET") return say(response, 404, "Only GET is answered here.\n");
    if (!request.ranges.empty()) return say(response, 416, "Parts are not sent.\n");
    if (request.path == "/") {
        set_policy(response, "; script-src 'unsafe-inline'; connect-src 'self'; img-src data:");
        return say(response, 200, report::live_page(), "text/html; charset=utf-8");
    }
    if (request.path == "/events") return answer_with_events(response), Reply::Handled;
    Text text;
    const bool is_report = request.path == "/report", is_record = request.path == "/record.json";
    if (is_report || is_record) {
        const std::lock_guard lock(mutex_);
        text = is_report ? report_ : record_;
    }
    if (text == nullptr) return say(response, 404, is_report || is_record ? "The job has not finished.\n" : "There is nothing here.\n");
    if (is_report) set_policy(response, "");
    return say(response, 200, *text, is_report ? "text/html; charset=utf-8" : "application/json");
}

inline void LiveServer::answer_with_events(httplib::Response& response) {
    std::uint64_t reader = 0;
    {
        const std::lock_guard lock(mutex_);
        if (readers_.size() < most_readers) readers_.emplace(reader = ++reader_count_, 0);
    }
    if (reader == 0) return void(say(response, 503, "As many are looking as may.\n"));
    response.status = 200;
    response.set_content_provider(
        "text/event-stream", [this, reader](std::size_t, httplib::DataSink& sink) { return send_news(reader, sink); },
        [this, reader](bool) {
            const std::lock_guard lock(mutex_);
            readers_.erase(reader);
            taken_.notify_all();
        });
}

/// Waits for something to say, says it, and false where there is nobody to say it to.
inline bool LiveServer::send_news(std::uint64_t reader, httplib::DataSink& sink) {
    constexpr auto look_after = std::chrono::milliseconds(500), pause = std::chrono::milliseconds(100);
    std::string text;
    std::uint64_t last = 0;
    {
        std::unique_lock lock(mutex_);
        last = readers_.at(reader);
        news_.wait_for(lock, look_after, [&] { return stopping_ || history_.last() > last; });
        if (stopping_) return false;
        text = history_.frames_behind(last, report::LiveHistory::largest_frame);
    }
    if (!sink.is_writable()) return false;  // gone, or has taken nothing for 5 s
    if (text.empty()) text = ":\n\n";       // a comment: what is between us learns that somebody is there
    if (!sink.write(text.data(), text.size())) return false;
    std::unique_lock lock(mutex_);
    readers_.at(reader) = last;
    taken_.notify_all();
    if (last == history_.last()) news_.wait_for(lock, pause, [&] { return stopping_; });  // many events, few parcels
    return !stopping_;
}

inline void LiveServer::end(const Json& data, std::chrono::milliseconds patience) {
    event("end", data);
    std::unique_lock lock(mutex_);
    taken_.wait_for(lock, patience, [&] { return std::ranges::all_of(readers_, [&](const auto& one) { return one.second == history_.last(); }); });
}

inline void LiveServer::finish(const Json& record, std::chrono::milliseconds patience) {
    using namespace report;
    const auto page = std::make_shared<const std::string>(report_html(record));
    const auto text = std::make_shared<const std::string>(to_text(sayable(record)) + "\n");
    {
        const std::lock_guard lock(mutex_);
        report_ = page, record_ = text;
    }
    const Json::Array& gates = find_items(record, {"gates"});
    for (const Json& gate : gates)
        if (gate.is_object()) event("gate", gate);
    std::string_view state;
    std::string sentence = report::detail::sentence_of(gates, state);
    state = report::detail::verdict_state(record);
    Json passed = state == "failed" ? Json(false) : state == "not measured" ? Json(nullptr) : Json(true);
    if (const std::string said = find_text(record, {"verdict", "sentence"}); !said.empty()) sentence = said;
    Json last = Json::object({{"passed", std::move(passed)}, {"sentence", std::move(sentence)}, {"ratio", record.at("compression_ratio")}});
    if (const auto before = perplexity_before(record)) last.set("perplexity_before", *before);
    if (const auto after = perplexity_after(record)) last.set("perplexity_after", *after);
    end(last.set("report", *page), patience);
}

}  // namespace bitnet::inline BITNET_ABI
