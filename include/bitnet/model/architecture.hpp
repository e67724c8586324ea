/// Every architecture that is known, and how one is found.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/model/architecture/bitnet.hpp>
#include <bitnet/model/architecture/generic.hpp>
#include <bitnet/model/architecture/gpt2.hpp>
#include <bitnet/model/architecture/llama.hpp>
#include <bitnet/model/architecture/qwen2.hpp>

namespace bitnet::inline BITNET_ABI {

/// The registry: a new architecture is a line here and a file in architecture/. `generic` is not among them, because
/// it has neither a configuration nor tensors to expect.
inline constexpr std::array architectures{architecture::llama, architecture::mistral, architecture::qwen2,
                                          architecture::gpt2, architecture::bitnet_b158};

/// The values of one member of all architectures: "LlamaForCausalLM, MistralForCausalLM, ...".
inline std::string known_architectures(std::string_view Architecture::* member) {
    std::string out;
    for (const Architecture& row : architectures) out += message(out.empty() ? "" : ", ", row.*member);
    return out;
}

/// The architecture whose `member` (name, class_name or model_type) is `value`; null when there is none.
inline const Architecture* find_architecture(std::string_view Architecture::* member, std::string_view value) {
    for (const Architecture& row : architectures)
        if (row.*member == value) return &row;
    return nullptr;
}

/// The architecture called `name`; errc::unsupported lists the known ones.
inline const Architecture& architecture_named(std::string_view name) {
    if (const Architecture* found = find_architecture(&Architecture::name, name)) return *found;
    throw error(errc::unsupported, message("architecture ", detail::quote(name), " is unknown; known: ",
                                           known_architectures(&Architecture::name), ", ",
                                           architecture::generic_name));
}

/// All tensors of a model of this configuration, in the order of its forward pass.
inline std::vector<TensorSpec> expected_tensors(const ModelConfig& config) {
    return architecture_named(config.architecture).tensors(config);
}

}  // namespace bitnet::inline BITNET_ABI
