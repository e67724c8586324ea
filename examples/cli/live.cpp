#include "live.hpp"

#include <charconv>
#include <cstdio>

#include "terminal.hpp"

namespace cli {
namespace {

using bitnet::Json;

bitnet::LiveServer* page = nullptr;

/// 0, any free one, where none was named.
int port_of(const std::string& text) {
    int port = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (!text.empty() && (problem != std::errc() || end != text.data() + text.size() || port < 0 || port > 65535))
        throw CLI::ValidationError("--serve", text + " is no port from 0 to 65535; without one, write --serve last or before another option");
    return port;
}

void tell_stage(std::string_view title, double share, std::string_view what, double seconds_left) {
    tell_live("stage", Json::object({{"name", title}, {"share", share}, {"what", what}, {"seconds_left", seconds_left}}));
}

}  // namespace

void add_live(CLI::App& app, LiveOptions& options) {
    options.serve = app.add_option("--serve", options.port, "show the job in a browser while it runs, at this port or at any free one")
                        ->expected(0, 1)->type_name("[PORT]");
    app.add_option("--serve-address", options.address, "for whom: this machine alone, or who reaches that address (0.0.0.0: any of this machine's)")
        ->needs(app.get_option("--serve"))->capture_default_str();
}

LivePage::LivePage(const LiveOptions& options, const std::string& model) {
    if (options.serve == nullptr || options.serve->count() == 0) return;
    server_.emplace(options.address, port_of(options.port));
    page = &*server_;
    progress_observer() = tell_stage;
    tell_live("run", Json::object({{"model", model}}));
    std::fprintf(stderr, "live page  %s\n", server_->url().c_str());
    std::fflush(stderr);
}

LivePage::~LivePage() {
    if (!server_) return;
    progress_observer() = nullptr;
    page = nullptr;
    if (!finished_) server_->give_up("the job came to no result, and says why where it was started");
}

void LivePage::finish(const Json& record) {
    finished_ = true;
    if (server_) server_->finish(record);
}

void tell_live(std::string_view name, const Json& data) {
    if (page != nullptr) page->event(name, data);
}

}  // namespace cli
