#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include <bitnet/pipeline/metadata.hpp>

#include "compressing.hpp"
#include "profiling.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

double number(const Json& record, const char* key) { return record.at(key).as_double(key); }
unsigned long long count(const Json& record, const char* key) { return record.at(key).as_unsigned(key); }

std::string table_of(const Json& record) {
    Table table({"tensor", "shape", "kept as", "bits", "zeros", "rel.error", "SQNR dB", "ms"});
    for (const Json& tensor : record.at("tensors").as_array()) {
        Shape shape;
        for (const Json& extent : tensor.at("shape").as_array()) shape.push_back(extent.as_unsigned());
        const Json* const lost = tensor.find("distortion");
        const auto of = [&](const char* key, double unit, int digits) {
            return lost == nullptr || !lost->at(key).is_number() ? std::string(lost == nullptr ? "" : "inf") : fixed(unit * number(*lost, key), digits);
        };
        const std::string zeros = of("zeros", 100, 1);
        table.add({tensor.at("name").as_string(), to_string(shape), tensor.at("treatment").as_string(), fixed(number(tensor, "bits_per_weight"), 2),
                   zeros.empty() ? "" : zeros + " %", of("relative_error", 1, 4), of("sqnr_db", 1, 2), fixed(1000 * number(tensor, "seconds"), 1)});
    }
    return table.text();
}

/// Perplexity of the original, of its rounded weights and of what was learned.
void print_learning(const Json& report) {
    std::printf("quality     perplexity %.4f of the original, %.4f rounded", number(report, "pre_perplexity"), number(report, "post_compression_perplexity"));
    if (const Json* const calibration = report.find("calibration"))
        std::printf(" and calibrated with %llu tokens in %.1f s", count(*calibration, "tokens"), number(*calibration, "seconds"));
    if (report.at("fine_tuned").as_bool()) {
        const unsigned long long steps = count(report.at("training"), "steps_completed");
        std::printf(", %.4f after %llu step%s of learning", number(report.at("training"), "best_perplexity"), steps, steps == 1 ? "" : "s");
    }
    std::puts("");
    if (const Json* const calibration = report.find("calibration"); calibration != nullptr && calibration->find("warning") != nullptr)
        std::printf("note        %s\n", calibration->at("warning").as_string().c_str());
    if (const Json* const dataset = report.find("dataset"))
        for (const Json& note : dataset->at("notes").as_array()) std::printf("note        %s\n", note.as_string().c_str());
}

void print_measured(const Json& record) {
    const auto told = [](const Json& of, const char* key, double unit, int digits) {
        return of.at(key).is_number() ? fixed(unit * number(of, key), digits) : std::string("not finite");
    };
    const Json& agreement = record.at("agreement");
    std::printf("measured    on the files: perplexity %s -> %s (%s %% more), %s nats a token from the original, the same first choice for %s %%\n",
                told(record.at("quality"), "pre_perplexity", 1, 4).c_str(), told(record.at("quality"), "post_perplexity", 1, 4).c_str(),
                told(record.at("quality"), "perplexity_degradation", 100, 2).c_str(), told(agreement, "mean_divergence", 1, 4).c_str(), told(agreement, "top1_agreement", 100, 1).c_str());
    if (agreement.find("dequantization_accuracy") != nullptr)
        std::printf("            packed and FP16 model agree to %s %%, int8 activations to %s %%\n", told(agreement, "dequantization_accuracy", 100, 3).c_str(),
                    told(agreement, "int8_accuracy", 100, 2).c_str());
    if (const Json* const elsewhere = record.find("out_of_domain"))
        std::printf("            on %s: perplexity %s -> %s\n", elsewhere->at("name").as_string().c_str(), told(*elsewhere, "pre_perplexity", 1, 2).c_str(),
                    told(*elsewhere, "post_perplexity", 1, 2).c_str());
}

void print_gates(const Json& record) {
    const char* title = "gates";
    for (const Json& gate : record.at("gates").as_array())
        std::printf("%-11s %-12s %s: %s\n", std::exchange(title, ""), gate.at("state").as_string().c_str(), gate.at("name").as_string().c_str(),
                    gate.at("sentence").as_string().c_str());
    const Json::Array& rungs = record.at("rungs").as_array();
    if (rungs.size() < 2) return;
    Table table({"tried", "degradation %", "ratio", "gates failed", "s", "kept"});
    for (const Json& rung : rungs)
        table.add({rung.at("name").as_string(), rung.find("degradation") == nullptr ? "" : fixed(100 * number(rung, "degradation"), 2),
                   rung.find("ratio") == nullptr ? "" : fixed(number(rung, "ratio"), 2), std::to_string(count(rung, "failed")), fixed(number(rung, "seconds"), 1),
                   rung.find("kept") == nullptr ? "" : "kept"});
    std::printf("\n%s\n", table.text().c_str());
}

/// Seconds of the job, and of its stages where they are told.
std::string time_text(const Json& record) {
    const Json* const timing = record.find("timing");
    std::string stages;
    double all = 0;
    if (timing != nullptr)
        for (const auto& [name, seconds] : timing->as_object()) {
            all += seconds.as_double();
            stages += (stages.empty() ? ": " : ", ") + name + " " + fixed(seconds.as_double(), 2);
        }
    return fixed(timing == nullptr ? number(record, "seconds") : all, 2) + " s with " + record.at("kernels").as_string() + " kernels" + stages;
}

}  // namespace

void print_record(const Json& record) {
    const Json& lost = record.at("distortion");
    const Json* const learning = record.find("fine_tuning");
    std::printf("%s\n", table_of(record).c_str());
    std::printf("ternary     %llu of %llu parameters (%.1f %%) in %llu tensors, %llu tensors kept\n", count(record, "quantized_params"), count(record, "total_params"),
                100.0 * number(record, "quantized_params") / std::max(1.0, number(record, "total_params")), count(record, "layers_quantized"), count(record, "layers_preserved"));
    std::printf("codes       %.1f %% -1, %.1f %% 0, %.1f %% +1\n", 100 * number(lost, "minus"), 100 * number(lost, "zeros"), 100 * number(lost, "plus"));
    if (learning != nullptr && learning->at("fine_tuned").as_bool())
        std::puts("error       none against the weights that were learned: they are codes times scales");
    else
        std::printf("error       |W'-W|/|W| = %.3f, SQNR %s dB, cosine %.3f\n", number(lost, "relative_error"),
                    lost.at("sqnr_db").is_number() ? fixed(number(lost, "sqnr_db"), 2).c_str() : "inf", number(lost, "cosine"));
    if (count(record, "quantized_bytes") != 0)
        std::printf("size        %s at FP32 -> %s packed, ratio %.2f (a %s model aims at %.1f)\n", bytes_text(count(record, "original_bytes")).c_str(),
                    bytes_text(count(record, "quantized_bytes")).c_str(), number(record, "compression_ratio"), record.at("size_category").as_string().c_str(),
                    number(record, "target_compression_ratio"));
    if (const Json* const search = record.find("search")) std::printf("search      %s\n", search_text(*search).c_str());
    if (learning != nullptr && learning->find("post_compression_perplexity") != nullptr) print_learning(*learning);
    if (record.find("quality") != nullptr) print_measured(record);
    if (record.find("gates") != nullptr) print_gates(record);
    if (const Json* const profile = record.find("profile")) std::printf("\n%s", profile_text(*profile).c_str());
    std::printf("time        %s\n", time_text(record).c_str());
    for (const Json& tensor : record.at("tensors").as_array())
        if (const Json* const note = tensor.find("note")) std::printf("note        %s: %s\n", tensor.at("name").as_string().c_str(), note->as_string().c_str());
    for (const Json& note : record.at("notes").as_array()) std::printf("note        %s\n", note.as_string().c_str());
}

}  // namespace cli
