"""quantized/ holds the codes and scales that the formulas give, and dequantized/ is their FP16 image."""

import json
import os

import numpy as np
import pytest
import safetensors.torch
import torch

import compare
import oracle
from compare import RECIPES
from conftest import bitnet, compress, random_model

TORCH_TYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


def bits(tensor):
    return tensor.view(torch.int16).numpy() if tensor.element_size() == 2 else tensor.numpy()


def check_model(model, out, recipe, pages):
    """All of one compressed model -> (weights, codes that differ, scales that differ)."""
    report = compress(model, out, *recipe.options)
    assert json.load(open(out / "compression_metadata.json")) == report
    weights = compare.original_weights(model)
    metadata, in_file = pages["read_safetensors"](out / "quantized" / "model.safetensors")
    through_library = compare.open_all(out / "quantized")
    assert set(through_library) == set(in_file)
    for name, tensor in through_library.items():
        assert np.array_equal(tensor.float().numpy(), in_file[name].astype(np.float32)), name
    assert json.loads(metadata["bitnet"])["layout"] == recipe.layout
    ternary, kept = pages["read_packed"](out / "quantized" / "model.safetensors")
    assert set(ternary) == {name for name in weights if compare.is_ternary(name)}
    assert set(ternary) | set(kept) == set(weights)

    dequantized = compare.open_all(out / "dequantized")
    assert set(dequantized) == set(weights)
    codes_off = scales_off = count = 0
    for name, (codes, scales) in ternary.items():
        assert through_library[name + ".scales"].dtype == TORCH_TYPES[recipe.scale_type]
        image = (scales * codes).astype(np.float16)
        assert dequantized[name].dtype == torch.float16
        assert np.array_equal(bits(dequantized[name]), image.view(np.int16)), name
        turn = (lambda a: a.T) if compare.is_transposed(name) else (lambda a: a)
        a, b = compare.check_ternary(name, turn(codes), turn(scales), turn(weights[name]), recipe)
        codes_off, scales_off, count = codes_off + a, scales_off + b, count + codes.size
    for name, array in kept.items():
        expected = compare.kept_image(name, weights[name], recipe)
        assert array.shape == weights[name].shape
        assert np.array_equal(array.astype(np.float32), expected), name
        assert np.array_equal(bits(dequantized[name]), expected.astype(np.float16).view(np.int16)), name
    return count, codes_off, scales_off


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_codes_scales_and_kept_tensors_are_those_of_the_formulas(any_model, recipe, pages, tmp_path, record_figures):
    record_figures(recipe.name, *check_model(any_model, tmp_path / "out", recipe, pages))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_the_same_holds_for_a_trained_model(trained_model, recipe, pages, tmp_path, record_figures):
    record_figures(recipe.name + " (trained)", *check_model(trained_model, tmp_path / "out", recipe, pages))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_dequantize_gives_scale_times_code_exactly_and_in_fp16_the_bytes_of_dequantized(architecture_model, recipe, pages,
                                                                                       tmp_path):
    compress(architecture_model, tmp_path / "out", *recipe.options)
    for dtype in ("fp32", "fp16", "bf16"):
        bitnet("dequantize", tmp_path / "out", "-o", tmp_path / dtype, "--dtype", dtype, "-q")
    ternary, kept = pages["read_packed"](tmp_path / "out" / "quantized" / "model.safetensors")
    exact = {name: scales * codes for name, (codes, scales) in ternary.items()}
    exact |= {name: array.astype(np.float32) for name, array in kept.items()}
    for dtype in ("fp32", "bf16"):
        dense = compare.open_all(tmp_path / dtype)
        assert set(dense) == set(exact)
        for name, array in exact.items():
            assert dense[name].dtype == (torch.float32 if dtype == "fp32" else torch.bfloat16)
            assert np.array_equal(dense[name].float().numpy(), oracle.rounded(array, dtype)), (dtype, name)
    for file in ("model.safetensors", "config.json"):
        assert (tmp_path / "fp16" / file).read_bytes() == (tmp_path / "out" / "dequantized" / file).read_bytes(), file


def test_companion_files_are_copied_byte_for_byte(trained_model, tmp_path):
    compress(trained_model, tmp_path / "out")
    names = sorted(set(os.listdir(trained_model)) - {"config.json", "model.safetensors"})
    assert "tokenizer.json" in names
    for directory in ("quantized", "dequantized"):
        assert sorted(os.listdir(tmp_path / "out" / directory)) == sorted(names + ["config.json", "model.safetensors"])
        for name in names:
            assert (tmp_path / "out" / directory / name).read_bytes() == (trained_model / name).read_bytes()


def with_unknown_tensors(tmp_path):
    """A model with an extra head of another phase, in FP32, and a table of integers."""
    model = random_model(tmp_path / "model", "llama")
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    extra = {"value_head.weight": torch.randn(3, 64), "value_head.steps": torch.arange(5)}
    safetensors.torch.save_file(tensors | extra, model / "model.safetensors")
    return model, extra


def test_tensors_that_the_architecture_does_not_know_are_kept_byte_for_byte_and_listed(tmp_path):
    model, extra = with_unknown_tensors(tmp_path)
    report = compress(model, tmp_path / "out")
    for directory in ("quantized", "dequantized"):
        tensors = compare.open_all(tmp_path / "out" / directory)
        for name, tensor in extra.items():
            assert tensors[name].dtype == tensor.dtype and torch.equal(tensors[name], tensor)
    for name in extra:
        assert any(name in note for note in report["notes"])


def test_dequantize_leaves_unknown_tensors_as_they_are(tmp_path):
    model, extra = with_unknown_tensors(tmp_path)
    compress(model, tmp_path / "out")
    bitnet("dequantize", tmp_path / "out", "-o", tmp_path / "dense", "-q")
    assert compare.open_all(tmp_path / "dense")["value_head.weight"].dtype == torch.float32


def test_a_weight_beyond_fp16_makes_its_tensor_fp32_and_says_so(pages, tmp_path):
    model = random_model(tmp_path / "model", "llama")
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    tensors["model.norm.weight"][3] = 70000.0
    tensors["model.layers.0.mlp.up_proj.weight"] *= 1e7
    safetensors.torch.save_file(tensors, model / "model.safetensors")
    report = compress(model, tmp_path / "out")
    wide = {tensor["name"] for tensor in report["tensors"] if tensor.get("note")}
    assert wide == {"model.norm.weight", "model.layers.0.mlp.up_proj.weight"}
    dequantized = compare.open_all(tmp_path / "out" / "dequantized")
    assert {name for name, tensor in dequantized.items() if tensor.dtype == torch.float32} == wide
    assert torch.equal(dequantized["model.norm.weight"], tensors["model.norm.weight"])
    ternary, kept = pages["read_packed"](tmp_path / "out" / "quantized" / "model.safetensors")
    codes, scales = ternary["model.layers.0.mlp.up_proj.weight"]
    assert np.array_equal(dequantized["model.layers.0.mlp.up_proj.weight"].numpy(), codes * scales)
    message = bitnet("dequantize", tmp_path / "out", "-o", tmp_path / "dense", "-q", status=1)
    assert "a weight is beyond what" in message


@pytest.mark.parametrize("options", [(), ("--recipe", "bitnet158"), ("--layout", "trit5", "--quantizer", "absmean")])
def test_bytes_do_not_depend_on_threads_or_on_shards(options, tmp_path):
    for shards in (1, 3):
        model = random_model(tmp_path / f"model-{shards}", "gpt2", "tied", shards)
        for threads in (1, 5):
            compress(model, tmp_path / f"{shards}-{threads}", *options, "--threads", threads)
    for directory in ("quantized", "dequantized"):
        files = [(tmp_path / run / directory / "model.safetensors").read_bytes() for run in ("1-1", "1-5", "3-1", "3-5")]
        assert files.count(files[0]) == 4


@pytest.mark.parametrize("options", [["--planes", "2"], ["--planes", "2", "--scale", "tensor", "--layout", "trit5"],
                                     ["--asymmetric"], ["--asymmetric", "--planes", "2", "--scale", "tensor", "--layout", "trit5"],
                                     ["--self-text", "8", "--gates", "off", "--fine-tune", "never", "--asymmetric", "--rotate", "--scale", "row"],
                                     ["--self-text", "8", "--gates", "off", "--fine-tune", "never", "--rotate"],
                                     ["--self-text", "8", "--gates", "off", "--fine-tune", "never", "--rotate", "--planes", "2", "--scale", "row"]], ids=" ".join)
def test_planes_offsets_and_rotations_are_what_the_page_says(trained_model, options, pages, tmp_path):
    compress(trained_model, tmp_path / "out", *options)
    bitnet("dequantize", tmp_path / "out", "-o", tmp_path / "dense", "--dtype", "fp32", "-q")
    dense = compare.open_all(tmp_path / "dense")
    ternary, others = pages["read_packed"](tmp_path / "out" / "quantized" / "model.safetensors")
    assert not ternary and set(others) == set(dense)
    for name, tensor in dense.items():
        if compare.is_ternary(name):
            assert np.abs(others[name] - tensor.numpy()).max() < 1e-5, name
