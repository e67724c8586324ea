#include "terminal.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <unistd.h>

#include "interrupt.hpp"

namespace cli {

std::string fixed(double value, int digits) {
    std::array<char, 64> text;
    const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string bytes_text(std::uint64_t bytes) {
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
    return fixed(value, unit == 0 ? 0 : 1) + " " + units[unit];
}

ProgressObserver& progress_observer() {
    static ProgressObserver observer;
    return observer;
}

Progress::Progress(std::string title, bool quiet)
    : title_(std::move(title)), quiet_(quiet), live_(::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    if (!quiet_ && live_) std::fprintf(stderr, "\r\x1b[K");
}

void Progress::update(double share, std::string_view what) {
    using namespace std::chrono;
    throw_if_interrupted();
    const auto now = steady_clock::now();
    const double seconds = duration<double>(now - begin_).count();
    const double left = share > from_ ? seconds / (share - from_) * (1 - share) : 0;
    if (progress_observer() && (now - told_ >= milliseconds(50) || share >= 1)) {
        told_ = now;
        progress_observer()(title_, share, what, left);
    }
    if (quiet_) return;
    if (live_) {
        if (now - shown_ < milliseconds(50) && share < 1) return;
        shown_ = now;
        const auto filled = static_cast<std::size_t>(share * 24);
        const std::string bar = std::string(filled, '#') + std::string(24 - filled, '.');
        std::fprintf(stderr, "\r\x1b[K%s [%s] %3.0f %%  %.0f s left  %.*s", title_.c_str(), bar.c_str(), 100 * share, left,
                     static_cast<int>(std::min<std::size_t>(what.size(), 60)), what.data());
    } else if (static_cast<int>(share * 10) > tenths_) {
        tenths_ = static_cast<int>(share * 10);
        std::fprintf(stderr, "%s: %d0 %%, %.0f s left, %.*s\n", title_.c_str(), tenths_, left, static_cast<int>(what.size()), what.data());
    }
    std::fflush(stderr);
}

std::string Table::text() const {
    std::vector<std::size_t> width(rows_.front().size());
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string pad(width[i] - row[i].size(), ' ');
            line += (i == 0 ? "" : "  ") + (i == 0 ? row[i] + pad : pad + row[i]);
        }
        while (line.ends_with(' ')) line.pop_back();
        out += line + '\n';
    }
    return out;
}

}  // namespace cli
