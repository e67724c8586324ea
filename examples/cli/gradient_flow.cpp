#include <cstdio>
#include <filesystem>

#include <bitnet/gate/gradient_flow.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/output_directory.hpp>

#include "commands.hpp"
#include "terminal.hpp"

namespace cli {

using namespace bitnet;

void show_gradient_flow(std::filesystem::path path, const CommonOptions& common) {
    if (std::filesystem::is_directory(path / dequantized_directory_name)) path /= dequantized_directory_name;
    const Execution run{&best_kernels(), common.threads};
    const ModelWeights weights(path);
    const GradientFlow flow = gradient_flow(weights.config(), read_parameters<float>(weights, run), {}, run.threads);
    if (common.json) {
        std::puts(to_text(Json::object({{"model", path.string()}, {"gradient_flow_test", to_json(flow)}})).c_str());
    } else {
        Table table({"tensor", "gradient norm", "largest", "from differences"});
        for (const GradientOfTensor& tensor : flow.tensors)
            table.add({tensor.name, message(static_cast<float>(tensor.norm)), message(static_cast<float>(tensor.largest)),
                       tensor.fault.empty() ? message(static_cast<float>(tensor.difference)) : tensor.fault});
        std::printf("%s\nloss %.4f of random ids; gradients flow through %s\n", table.text().c_str(), flow.loss,
                    flow.passed() ? "every tensor" : "some tensors only");
    }
    if (!flow.passed()) throw GateFailed(message(path.string(), ": gradient flow: ", flow.error()));
}

}  // namespace cli
