/// Whether the output of a compression can be handed on: it is whole, its record is true, and what is to learn can learn.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/compress/float_rows.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/gate/gradient_flow.hpp>
#include <bitnet/model/companions.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/model/model_weights.hpp>
#include <bitnet/model/packed_model.hpp>
#include <bitnet/pipeline/check.hpp>
#include <bitnet/pipeline/file_list.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/pipeline/record_checks.hpp>
#include <bitnet/report/record.hpp>

namespace bitnet::inline BITNET_ABI {

struct HandOffOptions {
    bool gradient_flow = true;  ///< false: the backward pass is skipped; it takes 28 bytes a parameter and more
    GradientFlowOptions flow{};
};

namespace detail {

/// The output, as far as it can be opened, and what was found so far.
class HandOff {
public:
    HandOff(std::filesystem::path root, const HandOffOptions& options, Execution run) : root_(std::move(root)), options_(options), run_(run) {}

    std::vector<Check> run() {
        look("record", [&] { return record(); });
        look("files", [&] { return files(); });
        look("sizes", [&] { return sizes(); });
        look("packed_model", [&] { return packed_model(); });
        look("dense_model", [&] { return dense_model(); });
        look("counts", [&] { return counts(); });
        look("tensors", [&] { return tensors(); });
        look("tokenizer", [&] { return tokenizer(); });
        look("gates", [&] { return gates(); });
        look("gradient_flow", [&] { return gradients(); });
        return std::move(checks_);
    }

private:
    using State = Check::State;
    struct Found {
        State state;
        std::string sentence;
    };
    static Found passed(std::string sentence) { return {State::passed, std::move(sentence)}; }
    static Found skipped(std::string sentence) { return {State::skipped, std::move(sentence)}; }
    static Found found(const std::vector<std::string>& faults, std::string good) {
        Check made = check_of({}, faults, std::move(good));
        return {made.state, std::move(made.sentence)};
    }

    /// What the library refuses has failed, with its sentence.
    template <class Look>
    void look(std::string_view name, const Look& look_at) {
        Found seen;
        try {
            seen = look_at();
        } catch (const error& problem) {
            seen = {State::failed, problem.what()};
        } catch (const std::filesystem::filesystem_error& problem) {
            seen = {State::failed, problem.what()};
        }
        checks_.push_back({std::string(name), seen.state, std::move(seen.sentence)});
    }

    std::filesystem::path packed_path() const { return root_ / quantized_directory_name; }
    std::filesystem::path dense_path() const { return root_ / dequantized_directory_name; }
    /// Bytes that the record says a model has; nothing without a record.
    std::optional<double> recorded(std::string_view key) const { return record_ ? report::find_number(*record_, {key}) : std::nullopt; }

    Found record() {
        Json read = read_json_file(root_ / metadata_file_name);
        const std::vector<std::string> faults = record_faults(read);
        if (faults.empty()) record_ = std::move(read);
        return found(faults, message("all keys are there, with numbers in their ranges"));
    }

    Found files() {
        if (!record_) return skipped("the record cannot be used");
        const Json* const list = record_->find(files_key);
        if (list == nullptr) return skipped("the record lists no files: it was written before there were lists, and bytes cannot be checked");
        listed_ = listed_files(*list, message(metadata_file_name, ": ", files_key));
        std::uint64_t bytes = 0;
        for (const ListedFile& file : listed_) bytes += file.bytes;
        return found(file_faults(root_, listed_), message(listed_.size(), " files of together ", bytes, " bytes are what they were"));
    }

    /// Bytes of the weights in a directory; 0 where it is not there.
    static std::uint64_t bytes_of_weights(const std::filesystem::path& directory) {
        std::uint64_t sum = 0;
        if (!std::filesystem::is_directory(directory)) return sum;
        for (const auto& file : std::filesystem::directory_iterator(directory))
            if (file.path().extension() == ".safetensors" && file.is_regular_file()) sum += file.file_size();
        return sum;
    }
    Found sizes() const {
        if (!record_) return skipped("the record cannot be used");
        std::vector<std::string> faults;
        const double packed = static_cast<double>(bytes_of_weights(packed_path())), dense = static_cast<double>(bytes_of_weights(dense_path()));
        const auto expect = [&](std::string_view key, double there, std::string_view what) {
            if (*recorded(key) != there) faults.push_back(message(key, " is ", *recorded(key), ", ", what, " holds ", there, " bytes of weights"));
        };
        expect("quantized_bytes", packed, quantized_directory_name);
        expect("dequantized_bytes", dense, dequantized_directory_name);
        const double ratio = packed == 0 ? 0 : *recorded("original_bytes") / packed, said = *recorded("compression_ratio");
        if (std::abs(said - ratio) > 1e-9 * std::max(1.0, ratio))
            faults.push_back(message("compression_ratio is ", said, ", ", *recorded("original_bytes"), " bytes over ", packed, " are ", ratio));
        return found(faults, packed == 0 ? message("there is no packed model, and the ratio says 0") : message("the compression ratio is ", report::fixed(said, 2)));
    }

    /// Why there is nothing to open, or nothing: what was not written is skipped, what was lost has failed.
    std::optional<Found> absence(const std::filesystem::path& directory, std::string_view key, std::string_view knob) const {
        if (std::filesystem::is_directory(directory)) return std::nullopt;
        const double bytes = recorded(key).value_or(0);
        if (bytes > 0) return Found{State::failed, message(directory.filename().string(), " is missing, the record says that its weights have ", bytes, " bytes")};
        return skipped(message(directory.filename().string(), " was not written", record_ ? message(": ", knob, " is false") : ""));
    }

    Found packed_model() {
        if (auto none = absence(packed_path(), "quantized_bytes", "save_quantized")) return *none;
        if (std::filesystem::exists(packed_path() / config_file_name)) ModelWeights weights(packed_path());  // tensors against config.json
        PackedModel model(packed_path());
        std::uint64_t ternary = 0;
        for (const PackedTensor& tensor : model.tensors()) {
            if (tensor.kind == PackedKind::ternary) {
                count_codes(model.ternary(tensor, run_));
                ++ternary;
            } else if (tensor.kind != PackedKind::unchanged) {  // what nobody knows may hold anything
                require_finite_values(tensor.name, model.floats(tensor, run_));
            }
            model.release(tensor);
        }
        packed_.emplace(std::move(model));
        return passed(message(packed_->tensors().size(), " tensors, every code and scale of ", ternary, " ternary ones is valid"));
    }
    void count_codes(const TernaryPlanes& made) {
        std::vector<std::int8_t> codes(made.rows() == 0 ? 0 : made.cols());
        for (const TernaryTensor& plane : made.planes)
            for (std::size_t r = 0; r < (codes.empty() ? 0 : plane.rows()); ++r) {
                plane.codes_of_row(r, codes, run_);
                codes_ += codes.size();
                zeros_ += static_cast<std::uint64_t>(std::count(codes.begin(), codes.end(), std::int8_t{0}));
            }
    }
    static void require_finite_values(const std::string& name, const std::vector<float>& values) {
        const auto bad = std::find_if_not(values.begin(), values.end(), [](float value) { return is_finite(value); });
        if (bad != values.end()) throw error(errc::not_finite, message("tensor ", quote(name), ": the value at index ", bad - values.begin(), " is not finite"));
    }

    Found dense_model() {
        if (auto none = absence(dense_path(), "dequantized_bytes", "save_dequantized_fp16")) return *none;
        const bool generic = !std::filesystem::exists(dense_path() / config_file_name);
        ModelDir model(dense_path(), {.architecture = generic ? std::string(architecture::generic_name) : std::string()});
        for (const ModelTensor& tensor : model.tensors()) {
            if (!is_weight_type(tensor.dtype) || tensor.role == TensorRole::unknown) continue;
            std::vector<float> buffer;
            const TensorView view = model.view(tensor);
            const FloatRows rows(view, *run_.kernels);
            for (std::size_t r = 0; r < rows.rows(); ++r) rows.require_finite(r * rows.cols(), rows.row(r, buffer));
            model.release(tensor);
        }
        dense_.emplace(std::move(model));
        return passed(message(dense_->tensors().size(), " tensors, every weight is finite"));
    }

    Found counts() const {
        if (!record_) return skipped("the record cannot be used");
        std::vector<std::string> faults = count_faults(*record_);
        if (packed_) {
            const double zeros = codes_ == 0 ? 0 : static_cast<double>(zeros_) / static_cast<double>(codes_);
            if (std::abs(zeros - *recorded("sparsity_ratio")) > 1e-9)
                faults.push_back(message("sparsity_ratio is ", *recorded("sparsity_ratio"), ", of the packed codes ", zeros, " are zero"));
        }
        return found(faults, message(*recorded("quantized_params"), " of ", *recorded("total_params"), " parameters are ternary"));
    }

    using Shapes = std::map<std::string, Shape, std::less<>>;
    static void compare(const Shapes& a, std::string_view a_name, const Shapes& b, std::string_view b_name, std::vector<std::string>& faults) {
        for (const auto& [name, shape] : a) {
            const auto other = b.find(name);
            if (other == b.end())
                faults.push_back(message("tensor ", quote(name), " is in ", a_name, " and not in ", b_name));
            else if (other->second != shape)
                faults.push_back(message("tensor ", quote(name), " is ", to_string(shape), " in ", a_name, " and ", to_string(other->second), " in ", b_name));
        }
        for (const auto& [name, shape] : b)
            if (!a.contains(name)) faults.push_back(message("tensor ", quote(name), " is in ", b_name, " and not in ", a_name));
    }
    Shapes recorded_shapes() const {
        Shapes out;
        for (const Json& tensor : record_->at("tensors").as_array()) {
            Shape shape;
            for (const Json& extent : tensor.at("shape").as_array()) shape.push_back(static_cast<std::size_t>(extent.as_unsigned()));
            out.emplace(tensor.at("name").as_string(), std::move(shape));
        }
        return out;
    }
    Found tensors() const {
        std::vector<std::pair<std::string_view, Shapes>> all;
        if (packed_) {
            all.emplace_back(quantized_directory_name, Shapes());
            for (const PackedTensor& tensor : packed_->tensors()) all.back().second.emplace(tensor.name, tensor.original_shape());
        }
        if (dense_) {
            all.emplace_back(dequantized_directory_name, Shapes());
            for (const ModelTensor& tensor : dense_->tensors()) all.back().second.emplace(tensor.name, tensor.shape);
        }
        if (record_) all.emplace_back("the record", recorded_shapes());
        if (all.size() < 2) return skipped("there are no two lists of tensors to compare");
        std::vector<std::string> faults;
        for (std::size_t i = 1; i < all.size(); ++i) compare(all[0].second, all[0].first, all[i].second, all[i].first, faults);
        return found(faults, message("the same ", all[0].second.size(), " everywhere"));
    }

    Found tokenizer() const {
        std::vector<std::filesystem::path> directories;
        for (const auto& path : {packed_path(), dense_path()})
            if (std::filesystem::is_directory(path)) directories.push_back(path);
        std::set<std::string> names;
        for (const auto& path : directories)
            for (std::string& name : companion_files(path)) names.insert(std::move(name));
        for (const ListedFile& file : listed_)  // what is gone from both
            if (const std::filesystem::path path(file.path); path.extension() != ".safetensors" && path.filename() != config_file_name &&
                                                                         (path.parent_path() == quantized_directory_name || path.parent_path() == dequantized_directory_name))
                names.insert(path.filename().string());
        if (names.empty()) return skipped("there are no tokenizer files");
        std::vector<std::string> faults;
        for (const std::string& name : names) {
            std::set<std::string> contents;
            for (const auto& path : directories) {
                if (std::filesystem::is_regular_file(path / name))
                    contents.insert(sha256_of_file(path / name));
                else
                    faults.push_back(message((path.filename() / name).string(), " is missing"));
            }
            if (contents.size() > 1) faults.push_back(message(name, " of ", quantized_directory_name, " and of ", dequantized_directory_name, " differ"));
        }
        return found(faults, message(names.size(), names.size() == 1 ? " file, the same" : " files, the same", " wherever there is a model"));
    }

    Found gates() const {
        if (!record_) return skipped("the record cannot be used");
        std::vector<std::string> faults;
        const Json::Array& all = report::find_items(*record_, {"gates"});
        if (all.empty()) return skipped("the record has no gates");
        std::size_t blind = 0;
        for (const Json& gate : all) blind += report::find_text(gate, {"state"}) == "not measured";
        for (const Json& gate : all)
            if (report::find_text(gate, {"state"}) == "failed") faults.push_back(message(report::find_text(gate, {"name"}), ": ", report::find_text(gate, {"sentence"})));
        return found(faults, message("none of ", all.size(), " failed when the model was made", blind == 0 ? "" : message(", ", blind, " not measured")));
    }

    Found gradients() const {
        if (!options_.gradient_flow) return skipped("nobody asked for it");
        if (!dense_) return skipped(message("there is no ", dequantized_directory_name, " that opens"));
        if (!dense_->config()) return skipped("of a generic architecture no forward pass is known");
        try {
            const ModelWeights weights(dense_path());
            const GradientFlow flow = gradient_flow(weights.config(), read_parameters<float>(weights, run_), options_.flow, run_.threads);
            if (!flow.passed()) return {State::failed, flow.error()};
            return passed(message("every one of ", flow.tensors.size(), " tensors gets a gradient that differences confirm"));
        } catch (const error& problem) {
            if (problem.code() != errc::unsupported) throw;
            return skipped(message("the model cannot run here: ", problem.what()));
        }
    }

    std::filesystem::path root_;
    HandOffOptions options_;
    Execution run_;
    std::vector<Check> checks_{};
    std::optional<Json> record_{};  // without faults
    std::vector<ListedFile> listed_{};
    std::optional<PackedModel> packed_{};
    std::optional<ModelDir> dense_{};
    std::uint64_t codes_ = 0, zeros_ = 0;
};

}  // namespace detail

/// Everything about an output that can be checked without the original and without a text, in a fixed order:
///
///     record         compression_metadata.json has its keys, and numbers in their ranges
///     files          every file that it lists is there, of its size and its SHA-256
///     sizes          bytes of the weights and the compression ratio are those of the files
///     packed_model   quantized/ opens, every code and scale is valid, every other weight finite
///     dense_model    dequantized/ opens, every weight is finite
///     counts         sums of the record are those of its tensors, zeros those of the packed codes
///     tensors        both models and the record have the same tensors of the same shapes
///     tokenizer      its files stand beside both models, with the same bytes
///     gates          none failed when the model was made
///     gradient_flow  a backward pass through dequantized/, held against finite differences: see gradient_flow()
///
/// A model that was not written is skipped, as is what the record does not say.
/// Errors  errc::missing for a path that holds neither a record nor one of the two models
inline std::vector<Check> check_hand_off(const std::filesystem::path& root, const HandOffOptions& options = {}, Execution run = execution()) {
    const auto there = [&](std::string_view name) { return std::filesystem::exists(root / name); };
    if (!there(metadata_file_name) && !there(quantized_directory_name) && !there(dequantized_directory_name))
        throw error(errc::missing, message(root.string(), ": no output of a compression: none of ", metadata_file_name, ", ", quantized_directory_name, ", ",
                                           dequantized_directory_name));
    return detail::HandOff(root, options, run).run();
}

}  // namespace bitnet::inline BITNET_ABI
