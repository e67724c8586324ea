/// Everything that a run's next step depends on, as a value and as a file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/safetensors.hpp>
#include <bitnet/io/safetensors_writer.hpp>

namespace bitnet::inline BITNET_ABI {

/// The fields of a trainer, or of anything else with each_field(f), by their names.
template <class Values>
struct StateFields {
    std::map<std::string, Values> tensors{};
    std::map<std::string, std::uint64_t> words{};

    template <class State>
    static StateFields of(State& state) {
        StateFields out;
        state.each_field(Saver{out});
        return out;
    }
    /// Fills the state. Errors  errc::missing and errc::bad_shape name the field; `origin` is whose it should be
    template <class State>
    void restore(State& state, std::string_view origin) const {
        state.each_field(Restorer{*this, origin});
    }
    bool operator==(const StateFields&) const = default;

private:
    struct Saver {
        StateFields& to;
        void operator()(const std::string& name, std::span<float> values) const { to.tensors[name] = Values(values.begin(), values.end()); }
        void operator()(const std::string& name, std::uint64_t& word) const { to.words[name] = word; }
    };
    struct Restorer {
        const StateFields& from;
        std::string_view origin;

        template <class Map>
        const auto& find(const Map& map, const std::string& name) const {
            const auto found = map.find(name);
            if (found == map.end())
                throw error(errc::missing, message(origin, ": ", name, " is missing; this is a checkpoint of another model or optimizer"));
            return found->second;
        }
        void operator()(const std::string& name, std::span<float> values) const {
            const Values& saved = find(from.tensors, name);
            if (saved.size() != values.size())
                throw error(errc::bad_shape, message(origin, ": ", name, " has ", saved.size(), " values, expected ", values.size(),
                                                     "; this is a checkpoint of another model or optimizer"));
            std::ranges::copy(saved, values.begin());
        }
        void operator()(const std::string& name, std::uint64_t& word) const { word = find(from.words, name); }
    };
};

using Snapshot = StateFields<std::vector<float>>;
using StateViews = StateFields<std::span<const float>>;  ///< of a state that lives on: no second copy in memory

/// What a checkpoint file holds: the run as it stands, the best that it has seen, and what a person or a program wants to know.
struct Checkpoint {
    Snapshot now{};
    std::optional<Snapshot> best{};
    Json about{};  ///< an object
};

namespace detail {
inline constexpr std::string_view best_prefix = "best.";
}

/// Replaces the file whole or not at all: a kill at any moment leaves the old one or the new one.
/// Errors  errc::io with path and reason; the old file is then as it was, and nothing else is left
template <class Values>
void write_checkpoint(const std::filesystem::path& path, const StateFields<Values>& now, const std::optional<Snapshot>& best, const Json& about) {
    const auto each_part = [&](auto&& visit) {
        visit(std::string_view(), now);
        if (best) visit(detail::best_prefix, *best);
    };
    std::vector<PlannedTensor> plan;
    each_part([&](std::string_view prefix, const auto& part) {
        for (const auto& [name, values] : part.tensors) plan.push_back({std::string(prefix) + name, DType::F32, {values.size()}});
        for (const auto& [name, word] : part.words) plan.push_back({std::string(prefix) + name, DType::U64, {}});
    });
    const std::filesystem::path partial = path.string() + ".partial";
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);  // of a run that was killed
    try {
        SafetensorsWriter writer(partial, std::move(plan), {{"bitnet.checkpoint", to_text(about)}});
        each_part([&](std::string_view prefix, const auto& part) {
            for (const auto& [name, values] : part.tensors) writer.write(std::string(prefix) + name, std::as_bytes(std::span(values)));
            for (const auto& [name, word] : part.words) writer.write(std::string(prefix) + name, std::as_bytes(std::span(&word, 1)));
        });
        writer.finish();
        detail::rename_or_throw(partial, path);
        detail::sync_path(path.parent_path().empty() ? "." : path.parent_path());
    } catch (...) {
        std::filesystem::remove(partial, ignored);
        throw;
    }
}

/// Errors  those of SafetensorsFile; errc::bad_value for a file that is no checkpoint
inline Checkpoint read_checkpoint(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    const auto about = file.metadata().find("bitnet.checkpoint");
    if (about == file.metadata().end()) throw error(errc::bad_value, message(path.string(), ": is no checkpoint of a training run"));
    Checkpoint out;
    out.about = parse_json(about->second, message(path.string(), ": metadata"));
    for (const TensorEntry& entry : file.tensors()) {
        const bool best = entry.name.starts_with(detail::best_prefix);
        if (best && !out.best) out.best.emplace();
        Snapshot& part = best ? *out.best : out.now;
        const std::string name = best ? entry.name.substr(detail::best_prefix.size()) : entry.name;
        const std::span<const std::byte> bytes = file.view(entry).bytes;
        if (entry.dtype == DType::U64 && bytes.size() == sizeof(std::uint64_t)) {
            std::memcpy(&part.words[name], bytes.data(), bytes.size());
        } else if (entry.dtype == DType::F32) {
            std::vector<float>& values = part.tensors[name];
            values.resize(bytes.size() / sizeof(float));
            if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
        } else {
            throw error(errc::bad_value, message(path.string(), ": tensor ", detail::quote(entry.name), ": ", name_of(entry.dtype),
                                                 " in a checkpoint"));
        }
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
