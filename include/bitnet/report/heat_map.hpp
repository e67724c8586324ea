/// A number for each matrix of each layer, as a field of coloured cells in SVG.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/report/line_chart.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>
#include <bitnet/report/tensor_place.hpp>

namespace bitnet::inline BITNET_ABI::report {

struct HeatCell {
    std::string name{};  ///< of a tensor
    double value = 0;
};

struct HeatMap {
    std::string title{};
    std::string colour{};  ///< class of the style sheet: zeros or error
    std::vector<HeatCell> cells{};
    std::function<std::string(double)> text = [](double value) { return significant(value); };           ///< where it is pointed at
    std::function<std::string(double)> short_text = [](double value) { return significant(value, 2); };  ///< in the cell
    std::size_t most_rows = 200;  ///< cells of further matrices are left out, and counted
};

namespace detail {

class HeatDrawing {
public:
    explicit HeatDrawing(const HeatMap& map) : map_(map) {
        for (const HeatCell& cell : map.cells) {
            if (!is_finite(cell.value)) continue;
            const TensorPlace place = place_of(cell.name);
            const RowName name{place.prefix, place.matrix};
            if (!rows_.contains(name) && rows_.size() == map.most_rows) {
                ++left_out_;
                continue;
            }
            prefixes_.insert(place.prefix);
            const std::size_t row = rows_.try_emplace(name, rows_.size()).first->second;
            low_ = placed_.empty() ? cell.value : std::min(low_, cell.value);
            high_ = placed_.empty() ? cell.value : std::max(high_, cell.value);
            const std::pair column{!place.layer, place.layer.value_or(0)};  // what is in no layer comes last
            columns_.emplace(column, 0);
            placed_.push_back({&cell, row, column});
        }
        std::size_t at = 0;
        for (auto& column : columns_) column.second = at++;
        for (const auto& row : rows_) left_ = std::max(left_, text_width(label_of(row.first)) + 8);
        wide_ = std::clamp(860 / static_cast<double>(std::max<std::size_t>(columns_.size(), 1)), columns_.size() > 200 ? 5.0 : 12.0, 52.0);
    }

    std::size_t left_out() const { return left_out_; }
    bool is_empty() const { return placed_.empty(); }

    Markup draw() const {
        const double width = left_ + wide_ * static_cast<double>(columns_.size()) + 10, height = top + high * static_cast<double>(rows_.size());
        const double whole = std::max(width, left_ + 250);
        const std::string shape =
            message("width:", place_text(whole), "px;max-width:100%;min-width:", place_text(whole * 0.72), "px");  // then it scrolls
        Markup out = begin_drawing(map_.title, whole, height + (high_ > low_ ? 40 : 4), shape);
        add_columns(out);
        for (const auto& [name, row] : rows_) add_text(out, left_ - 8, top + high * (static_cast<double>(row) + 0.5) + 4, label_of(name), "end");
        out.open("g", {{"class", map_.colour}});
        for (const Placed& one : placed_) add_cell(out, one);
        add_scale(out, height + 16);
        return out.finished();
    }

private:
    static constexpr double top = 24, high = 22;
    using RowName = std::pair<std::string, std::string>;  // prefix and matrix
    using ColumnName = std::pair<bool, std::uint64_t>;
    struct Placed {
        const HeatCell* cell;
        std::size_t row;
        ColumnName column;
    };

    std::string label_of(const RowName& row) const {
        return shortened(prefixes_.size() > 1 && !row.first.empty() ? message(row.first, " ", row.second) : row.second, 26, Keep::end);
    }
    /// Of the colour, from a little to all of it.
    double strength(double value) const { return high_ > low_ ? 0.06 + 0.94 * ((value - low_) / (high_ - low_)) : 0.5; }
    std::string opacity(double value) const { return fixed(strength(value), 2); }

    void add_columns(Markup& out) const {
        double free = 0;
        for (const auto& [name, column] : columns_) {
            const std::string text = name.first ? "other" : std::to_string(name.second);
            const double middle = left_ + wide_ * (static_cast<double>(column) + 0.5), half = text_width(text) / 2;
            if (middle - half < free) continue;
            add_text(out, middle, top - 8, text, "middle");
            free = middle + half + 7;
        }
        add_text(out, left_ - 8, top - 8, "layer", "end");
    }
    void add_cell(Markup& out, const Placed& one) const {
        const double x = left_ + wide_ * static_cast<double>(columns_.at(one.column)), y = top + high * static_cast<double>(one.row);
        const double gap = wide_ > 8 ? 1.5 : 0.5;
        out.open("rect", {{"x", place_text(x)},
                          {"y", place_text(y)},
                          {"width", place_text(wide_ - gap)},
                          {"height", place_text(high - 1.5)},
                          {"fill-opacity", opacity(one.cell->value)}});
        out.element("title", message(one.cell->name, ": ", map_.text(one.cell->value))).close();
        const std::string text = map_.short_text(one.cell->value);
        if (text_width(text) + 4 <= wide_) add_text(out, x + (wide_ - gap) / 2, y + 15, text, "middle");
    }
    /// Which colour is which value, below the cells.
    void add_scale(Markup& out, double y) const {
        if (!(high_ > low_)) return;
        constexpr int steps = 12;
        const double begin = left_ + text_width(map_.text(low_)) + 8, step = std::min(10.0, 120.0 / steps);
        add_text(out, begin - 8, y + 11, map_.text(low_), "end");
        for (int i = 0; i < steps; ++i)
            out.empty("rect", {{"x", place_text(begin + step * i)},
                               {"y", place_text(y)},
                               {"width", place_text(step)},
                               {"height", "14"},
                               {"fill-opacity", opacity(low_ + (high_ - low_) * i / (steps - 1))}});
        add_text(out, begin + step * steps + 8, y + 11, map_.text(high_));
    }

    const HeatMap& map_;
    std::set<std::string> prefixes_{};
    std::map<RowName, std::size_t> rows_{};
    std::map<ColumnName, std::size_t> columns_{};
    std::vector<Placed> placed_{};
    std::size_t left_out_ = 0;
    double low_ = 0, high_ = 0, left_ = 48, wide_ = 12;
};

}  // namespace detail

/// The drawing, and how many cells were left out of it. Empty where no cell has a finite number.
inline std::pair<Markup, std::size_t> drawing_of(const HeatMap& map) {
    const detail::HeatDrawing drawing(map);
    return {drawing.is_empty() ? Markup() : drawing.draw(), drawing.left_out()};
}

}  // namespace bitnet::inline BITNET_ABI::report
