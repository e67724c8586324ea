/// What a live page has been told, in a memory that has a bound: who comes late is told the state of the job so far.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/checked.hpp>
#include <bitnet/report/markup.hpp>

namespace bitnet::inline BITNET_ABI::report {

/// The value as JSON can say it: "nan", "inf" or "-inf" for a number that is not finite, U+FFFD for what is no UTF-8.
/// Keys stay as they are.
inline Json sayable(const Json& value) {
    if (value.is_string()) {
        const std::string& text = value.as_string();
        if (simdjson::validate_utf8(text)) return value;
        std::string out;
        for (std::string_view rest = text; !rest.empty();) {
            const std::size_t size = detail::character_size(rest);
            out += size == 0 ? detail::replacement : rest.substr(0, size);
            rest.remove_prefix(std::max<std::size_t>(1, size));
        }
        return out;
    }
    if (value.is_array()) {
        Json out = Json::array();
        for (const Json& item : value.as_array()) out.push_back(sayable(item));
        return out;
    }
    if (value.is_object()) {
        Json::Object out;
        for (const auto& [key, member] : value.as_object()) out.emplace_back(key, sayable(member));
        return Json::object(std::move(out));
    }
    return finite_json(value);
}

/// Events, numbered from 1 on, each as a frame of a `text/event-stream` (HTML Living Standard, section 9.2). An event
/// takes the place of what it makes out of date: of "stage", "gate" and "tensor" the last of each `name` is kept, of
/// "point" 512 of each `name`, of which every second one goes when there are more, of "log" the last 200, and of every
/// other event the last. A reader that is behind is told what is kept, so nobody needs a queue.
///
/// Bounds  64 points' names and stages, 256 gates, 8,192 tensors, 32 other events, 64 KiB a frame and 16 MiB in all;
///         what is beyond them is left out. "end" may be of any size
/// For one thread at a time.
class LiveHistory {
public:
    static constexpr std::size_t largest_frame = 65'536, most_bytes = 256 * largest_frame;

    /// `name`: small letters and '_'; `data`: an object
    /// Errors  errc::bad_value for another name, for what is no object, and for a key that is not UTF-8
    void add(std::string_view name, const Json& data) {
        keep(name, key_of(data), frame(name, data));
    }

    /// What add() keeps, made apart from it: it may be long work. The same errors.
    static std::string frame(std::string_view name, const Json& data) {
        if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != name.npos)
            throw error(errc::bad_value, message("live event: the name must be of small letters and _, found ", bitnet::detail::quote(name)));
        data.as_object(name);
        return message("event: ", name, "\ndata: ", to_text(sayable(data), -1), "\n\n");
    }
    /// The `name` of an event's data, as the frame has it; empty where it has none.
    static std::string key_of(const Json& data) {
        const Json* const name = data.is_object() ? data.find("name") : nullptr;
        return name != nullptr && name->is_string() ? sayable(*name).as_string() : std::string();
    }
    void keep(std::string_view name, std::string_view key, std::string frame) {
        const Bounds bounds = bounds_of(name);
        if (frame.size() > largest_frame && name != "end") return;
        auto group = groups_.find(name);
        if (group == groups_.end()) {
            if (!bounds.known && others_++ >= most_others) return;
            group = groups_.emplace(name, Group()).first;
        }
        const std::string_view place = bounds.by_name ? key : std::string_view();
        auto numbers = group->second.find(place);
        if (numbers == group->second.end()) {
            if (group->second.size() == bounds.names) return;
            numbers = group->second.emplace(place, Numbers()).first;
        }
        make_room(numbers->second, bounds);
        if (bytes_ + frame.size() > most_bytes && name != "end") return;
        bytes_ += frame.size();
        numbers->second.push_back(++last_);
        frames_.emplace(last_, std::move(frame));
    }

    /// Number of the last event, 0 before the first.
    std::uint64_t last() const noexcept { return last_; }
    std::size_t size() const noexcept { return frames_.size(); }

    /// Whole frames of what is kept behind number `after`, one at least and no more than fill `bytes`; `after` becomes
    /// the number of the last of them. Empty where nothing is behind it.
    std::string frames_behind(std::uint64_t& after, std::size_t bytes) const {
        std::string out;
        for (auto at = frames_.upper_bound(after); at != frames_.end() && (out.empty() || out.size() + at->second.size() <= bytes); ++at) {
            out += at->second;
            after = at->first;
        }
        return out;
    }

private:
    using Numbers = std::vector<std::uint64_t>;
    using Group = std::map<std::string, Numbers, std::less<>>;

    static constexpr std::size_t most_others = 32;

    struct Bounds {
        bool known = true, by_name = false;
        std::size_t names = 1;  ///< so many different ones
        std::size_t each = 1;   ///< so many of one name
        bool thinned = false;   ///< else the oldest goes
    };
    static Bounds bounds_of(std::string_view event) {
        if (event == "stage") return {.by_name = true, .names = 64};
        if (event == "gate") return {.by_name = true, .names = 256};
        if (event == "tensor") return {.by_name = true, .names = 8192};
        if (event == "point") return {.by_name = true, .names = 64, .each = 512, .thinned = true};
        if (event == "log") return {.each = 200};
        return {.known = event == "run" || event == "end"};
    }

    void make_room(Numbers& numbers, const Bounds& bounds) {
        if (numbers.size() < bounds.each) return;
        Numbers left;
        for (std::size_t i = 0; i < numbers.size(); ++i)
            if (bounds.thinned ? i % 2 == 0 : i != 0)
                left.push_back(numbers[i]);
            else
                forget(numbers[i]);
        numbers = std::move(left);
    }

    void forget(std::uint64_t number) {
        const auto frame = frames_.find(number);
        bytes_ -= frame->second.size();
        frames_.erase(frame);
    }

    std::map<std::uint64_t, std::string> frames_;
    std::size_t bytes_ = 0;
    std::map<std::string, Group, std::less<>> groups_;
    std::uint64_t last_ = 0;
    std::size_t others_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI::report
