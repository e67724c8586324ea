#include "profiling.hpp"

#include <utility>

#include <bitnet/core/dtype.hpp>
#include <bitnet/eval/machine_speed.hpp>
#include <bitnet/report/record.hpp>

#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// amount a second; 0 where the clock did not move.
double rate(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

Json stages_of(const Json& record, const Json& products, const MachineSpeed& machine) {
    Json::Array out;
    for (const auto& [name, seconds] : record.at("timing").as_object()) {
        const Json* const made = products.find(name);
        const double multiplied = made == nullptr ? 0 : made->as_double(), speed = rate(multiplied, seconds.as_double());
        out.push_back(Json::object({{"name", name}, {"seconds", seconds}, {"gflop", 2e-9 * multiplied}, {"gflop_per_s", 2e-9 * speed}, {"share_of_peak", speed / machine.fp32_products}}));
    }
    return Json::array(std::move(out));
}

/// What a tensor's compression read, from the original or what became of it, and wrote into both models.
double bytes_moved(const Json& row, bool packed, bool dense) {
    double weights = 1;
    for (const Json& extent : row.at("shape").as_array()) weights *= extent.as_double();
    const double read = static_cast<double>(bits_of(dtype_named(row.at("dtype").as_string()).value())) / 8;
    return weights * read + (packed ? row.at("stored_bytes").as_double() : 0) + (dense ? 2 * weights : 0);
}

Json tensors_of(const Json& record, const MachineSpeed& machine) {
    const bool packed = record.at("quantized_bytes").as_double() > 0, dense = record.at("dequantized_bytes").as_double() > 0;
    Json::Array out;
    for (const Json& row : record.at("tensors").as_array()) {
        const double bytes = bytes_moved(row, packed, dense), speed = rate(bytes, row.at("seconds").as_double());
        out.push_back(Json::object({{"name", row.at("name")}, {"bytes", bytes}, {"seconds", row.at("seconds")}, {"gb_per_s", 1e-9 * speed}, {"share_of_read", speed / machine.read_bytes}}));
    }
    return Json::array(std::move(out));
}

}  // namespace

Json profile_of(const Json& record, const Json& products, unsigned threads) {
    const MachineSpeed machine = machine_speed(threads);
    return Json::object({{"machine", Json::object({{"threads", machine.threads}, {"gb_per_s", 1e-9 * machine.read_bytes}, {"gflop_per_s", 2e-9 * machine.fp32_products},
                                                   {"instructions", machine.fp32_instructions}})},
                         {"stages", stages_of(record, products, machine)},
                         {"tensors", tensors_of(record, machine)}});
}

std::string profile_text(const Json& profile) {
    const auto number = [](const Json& row, const char* key, double unit, int digits) { return fixed(unit * row.at(key).as_double(), digits); };
    Table stages({"stage", "s", "GFLOP", "GFLOP/s", "of peak"}), tensors({"tensor", "MB moved", "ms", "GB/s", "of a plain read"});
    for (const Json& row : profile.at("stages").as_array())
        stages.add({row.at("name").as_string(), number(row, "seconds", 1, 2), number(row, "gflop", 1, 1), number(row, "gflop_per_s", 1, 1), number(row, "share_of_peak", 100, 1) + " %"});
    for (const Json& row : profile.at("tensors").as_array())
        tensors.add({row.at("name").as_string(), number(row, "bytes", 1e-6, 2), number(row, "seconds", 1000, 2), number(row, "gb_per_s", 1, 2), number(row, "share_of_read", 100, 1) + " %"});
    const Json& machine = profile.at("machine");
    return message(stages.text(), "\n", tensors.text(), "\nprofile     this machine, ", machine.at("threads").as_unsigned(), " threads: ", number(machine, "gflop_per_s", 1, 0), " GFLOP/s with ",
                   machine.at("instructions").as_string(), ", reads ", number(machine, "gb_per_s", 1, 1), " GB/s\n");
}

}  // namespace cli
