/// --serve: a page that shows a job while it runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <bitnet/report/live_server.hpp>

namespace cli {

struct LiveOptions {
    bool serve = false;
    int port = 0;
    std::string address = "127.0.0.1";
};
/// --serve, --serve-port and --serve-address.
void add_live(CLI::App& app, LiveOptions& options);

/// The page of the job that runs, from here to its end; nothing where nobody asked for one. One at a time. What Progress
/// shows is told there, and what tell_live() is given.
class LivePage {
public:
    /// Says on standard error where the page is.
    /// Errors  errc::io where the port is in use, or the address not this machine's
    LivePage(const LiveOptions& options, const std::string& model);
    LivePage(const LivePage&) = delete;
    LivePage& operator=(const LivePage&) = delete;
    /// Without finish() before, the page says that nothing came of the job.
    ~LivePage();
    /// record: what compression_metadata.json holds
    void finish(const bitnet::Json& record);

private:
    std::optional<bitnet::LiveServer> server_;
    bool finished_ = false;
};

/// An event for the page, where there is one; see bitnet::LiveServer.
void tell_live(std::string_view name, const bitnet::Json& data);

}  // namespace cli
