"""Shapes, types and values that models seldom have, written by another program, packed with --arch generic."""

import math

import numpy as np
import pytest
import safetensors.torch
import torch

import compare
import oracle
from conftest import bitnet, compress

RECIPES = [compare.Recipe(f"{quantizer}-{scale}-{layout}",
                          ("--quantizer", quantizer, "--scale", scale, "--layout", layout), quantizer, scale, 0.05, layout)
           for quantizer, scale, layout in [("absmean", "row", "trit2"), ("absmean", "tensor", "trit5"),
                                            ("round_clip", "group:64", "trit5"), ("round_clip", "tensor", "int8"),
                                            ("least_squares", "group:128", "int8"), ("least_squares", "group:64", "trit5"),
                                            ("least_squares", "row", "trit2"), ("least_squares", "tensor", "trit2")]]


def odd_tensors():
    random = torch.Generator().manual_seed(20)
    normal = lambda *shape: torch.randn(*shape, generator=random)
    tensors = {f"ragged_{cols}.weight": normal(3, cols) for cols in (1, 2, 3, 4, 5, 6, 63, 64, 65, 127, 129, 193, 2051)}
    tensors |= {
        "convolution.weight": normal(4, 3, 5, 2),
        "half.weight": normal(5, 131).half(),
        "bfloat.weight": normal(5, 131).bfloat16(),
        "double.weight": normal(5, 131).double(),
        "zeros.weight": torch.zeros(4, 70),
        "some_rows_of_zeros.weight": normal(6, 130) * torch.tensor([1.0, 0, 1, 0, 0, 1])[:, None],
        "ternary_already.weight": 0.0371 * torch.sign(normal(4, 70)) * (normal(4, 70).abs() > 0.5),
        "small.weight": 1e-7 * normal(4, 70),
        "one_small_row.weight": normal(4, 70) * torch.tensor([1.0, 1, 1e-6, 1])[:, None],
        "large.weight": 1e6 * normal(4, 70),
        "no_rows.weight": torch.zeros(0, 7),
        "no_columns.weight": torch.zeros(7, 0),
        "a_vector.bias": normal(77),
        "first.norm.weight": normal(9),
        "counts": torch.arange(10),
        "a_scalar": torch.tensor(3.5),
    }
    return tensors


def expected_scale_type(scales):
    """F16 when it holds all scales as normal numbers; otherwise all of a tensor are F32."""
    stored = scales.astype(np.float32).astype(np.float16).astype(np.float64)
    fits = (scales == 0) | (np.isfinite(stored) & (stored >= 2.0**-14))
    return "F16" if fits.all() else "F32"


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_codes_scales_and_kept_tensors_are_those_of_the_formulas(recipe, pages, tmp_path):
    tensors = odd_tensors()
    (tmp_path / "m").mkdir()
    safetensors.torch.save_file(tensors, tmp_path / "m" / "model.safetensors")
    compress(tmp_path / "m", tmp_path / "out", "--arch", "generic", *recipe.options)
    _, in_file = pages["read_safetensors"](tmp_path / "out" / "quantized" / "model.safetensors")
    ternary, kept = pages["read_packed"](tmp_path / "out" / "quantized" / "model.safetensors")
    assert set(ternary) == {name for name, t in tensors.items() if t.ndim > 1}
    assert set(ternary) | set(kept) == set(tensors)
    dequantized = compare.open_all(tmp_path / "out" / "dequantized")
    for name, (codes, scales) in ternary.items():
        weights = tensors[name].float().numpy()
        expected, expected_codes, doubtful = oracle.quantize(weights, recipe.quantizer, recipe.scale, recipe.threshold)
        assert codes.shape == weights.shape
        assert (codes == expected_codes)[~doubtful].all(), name
        assert not doubtful.any(), f"{name}: choose another seed"
        kind = expected_scale_type(expected)
        stored = in_file[name + ".scales"]
        assert stored.dtype == (np.float16 if kind == "F16" else np.float32), name
        assert stored.shape == expected.shape
        rounded = expected.astype(np.float32).astype(stored.dtype)
        compare.check_scales(stored, rounded, kind, name)
        assert (stored[expected == 0] == 0).all()
        image = scales * codes
        wide = image.size > 0 and np.abs(image).max() > 65504
        assert dequantized[name].dtype == (torch.float32 if wide or kind == "F32" else torch.float16), name
        narrow = image if dequantized[name].dtype == torch.float32 else image.astype(np.float16)
        assert np.array_equal(dequantized[name].numpy(), narrow), name
    for name in ("counts", "a_scalar"):
        assert kept[name].tobytes() == dequantized[name].numpy().tobytes() == tensors[name].numpy().tobytes()
    for name in ("a_vector.bias", "first.norm.weight"):
        assert np.array_equal(kept[name], tensors[name].half().numpy())
        assert torch.equal(dequantized[name], tensors[name].half())


def test_weights_that_are_ternary_already_come_back_unchanged(pages, tmp_path):
    tensors = odd_tensors()
    (tmp_path / "m").mkdir()
    safetensors.torch.save_file(tensors, tmp_path / "m" / "model.safetensors")
    for recipe in RECIPES:
        first, dense, second = (tmp_path / f"{recipe.name}-{step}" for step in ("first", "dense", "second"))
        compress(tmp_path / "m", first, "--arch", "generic", *recipe.options)
        bitnet("dequantize", first, "-o", dense, "--dtype", "fp32", "-q")
        compress(dense, second, "--arch", "generic", *recipe.options)
        one, two = (pages["read_safetensors"](out / "quantized" / "model.safetensors")[1] for out in (first, second))
        assert set(one) == set(two)
        for name in one:
            if name.endswith((".codes", ".scales")):
                assert np.array_equal(one[name], two[name]) and one[name].dtype == two[name].dtype, (recipe.name, name)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_by_name_and_index(value, tmp_path):
    weight = torch.ones(4, 70)
    weight[2, 3] = value
    (tmp_path / "m").mkdir()
    safetensors.torch.save_file({"a.weight": weight}, tmp_path / "m" / "model.safetensors")
    message = bitnet("compress", tmp_path / "m", "-o", tmp_path / "out", "--arch", "generic", status=1)
    assert "a.weight" in message and "143" in message
    assert not (tmp_path / "out").exists()
