/// gradients MODEL IDS.json OUT.safetensors: the gradients of the mean cross entropy of some texts, tensor by tensor.
///
/// IDS.json is an array of texts, each an array of token ids. Gradients have the shapes of the model's file.
#include <cstdio>
#include <string>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/train/loss.hpp>
#include <bitnet/train/save.hpp>

using namespace bitnet;

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const Execution run{&best_kernels(), 2};
    const ModelWeights weights(argv[1]);
    Network<float> network(weights.config(), read_parameters<float>(weights, run));
    network.parameters().zero_gradients();
    Batch batch;
    const Json texts = read_json_file(argv[2]);
    for (const Json& text : texts.as_array()) {
        std::vector<std::uint32_t> ids;
        for (const Json& id : text.as_array()) ids.push_back(static_cast<std::uint32_t>(id.as_unsigned()));
        batch.add(ids);
    }
    const std::size_t tokens = batch.ids.size(), width = network.config().hidden_size;
    const Tape<float> tape(network.config(), tokens, Keep::everything);
    LossWork<float> work(network.vocabulary());
    Matrix<float> hidden(tokens, width), back(tokens, width);
    network.forward(batch, tape, hidden, run.threads);
    const double scale = 1.0 / static_cast<double>(batch.scored());
    const Loss loss = head_loss<float>(network, hidden, nullptr, {}, batch, {.targets = 1}, scale, work, back, run.threads);
    network.backward(batch, tape, back, run.threads);
    for (Parameter<float>& one : network.parameters()) one.value = std::move(one.gradient);
    std::vector<PlannedTensor> plan;
    for (const Parameter<float>& one : network.parameters()) plan.push_back({one.spec.name, DType::F32, one.spec.shape});
    SafetensorsWriter writer(argv[3], std::move(plan));
    for (const Parameter<float>& one : network.parameters()) {
        Matrix<float> out(one.value.rows(), one.value.cols());
        if (one.spec.transposed) out = Matrix<float>(one.value.cols(), one.value.rows());
        for (std::size_t r = 0; r < one.value.rows(); ++r)
            for (std::size_t c = 0; c < one.value.cols(); ++c) (one.spec.transposed ? out(c, r) : out(r, c)) = one.value(r, c);
        writer.write(one.spec.name, std::as_bytes(std::span(out.values())));
    }
    writer.finish();
    std::printf("%.9g\n", loss.mean());
}
