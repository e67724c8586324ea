#include "live.hpp"

#include <cstdio>

#include "terminal.hpp"

namespace cli {
namespace {

using bitnet::Json;

bitnet::LiveServer* page = nullptr;

void tell_stage(std::string_view title, double share, std::string_view what, double seconds_left) {
    tell_live("stage", Json::object({{"name", title}, {"share", share}, {"what", what}, {"seconds_left", seconds_left}}));
}

}  // namespace

void add_live(CLI::App& app, LiveOptions& options) {
    CLI::Option* serve = app.add_flag("--serve", options.serve, "show the job in a browser while it runs");
    app.add_option("--serve-port", options.port, "where; 0: at any port that is free")->needs(serve)->check(CLI::Range(0, 65535))->capture_default_str();
    app.add_option("--serve-address", options.address, "for whom: this machine alone, or who reaches that address (0.0.0.0: any of this machine's)")
        ->needs(serve)->capture_default_str();
}

LivePage::LivePage(const LiveOptions& options, const std::string& model) {
    if (!options.serve) return;
    server_.emplace(options.address, options.port);
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
