#include "learning.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <bitnet/calibrate/dataset.hpp>
#include <bitnet/calibrate/token_cache.hpp>
#include <bitnet/infer/self_text.hpp>
#include <bitnet/model/companions.hpp>
#include <bitnet/pipeline/registry.hpp>

#include "kept_stages.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// A line of token ids for each text.
std::string lines_of(const Documents& texts) {
    std::string out;
    for (const auto& text : texts) {
        for (const std::uint32_t id : text) out += message(id, " ");
        out += '\n';
    }
    return out;
}

/// Texts number `from` to `to`, from `kept` where they stand there.
Documents spoken_by(const ModelWeights& speaker, const std::filesystem::path& tokenizer, std::size_t from, std::size_t to, const LearningOptions& learning,
                    Execution run, bool quiet, const std::filesystem::path& kept) {
    const std::optional<std::uint32_t> first = open_tokenizer(tokenizer, speaker.config()).bos();
    if (!first) throw error(errc::missing, message(tokenizer.string(), ": the tokenizer names no token that begins a text; use --text"));
    SelfTextOptions self{.texts = to - from, .first = *first, .seed = learning.seed, .from = from};
    self.tokens = learning.context != 0 ? learning.context : std::min<std::size_t>(256, speaker.config().max_positions);
    std::filesystem::path file;
    if (!kept.empty()) {
        const Json about = Json::object({{"from", from}, {"texts", self.texts}, {"tokens", self.tokens}, {"first", self.first}, {"seed", self.seed}, {"weights", weights_sha256(speaker.path())}, {"model", speaker.config().json}, {"bitnet_version", BITNET_VERSION}});
        file = KeptStages{kept, about}.name_of("texts", ".txt");
        if (std::filesystem::exists(file)) return read_documents({{file}, "ids"}, {});
    }
    const Transformer model(speaker, ActivationPrecision::fp32, run);
    Progress progress("self-text", quiet);
    Documents out = self_text(model, self, run, [&](std::size_t done, std::size_t all) {
        progress.update(static_cast<double>(done) / static_cast<double>(all), message(done, " of ", all, " texts"));
    });
    keep_stage(file, lines_of(out));
    return out;
}

/// Windows of a dataset, or of what stands in for it; `spoken` becomes how many texts the model is to write itself where none is there.
Lesson from_dataset(const LessonOptions& options, const std::filesystem::path& directory, const Tokenizer& tokenizer, std::uint64_t seed,
                    std::size_t& spoken) {
    const DatasetChoice choice = choose_dataset(options.datasets, options.dataset);
    Lesson out;
    out.dataset = Json::object({{"wanted", options.dataset}, {"name", choice.name}, {"cached", false}});
    Json::Array notes;
    const auto note = [&](std::string text) {
        if (!text.empty()) notes.emplace_back(std::move(text));
    };
    note(choice.note(options.datasets));
    if (choice.files.empty()) {
        spoken = options.samples;
    } else {
        std::vector<std::filesystem::path> tokenizer_files;
        for (const std::string& name : companion_files(directory)) tokenizer_files.push_back(directory / name);
        CachedTokens tokens = windows_of(choice.files, tokenizer, tokenizer_files, options.cache.empty() ? options.datasets / ".bitnet_cache" : options.cache,
                                         {.samples = options.samples, .tokens = options.sample_tokens, .field = options.field, .seed = seed});
        note(std::move(tokens.note));
        out.dataset.set("cached", tokens.from_cache);
        out.text = std::move(tokens.windows);
    }
    out.dataset.set("notes", Json::array(std::move(notes)));
    return out;
}

}  // namespace

void add_lesson(CLI::App& app, LessonOptions& options) {
    CLI::Option* const text = add_texts(app, options.text);
    app.add_option("--eval-text", options.validation, "text that perplexity is measured on; default: one document in twenty");
    app.add_option("--self-text", options.self_text, "learn from so many texts that the teacher writes, instead of --text")
        ->check(CLI::Range(2, 1 << 30))->excludes(text);
}

Lesson make_lesson(const LessonOptions& options, const std::filesystem::path& tokenizer, const ModelConfig& config,
                   const ModelWeights* speaker, const LearningOptions& learning, Execution run, bool quiet, const std::filesystem::path& kept) {
    const auto opened = [&] { return open_tokenizer(tokenizer, config); };
    Lesson out;
    std::size_t spoken = options.self_text;
    if (!options.datasets.empty()) out = from_dataset(options, tokenizer, opened(), learning.seed, spoken);
    if (spoken != 0) {
        opened();  // one that is not the model's is found before minutes of writing
        out.text = spoken_by(*speaker, tokenizer, 0, spoken, learning, run, quiet, kept);
    } else if (options.datasets.empty()) {
        out.text = read_documents(options.text, opened);
    }
    if (!options.validation.empty()) {
        out.validation = read_documents({options.validation, options.text.split}, opened);
        return out;
    }
    if (out.text.size() < 2) throw error(errc::bad_value, "the text is one document: name another for validation with --eval-text");
    const std::size_t all = out.text.size(), held = std::clamp<std::size_t>(all / 20, 1, 256);
    for (std::size_t i = 0; i < held; ++i) {  // evenly spread; removed from behind, so that places stay what they are
        const std::size_t place = options.datasets.empty() ? (held - 1 - i) * all / held : all - 1 - i;  // windows of a document stay together
        out.validation.push_back(std::move(out.text[place]));
        out.text.erase(out.text.begin() + static_cast<std::ptrdiff_t>(place));
    }
    return out;
}

void extend_lesson(Lesson& lesson, const LessonOptions& options, const std::filesystem::path& tokenizer, const ModelWeights& speaker, const LearningOptions& learning,
                   std::size_t from, std::size_t to, Execution run, bool quiet, const std::filesystem::path& kept) {
    if (options.self_text == 0) return;
    Documents more = spoken_by(speaker, tokenizer, from * options.self_text, to * options.self_text, learning, run, quiet, kept);
    lesson.text.insert(lesson.text.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace cli
