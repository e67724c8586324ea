/// Runs the built program as somebody would who types its name.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <bitnet/io/json.hpp>
#include <bitnet/model/random_model.hpp>

#include <support/temp_dir.hpp>
#include <unit/io/child_process.hpp>

namespace bitnet_test {

using Arguments = std::vector<std::string>;

/// Starts the program; `before` is done in its process first. 126: `before` returned false; 127: it cannot be run.
inline pid_t start_program(const Arguments& arguments, int out, int err, const std::function<bool()>& before = {}) {
    return start_child([&] {
        std::string program = BITNET_PROGRAM;
        std::vector<std::string> words = arguments;
        std::vector<char*> argv{program.data()};
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        if (before && !before()) return 126;
        ::dup2(out, STDOUT_FILENO);
        ::dup2(err, STDERR_FILENO);
        ::execv(program.c_str(), argv.data());
        return 127;
    });
}

struct Finished {
    int status = -1;
    std::string out, err;
};

inline std::string whole(std::FILE* file) {
    std::string text;
    std::rewind(file);
    for (int letter = std::fgetc(file); letter != EOF; letter = std::fgetc(file)) text += static_cast<char>(letter);
    std::fclose(file);
    return text;
}

inline Finished run_program(const Arguments& arguments, const std::function<bool()>& before = {}) {
    std::FILE* const out = std::tmpfile();
    std::FILE* const err = std::tmpfile();
    REQUIRE(out != nullptr);
    REQUIRE(err != nullptr);
    Finished result;
    result.status = end_of(start_program(arguments, ::fileno(out), ::fileno(err), before));
    result.out = whole(out);
    result.err = whole(err);
    return result;
}

/// What a command that must succeed says on standard output with --json.
inline bitnet::Json json_of(Arguments arguments) {
    for (const char* const option : {"--json", "-q"})
        if (std::find(arguments.begin(), arguments.end(), option) == arguments.end()) arguments.emplace_back(option);
    const Finished result = run_program(arguments);
    INFO(result.err);
    REQUIRE(result.status == 0);
    CHECK(result.err.empty());
    return bitnet::parse_json(result.out, "standard output");
}

inline bool says(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

inline std::set<std::string> names_in(const std::filesystem::path& directory) {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) out.insert(entry.path().filename());
    return out;
}

/// Runs a command that must be refused: status 1, nothing on standard output, one line on standard error, which is
/// returned without the program's name.
inline std::string refusal_of_program(const Arguments& arguments, const std::function<bool()>& before = {}) {
    const Finished result = run_program(arguments, before);
    CHECK(result.status == 1);
    CHECK(result.out.empty());
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.err.ends_with('\n'));
    REQUIRE(result.err.starts_with("bitnet: "));
    return result.err.substr(8, result.err.size() - 9);
}

/// Lines of token ids below 40, a document a line, which a model can learn something from.
inline std::string id_documents(int documents, int tokens) {
    std::string text;
    for (int document = 0; document < documents; ++document) {
        for (int i = 0; i < tokens; ++i) text += std::to_string((document * 7 + i * (1 + document % 5)) % 40) + " ";
        text += "\n";
    }
    return text;
}

/// A directory with a random model in `model`, to be damaged, and a place for the output.
struct Workplace {
    explicit Workplace(const bitnet::RandomModel& made = {.vocab_size = 40, .hidden_size = 16, .intermediate_size = 24,
                                                          .layers = 1, .max_positions = 16}) {
        bitnet::write_random_model(model(), made);
    }
    std::filesystem::path model() const { return dir / "model"; }
    std::filesystem::path weights() const { return model() / "model.safetensors"; }
    std::filesystem::path out() const { return dir / "out"; }
    Arguments compress(const Arguments& more = {}) const {
        Arguments all{"compress", model(), "-o", out(), "-q"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    /// The sentence with which `compress` refuses the model, after which nothing new must lie beside it.
    std::string refusal(const Arguments& more = {}) const {
        const auto before = names_in(dir.path());
        const std::string what = refusal_of_program(compress(more));
        CHECK(names_in(dir.path()) == before);
        return what;
    }
    TempDir dir;
};

}  // namespace bitnet_test
