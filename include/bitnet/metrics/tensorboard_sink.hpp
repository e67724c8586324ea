/// Metrics as a TensorBoard event file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/append_file.hpp>
#include <bitnet/metrics/checked.hpp>
#include <bitnet/metrics/metric_sink.hpp>
#include <bitnet/metrics/protobuf_writer.hpp>
#include <bitnet/metrics/tfrecord.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Event {wall_time 1, step 2, and one of its oneof}.
inline ProtobufWriter tensorboard_event(double wall_time, std::int64_t step) {
    ProtobufWriter out;
    out.number(1, wall_time);
    if (step != 0) out.integer(2, step);
    return out;
}

/// Summary {Value {tag 1, tensor 8, metadata 9 {plugin_data 1 {plugin_name 1, content 2}, data_class 4: tensor}}}.
inline ProtobufWriter tensorboard_tensor(std::string_view tag, std::string_view plugin, std::string_view content,
                                         const ProtobufWriter& tensor) {
    ProtobufWriter data;
    data.bytes(1, plugin);
    if (!content.empty()) data.bytes(2, content);
    const auto metadata = ProtobufWriter().message(1, data).integer(4, 2);
    return ProtobufWriter().message(1, ProtobufWriter().bytes(1, tag).message(8, tensor).message(9, metadata));
}

/// What the hparams plugin reads: everything in the metadata, beside a tensor of no numbers.
inline ProtobufWriter tensorboard_hparams(std::string_view tag, const ProtobufWriter& plugin_data) {
    const auto no_numbers = ProtobufWriter().message(2, ProtobufWriter());  // TensorShapeProto {dim 2 {size: 0}}
    return tensorboard_tensor(tag, "hparams", plugin_data.text(),
                              ProtobufWriter().integer(1, 1).message(2, no_numbers));
}

/// SessionStartInfo's hparams 1, a map from flattened keys to google.protobuf.Value. Arrays and empty objects are JSON.
inline void append_hparams(ProtobufWriter& out, const std::string& key, const Json& value) {
    if (value.is_object() && !value.as_object().empty()) {
        for (const auto& [name, member] : value.as_object())
            append_hparams(out, key.empty() ? name : message(key, ".", name), member);
        return;
    }
    if (key.empty()) return;  // a configuration without entries
    ProtobufWriter held;
    if (value.is_null())
        held.integer(1, 0);
    else if (value.is_number())
        held.number(2, value.as_double());
    else if (value.is_bool())
        held.integer(4, value.as_bool() ? 1 : 0);
    else
        held.bytes(3, value.is_string() ? value.as_string() : to_text(finite_json(value), -1));
    check_utf8(key, "key of a configuration");
    if (value.is_string()) check_utf8(value.as_string(), key);
    out.message(1, ProtobufWriter().bytes(1, key).message(2, held));
}

/// The nearest float, infinite beyond the largest.
inline float nearest_float(double value) noexcept {
    constexpr double most = std::numeric_limits<float>::max();
    if (is_finite(value) && value > most) return std::numeric_limits<float>::infinity();
    if (is_finite(value) && value < -most) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(value);
}

/// This machine's name, as it can stand in a file's.
inline std::string host_name() {
    std::array<char, 256> text{};
    if (::gethostname(text.data(), text.size() - 1) != 0 || text[0] == '\0') return "localhost";
    std::string out = text.data();
    for (char& letter : out)
        if (letter == '/' || letter <= ' ') letter = '_';
    return out;
}

}  // namespace detail

/// Writes an event file into a directory, which it makes: one run of `tensorboard --logdir <the directory above>`.
/// Its name is `events.out.tfevents.<start, 10 digits>.<host>.<process>.<counter>`. Every record is out before the call returns.
///
/// Points are scalars of 32 bits: TensorBoard knows no others. Texts are of its text plugin. The configuration is the
/// run's hyper-parameters, nested keys as `a.b`; with the run's end they say whether it succeeded. The end's summary has
/// no place in an event file. Another run in the same directory continues this one: where the step of a name
/// falls, TensorBoard drops what it had from there on.
///
/// Errors  of begin(): errc::io when directory or file cannot be made; of all: errc::io when the file cannot be written,
///         errc::bad_value for records that check_record() refuses
/// Source  tensorboard, compat/proto/*.proto and plugins/hparams/plugin_data.proto
class TensorBoardSink {
public:
    static constexpr std::string_view name = "tensorboard";

    explicit TensorBoardSink(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// The event file of the run that was begun.
    const std::filesystem::path& path() const noexcept { return file_.path(); }

    void begin(const MetricRun& run) {
        check_record(run);
        ProtobufWriter start;
        detail::append_hparams(start, "", run.config);
        start.number(5, run.start_time);
        make_directories(directory_);
        file_ = create(run.start_time);
        write(detail::tensorboard_event(run.start_time, 0).bytes(3, "brain.Event:2"));
        write_summary(run.start_time, 0,
                      detail::tensorboard_hparams("_hparams_/session_start_info", ProtobufWriter().message(3, start)));
    }
    void point(const MetricPoint& point) {
        check_record(point);
        const auto value = ProtobufWriter().bytes(1, point.name).number(2, detail::nearest_float(point.value));
        write_summary(point.wall_time, point.step, ProtobufWriter().message(1, value));
    }
    void text(const MetricText& text) {
        check_record(text);
        // TensorProto {dtype 1: string, tensor_shape 2: of rank 0, string_val 8}
        const auto tensor = ProtobufWriter().integer(1, 7).message(2, ProtobufWriter()).bytes(8, text.text);
        write_summary(text.wall_time, text.step, detail::tensorboard_tensor(text.name, "text", "", tensor));
    }
    void end(const MetricEnd& end) {
        check_record(end);
        const auto info = ProtobufWriter().integer(1, end.exit_code == 0 ? 1 : 2).number(2, end.wall_time);
        write_summary(end.wall_time, 0,
                      detail::tensorboard_hparams("_hparams_/session_end_info", ProtobufWriter().message(4, info)));
        file_.close();
    }

private:
    AppendFile create(double start_time) const {
        std::string seconds = std::to_string(static_cast<std::int64_t>(start_time));
        seconds.insert(0, 10 - seconds.size(), '0');
        for (int counter = 0;; ++counter) {
            auto file = AppendFile::create(directory_ / message("events.out.tfevents.", seconds, ".",
                                                                detail::host_name(), ".", ::getpid(), ".", counter));
            if (file) return std::move(*file);
        }
    }
    void write_summary(double wall_time, std::int64_t step, const ProtobufWriter& summary) {
        write(detail::tensorboard_event(wall_time, step).message(5, summary));
    }
    void write(const ProtobufWriter& event) { file_.append(tfrecord(event.text())); }

    std::filesystem::path directory_;
    AppendFile file_;
};

}  // namespace bitnet::inline BITNET_ABI
