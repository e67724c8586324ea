"""Zeros and relative error of the trained model: the figures that were known before this library was written."""

import json

import numpy as np
import pytest

import compare
import oracle
from conftest import bitnet, compress

FIGURES = [
    (("--recipe", "phase4", "--sparsity-threshold", "0.05"), "absmean", "row", 0.05, 3.1, 0.586),
    (("--recipe", "phase4", "--sparsity-threshold", "0.10"), "absmean", "row", 0.10, 6.3, 0.571),
    (("--recipe", "bitnet158"), "round_clip", "tensor", None, 31.6, 0.526),
    (("--quantizer", "round_clip", "--scale", "row"), "round_clip", "row", None, 31.0, 0.512),
    (("--quantizer", "least_squares", "--scale", "row"), "least_squares", "row", None, 45.9, 0.433),
    (("--recipe", "default"), "least_squares", "group:64", None, 45.7, 0.429),
]


@pytest.mark.parametrize("options, quantizer, scale, threshold, zeros, error", FIGURES, ids=lambda v: str(v))
def test_zeros_and_relative_error_are_the_known_ones(trained_model, tmp_path, options, quantizer, scale, threshold, zeros,
                                                     error):
    report = compress(trained_model, tmp_path / "out", *options)
    assert round(100 * report["distortion"]["zeros"], 1) == zeros
    assert round(report["distortion"]["relative_error"], 3) == error

    recipe = compare.Recipe("", (), quantizer, scale, threshold)
    pairs, zero_codes, count = [], 0, 0
    for name, weights in compare.original_weights(trained_model).items():
        if not compare.is_ternary(name):
            continue
        scales, codes, _ = compare.quantized_weights(weights, recipe)
        pairs.append((weights, compare.spread(scales, weights.shape, scale) * codes))
        zero_codes, count = zero_codes + (codes == 0).sum(), count + codes.size
    assert abs(zero_codes / count - report["distortion"]["zeros"]) <= 1e-5
    assert np.isclose(oracle.relative_error(pairs), report["distortion"]["relative_error"], rtol=1e-5)
    assert report["sparsity_ratio"] == report["distortion"]["zeros"]
    print(f"{quantizer} {scale}: zeros {100 * zero_codes / count:.2f} %, relative error {oracle.relative_error(pairs):.4f}")


@pytest.fixture(scope="module")
def sampled_text(trained_model, tmp_path_factory):
    """48 texts of 256 tokens that the model writes itself, at temperature 1 from its start token: token ids."""
    path = tmp_path_factory.mktemp("sampled") / "text.ids"
    lines = []
    for seed in range(1, 49):
        answer = json.loads(bitnet("generate", trained_model, "--prompt", "", "-n", 255, "--temperature", 1, "--seed", seed,
                                   "--ignore-eos", "--json", "-q"))
        lines.append(" ".join(map(str, [1, *answer["ids"]])))
    path.write_text("\n".join(lines) + "\n")
    return path


# Of weights alone rounded, on a text that the model had written for another program.
PERPLEXITIES = [
    ((), 15.75),
    (("--quantizer", "absmean", "--scale", "row", "--sparsity-threshold", "0.05"), 1950),
    (("--quantizer", "absmean", "--scale", "row", "--sparsity-threshold", "0.10"), 1394),
    (("--quantizer", "round_clip", "--scale", "tensor"), 7122),
    (("--quantizer", "round_clip", "--scale", "row"), 649),
    (("--quantizer", "least_squares", "--scale", "row"), 210),
    (("--quantizer", "least_squares", "--scale", "group:64"), 164),
]


@pytest.mark.parametrize("options, known", PERPLEXITIES, ids=lambda v: str(v))
def test_perplexity_of_rounded_weights_is_the_known_one_within_a_tenth(trained_model, sampled_text, tmp_path, options, known):
    model = trained_model
    if options:
        compress(trained_model, tmp_path / "out", "--keep-as", "fp32", "--scale-type", "fp32", *options)
        model = tmp_path / "out" / "quantized"
    result = json.loads(bitnet("eval", model, "--text", sampled_text, "--split", "ids", "--context", 256, "--json", "-q"))
    print(f"{' '.join(options) or 'original'}: perplexity {result['perplexity']:.4g}, known {known}")
    assert result["tokens"] == 48 * 255
    assert abs(result["perplexity"] / known - 1) < 0.1


def test_the_threshold_of_a_tiny_model_is_chosen_by_its_size(trained_model, tmp_path):
    chosen = compress(trained_model, tmp_path / "chosen", "--recipe", "phase4")
    given = compress(trained_model, tmp_path / "given", "--recipe", "phase4", "--sparsity-threshold", "0.05")
    assert chosen["size_category"] == "tiny"
    assert chosen["distortion"] == given["distortion"]


def test_sizes_are_those_of_the_files(trained_model, tmp_path):
    report = compress(trained_model, tmp_path / "out")
    parameters = sum(w.size for w in compare.original_weights(trained_model).values())
    packed = (tmp_path / "out" / "quantized" / "model.safetensors").stat().st_size
    assert report["total_params"] == parameters
    assert report["original_bytes"] == 4 * parameters
    assert report["quantized_bytes"] == packed
    assert report["dequantized_bytes"] == (tmp_path / "out" / "dequantized" / "model.safetensors").stat().st_size
    assert np.isclose(report["compression_ratio"], 4 * parameters / packed)
