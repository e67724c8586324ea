#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <bitnet/pipeline/registry.hpp>

#include "commands.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

std::string figure(const RegistryEntry& entry, std::string_view key) {
    const auto value = report::find_number(entry.metrics, {key});
    return value ? fixed(*value, 2) : "";
}

void list(const std::filesystem::path& file, const CommonOptions& common) {
    const std::vector<RegistryEntry> entries = read_registry(file);
    if (common.json) {
        Json::Array rows;
        for (const RegistryEntry& entry : entries) rows.push_back(to_json(entry));
        std::puts(to_text(Json::object({{"registry", file.string()}, {"entries", Json::array(std::move(rows))}})).c_str());
        return;
    }
    Table table({"path", "role", "created", "size", "ratio", "perplexity", "id", "parent"});
    for (const RegistryEntry& entry : entries)
        table.add({entry.path, entry.role, entry.created, bytes_text(entry.bytes), figure(entry, "compression_ratio"), figure(entry, "perplexity"), entry.id,
                   entry.parent.substr(0, 16)});
    std::fputs(table.text().c_str(), stdout);
}

}  // namespace

Action add_registry(CLI::App& app, CommonOptions& common) {
    const auto file = std::make_shared<std::filesystem::path>();
    CLI::App* const command = app.add_subcommand("list", "its models, oldest first");
    command->add_option("FILE", *file, "the register, as --registry of bitnet compress writes it")->required();
    command->fallthrough();
    app.require_subcommand(1);
    return [file, &common] { list(*file, common); };
}

}  // namespace cli
