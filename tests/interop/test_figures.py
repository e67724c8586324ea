"""Zeros and relative error of the trained model: the figures that were known before this library was written."""

import numpy as np
import pytest

import compare
import oracle
from conftest import compress

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
