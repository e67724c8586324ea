/// What goes to the terminal: a live progress line and tables.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// 1536 -> "1.5 KiB".
std::string bytes_text(std::uint64_t bytes);
/// With so many digits after the point.
std::string fixed(double value, int digits);

/// Is told what every Progress shows, quiet or not, twenty times a second at most. Empty: nobody is told.
using ProgressObserver = std::function<void(std::string_view title, double share, std::string_view what, double seconds_left)>;
ProgressObserver& progress_observer();

/// Where work tells how far it is, and ends when somebody pressed Ctrl-C: update() throws Interrupted then.
///
/// One line on standard error that is written over: a bar, the share, what is being done and the time left. Where
/// standard error is no terminal, a plain line every tenth of the way. Silent when quiet.
class Progress {
public:
    Progress(std::string title, bool quiet);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// This share was done before: a run that is resumed.
    void begin_at(double share) { from_ = share; }
    void update(double share, std::string_view what);

private:
    std::string title_;
    bool quiet_, live_;
    int tenths_ = 0;
    double from_ = 0;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now(), shown_{}, told_{};
};

/// Columns as wide as their widest cell; the first is aligned left, the rest right.
class Table {
public:
    explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace cli
