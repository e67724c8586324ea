/// A whole model directory, with a compressor of one's own choice, into the two models that `bitnet compress` writes.
///
/// Without an argument it compresses a small model with random weights that it makes first.
#include <bitnet/bitnet.hpp>

#include <cstdio>
#include <filesystem>

int main(int argc, char** argv) {
    using namespace bitnet;
    try {
        const auto scratch = std::filesystem::temp_directory_path() / "bitnet_example_03";
        std::filesystem::remove_all(scratch);
        std::filesystem::create_directories(scratch);
        if (argc < 2) write_random_model(scratch / "model", {.architecture = "llama", .hidden_size = 128});

        const ModelDir model(argc < 2 ? scratch / "model" : std::filesystem::path(argv[1]));
        const Compressor compressor{quantizer::LeastSquares{}, scale::PerChannel{}, pack::Trit5{},
                                    preservation::ByRole{.precision = Treatment::int8_rows}};
        AtomicDirectory output(scratch / "compressed", false, metadata_file_name);
        const CompressionStats stats =
            compress_model(model, compressor, prepare_outputs(model, output.path(), {.dequantized = false}));
        output.commit();

        const PackedModel packed(scratch / "compressed" / quantized_directory_name);
        std::printf("%llu of %llu parameters are ternary, %zu tensors in the packed file\n",
                    static_cast<unsigned long long>(stats.quantized_params()),
                    static_cast<unsigned long long>(stats.total_params()), packed.tensors().size());
        std::printf("ratio %.1f, zeros %.2f, error %.2f\n", stats.compression_ratio(), stats.sparsity_ratio(),
                    stats.distortion().relative_error());
        std::filesystem::remove_all(scratch);
    } catch (const error& problem) {  // one line: file, tensor, place, and what was expected
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
}
