#include <bitnet/report/live_history.hpp>

#include <doctest/doctest.h>

#include <limits>

using bitnet::errc;
using bitnet::Json;
using bitnet::report::LiveHistory;
using bitnet::report::sayable;

namespace {

std::string all_of(const LiveHistory& history) {
    std::uint64_t after = 0;
    return history.frames_behind(after, std::numeric_limits<std::size_t>::max());
}
Json stage_of(const char* name, double share) { return Json::object({{"name", name}, {"share", share}}); }
Json point_at(const std::string& name, int step) { return Json::object({{"name", name}, {"step", step}}); }

}  // namespace

TEST_CASE("an event is a frame of an event stream, and its text has no line breaks of its own") {
    LiveHistory history;
    history.add("log", Json::object({{"text", "two\nlines\r"}}));
    CHECK(all_of(history) == "event: log\ndata: {\"text\":\"two\\nlines\\r\"}\n\n");
}

TEST_CASE("what a later event makes out of date is forgotten, and the rest stays in order") {
    LiveHistory history;
    CHECK(history.last() == 0);
    history.add("stage", stage_of("calibrate", 0.5));
    history.add("stage", stage_of("train", 0.0));
    history.add("run", Json::object({{"model", "a"}}));
    history.add("run", Json::object({{"model", "b"}}));
    history.add("stage", stage_of("calibrate", 1.0));
    CHECK(history.last() == 5);
    CHECK(all_of(history) ==
          "event: stage\ndata: {\"name\":\"train\",\"share\":0.0}\n\n"
          "event: run\ndata: {\"model\":\"b\"}\n\n"
          "event: stage\ndata: {\"name\":\"calibrate\",\"share\":1.0}\n\n");
}

TEST_CASE("a reader goes on where it was, in whole frames") {
    LiveHistory history;
    for (int i = 0; i < 3; ++i) history.add("log", Json::object({{"text", "line"}}));
    const std::size_t frame = all_of(history).size() / 3;
    std::uint64_t after = 0;
    CHECK(history.frames_behind(after, 1).size() == frame);  // one at least
    CHECK(after == 1);
    CHECK(history.frames_behind(after, 2 * frame).size() == 2 * frame);
    CHECK(after == 3);
    CHECK(history.frames_behind(after, 2 * frame).empty());
    CHECK(after == 3);
}

TEST_CASE("of a long curve every second point is kept, the first and the last among them, and of a log the end") {
    LiveHistory history;
    for (int step = 0; step < 2000; ++step) {
        history.add("point", point_at("loss", step));
        history.add("log", Json::object({{"text", bitnet::message("line ", step)}}));
    }
    CHECK(history.size() <= 512 + 200);
    CHECK(history.size() > 256 + 199);
    const std::string text = all_of(history);
    CHECK(text.find("\"step\":0}") != text.npos);
    CHECK(text.find("\"step\":1}") == text.npos);
    CHECK(text.find("\"step\":1999}") != text.npos);
    CHECK(text.find("line 1799\"") == text.npos);
    CHECK(text.find("line 1800\"") != text.npos);
}

TEST_CASE("memory has a bound, whatever names there are and however long a text is") {
    LiveHistory history;
    for (int i = 0; i < 10000; ++i) {
        const std::string name = bitnet::message("n", i);
        for (const char* const event : {"point", "stage", "gate", "tensor"}) history.add(event, point_at(name, i));
        history.add(std::string("other_") + std::string(static_cast<std::size_t>(i % 100), 'x'), Json::object());
    }
    CHECK(history.size() == 64 + 64 + 256 + 8192 + 32);
    history.add("end", Json::object());
    CHECK(history.size() == 64 + 64 + 256 + 8192 + 33);
    const std::size_t before = history.size();
    history.add("log", Json::object({{"text", std::string(LiveHistory::largest_frame, 'x')}}));
    CHECK(history.size() == before);
    const Json large = Json::object({{"name", "n"}, {"text", std::string(LiveHistory::largest_frame - 200, 'x')}});
    for (int i = 0; i < 2000; ++i) history.add("point", large);
    CHECK(all_of(history).size() <= LiveHistory::most_bytes);
    for (int i = 0; i < 300; ++i) history.add("gate", Json::object({{"name", "n0"}, {"step", i}}));
    CHECK(all_of(history).find("\"step\":299}") != std::string::npos);  // room is made before it is taken
}

TEST_CASE("a report of any size is kept") {
    LiveHistory history;
    history.add("end", Json::object({{"report", std::string(2 * LiveHistory::largest_frame, 'x')}}));
    CHECK(all_of(history).size() > 2 * LiveHistory::largest_frame);
}

TEST_CASE("numbers without a word in JSON and bytes that are no text are said in another way") {
    const Json value = Json::object({{"a", std::numeric_limits<double>::quiet_NaN()},
                                     {"b", Json::array({-std::numeric_limits<double>::infinity(), 1.5, true, nullptr})},
                                     {"c", "caf\xc3\xa9 \xff\x01!"}});
    CHECK(sayable(value) == Json::object({{"a", "nan"}, {"b", Json::array({"-inf", 1.5, true, nullptr})}, {"c", "caf\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd!"}}));
}

TEST_CASE("a name that would break the stream is refused, and so is what is no object") {
    LiveHistory history;
    CHECK_THROWS_WITH_AS(history.add("a\nb", Json::object()), "live event: the name must be of small letters and _, found \"a\\nb\"", bitnet::error);
    CHECK_THROWS_AS(history.add("", Json::object()), bitnet::error);
    CHECK_THROWS_WITH_AS(history.add("log", "text"), "log: expected an object, found \"text\"", bitnet::error);
    CHECK(history.size() == 0);
}
