"""One compressed model against the original and the oracle, tensor by tensor."""

import dataclasses
import fnmatch
import glob
import json
import os

import numpy as np
import safetensors
import torch

import oracle

TERNARY = ("*.self_attn.*_proj.weight", "*.mlp.*_proj.weight", "h.*.attn.c_attn.weight", "h.*.attn.c_proj.weight",
           "h.*.mlp.c_fc.weight", "h.*.mlp.c_proj.weight")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is asked of the program, and what the oracle does for it."""
    name: str
    options: tuple
    quantizer: str
    scale: str
    threshold: float = 0.05  # of tiny models
    layout: str = "trit2"
    scale_type: str = "F16"
    keep: str = "fp16"


RECIPES = [
    Recipe("default", (), "least_squares", "group:64"),
    Recipe("phase4", ("--recipe", "phase4"), "absmean", "row"),
    Recipe("bitnet158", ("--recipe", "bitnet158"), "round_clip", "tensor"),
    Recipe("absmean-group128", ("--quantizer", "absmean", "--scale", "group:128"), "absmean", "group:128"),
    Recipe("absmean-half", ("--quantizer", "absmean", "--scale", "row", "--sparsity-threshold", "0.5"), "absmean", "row", 0.5),
    Recipe("absmean-tensor", ("--quantizer", "absmean", "--scale", "tensor"), "absmean", "tensor"),
    Recipe("round-clip-row", ("--quantizer", "round_clip", "--scale", "row", "--layout", "trit5"), "round_clip", "row",
           layout="trit5"),
    Recipe("least-squares-row", ("--scale", "row", "--layout", "int8"), "least_squares", "row", layout="int8"),
    Recipe("trit5", ("--layout", "trit5"), "least_squares", "group:64", layout="trit5"),
    Recipe("keep-int8", ("--keep-as", "int8"), "least_squares", "group:64", keep="int8"),
    Recipe("keep-bf16", ("--keep-as", "bf16", "--scale-type", "bf16"), "least_squares", "group:64", keep="bf16",
           scale_type="BF16"),
    Recipe("keep-fp32", ("--keep-as", "fp32", "--scale-type", "fp32"), "least_squares", "group:64", keep="fp32",
           scale_type="F32"),
]


def open_all(path):
    """Every tensor of a model directory through the safetensors library: {name: torch tensor}."""
    tensors = {}
    for file in sorted(glob.glob(os.path.join(path, "*.safetensors"))):
        with safetensors.safe_open(file, framework="pt") as opened:
            for name in opened.keys():
                assert name not in tensors
                tensors[name] = opened.get_tensor(name)
    return tensors


def original_weights(path):
    """The original's tensors by canonical name, as float32 arrays; a tied head once, under the embedding's name."""
    tensors = {name.removeprefix("transformer."): t.float().numpy() for name, t in open_all(path).items()}
    config = json.load(open(os.path.join(path, "config.json")))
    embedding = "wte.weight" if config["model_type"] == "gpt2" else "model.embed_tokens.weight"
    if config["tie_word_embeddings"] and "lm_head.weight" in tensors:
        head = tensors.pop("lm_head.weight")
        assert np.array_equal(tensors.setdefault(embedding, head), head)
    return tensors


def is_ternary(name):
    return any(fnmatch.fnmatch(name, pattern) for pattern in TERNARY)


def is_transposed(name):
    """GPT-2 stores its projections with inputs first."""
    return name.startswith("h.")


def quantized_weights(weights, recipe):
    """(scales as stored, codes, doubtful) by the oracle, outputs first."""
    scales, codes, doubtful = oracle.quantize(weights, recipe.quantizer, recipe.scale, recipe.threshold)
    kind = {"F16": "fp16", "BF16": "bf16", "F32": "fp32"}[recipe.scale_type]
    return oracle.rounded(scales.astype(np.float32), kind), codes, doubtful


def spread(scales, shape, scale):
    """A scale for each weight."""
    rows, cols = oracle.as_matrix(np.empty(shape)).shape
    group = int(scale[len("group:"):]) if scale.startswith("group:") else cols
    return np.broadcast_to(np.repeat(scales, group, axis=1)[:, :cols], (rows, cols)).reshape(shape)


def check_scales(ours, expected, scale_type, where):
    """Equal after rounding, but for one step of the type: the library's means are off by some 1e-7, which matters only
    where a mean lies as close to the middle between two numbers of the type. F32 scales may be off by that 1e-6 itself.
    -> how many differ"""
    step = {"F16": 2.0**-10, "BF16": 2.0**-7, "F32": 1e-6}[scale_type]
    difference = np.abs(ours.astype(np.float64) - expected.astype(np.float64))
    assert (difference <= step * np.abs(expected)).all(), (where, difference.max())
    return int((difference > 0).sum())


def check_ternary(name, codes, scales, weights, recipe):
    """codes, scales: as read, outputs first, a scale for each weight. -> (codes in doubt that differ, scales that differ)"""
    expected, expected_codes, doubtful = quantized_weights(weights, recipe)
    different = codes != expected_codes
    assert not (different & ~doubtful).any(), (name, int((different & ~doubtful).sum()))
    assert different.sum() <= 1 + codes.size / 10_000, name
    off = check_scales(scales, spread(expected, weights.shape, recipe.scale), recipe.scale_type, name)
    return int(different.sum()), off


def kept_image(name, weights, recipe):
    """A kept tensor as a reader of the packed file sees it."""
    if recipe.keep != "int8":
        return oracle.rounded(weights, recipe.keep)
    if weights.ndim < 2:
        return oracle.rounded(weights, "fp16")
    codes, scales = oracle.int8_rows(weights)
    return codes.astype(np.float32) * scales[:, None]
