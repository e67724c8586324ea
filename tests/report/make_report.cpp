/// make_report RECORD.json REPORT.html: the page about a record, for test_report.py.
#include <cstdio>
#include <exception>
#include <fstream>

#include <bitnet/io/json.hpp>
#include <bitnet/report/report.hpp>

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    try {
        std::ofstream file(argv[2], std::ios::binary);
        file << bitnet::report_html(bitnet::read_json_file(argv[1]));
        file.close();
        return file ? 0 : 1;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
}
