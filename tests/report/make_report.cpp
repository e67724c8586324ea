/// For test_report.py:
///
///     make_report RECORD.json REPORT.html         the page about a record
///     make_report --live EVENTS.json RECORD.json  a live page that was told those events, [name, data] each; its address
///                                                 is printed, the job finishes with a line on standard input, and the page
///                                                 goes with the end of it
#include <cstdio>
#include <exception>
#include <fstream>
#include <string_view>

#include <bitnet/io/json.hpp>
#include <bitnet/live.hpp>
#include <bitnet/report/report.hpp>

namespace {

void show_live(const char* events, const char* record) {
    bitnet::LiveServer server;
    const bitnet::Json all = bitnet::read_json_file(events);
    for (const bitnet::Json& event : all.as_array()) server.event(event.as_array()[0].as_string(), event.as_array()[1]);
    std::printf("%s\n", server.url().c_str());
    std::fflush(stdout);
    const auto wait_for_line = [] {
        int letter = 0;
        while (letter != '\n' && letter != EOF) letter = std::getchar();
        return letter == '\n';
    };
    if (!wait_for_line()) return;
    server.finish(bitnet::read_json_file(record));
    wait_for_line();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 4 && argv[1] == std::string_view("--live")) return show_live(argv[2], argv[3]), 0;
        if (argc != 3) return 2;
        std::ofstream file(argv[2], std::ios::binary);
        file << bitnet::report_html(bitnet::read_json_file(argv[1]));
        file.close();
        return file ? 0 : 1;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
}
