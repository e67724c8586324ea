"""A packed file that another program wrote from docs/formats is read, and one that breaks its rules is refused."""

import json

import numpy as np
import pytest
import safetensors.numpy

import compare
from conftest import bitnet


def pack(codes, layout):
    """The other direction of the pages' functions: (rows, cols) codes -> U8 rows."""
    places = {"int8": 1, "trit2": 4, "trit5": 5}[layout]
    rows, cols = codes.shape
    digits = np.ones((rows, -(-cols // places) * places), np.int64)
    digits[:, :cols] = codes + 1
    digits = digits.reshape(rows, -1, places)
    if layout == "int8":
        return (digits[:, :, 0] - 1).astype(np.int8).view(np.uint8)
    weights = 4 ** np.arange(4) if layout == "trit2" else 3 ** np.arange(4, -1, -1)
    numbers = (digits * weights).sum(axis=2)
    return (numbers if layout == "trit2" else (256 * numbers + 242) // 243).astype(np.uint8)


def write(path, layout="trit2", change=None):
    """A packed file with one tensor of each kind; `change` gets its tensors and its metadata before it is written.
    -> {name: dense weights}"""
    random = np.random.default_rng(5)
    tensors = {"kept.weight": random.normal(size=(3, 4)).astype(np.float32), "kept.bias": np.float16([1, 2, 3]),
               "rows.weight.int8": random.integers(-127, 128, (5, 6)).astype(np.int8),
               "rows.weight.int8_scales": random.random(5).astype(np.float32)}
    about = {"format": 1, "layout": layout, "policies": {}, "tensors": {}, "int8_rows": ["rows.weight"]}
    dense = {"kept.weight": tensors["kept.weight"], "kept.bias": tensors["kept.bias"].astype(np.float32),
             "rows.weight": tensors["rows.weight.int8"] * tensors["rows.weight.int8_scales"][:, None]}
    for name, shape, group, scale_type in [("a.weight", [7, 11], 4, np.float16), ("b.weight", [4, 3, 5, 2], 30, np.float32),
                                           ("c.weight", [9, 64], "tensor", np.float16), ("d.weight", [6, 13], 13, np.float16),
                                           ("e.bias", [17], 17, np.float32)]:
        rows = shape[0] if len(shape) > 1 else 1
        cols = int(np.prod(shape)) // rows
        codes = random.integers(-1, 2, (rows, cols)).astype(np.int8)
        scales = random.random((1, 1) if group == "tensor" else (rows, -(-cols // group))).astype(scale_type)
        tensors[name + ".codes"], tensors[name + ".scales"] = pack(codes, layout), scales
        about["tensors"][name] = {"shape": shape, "group": group}
        each = np.repeat(scales.astype(np.float32), cols if group == "tensor" else group, axis=1)[:, :cols]
        dense[name] = (each * codes).reshape(shape)
    about["tensors"]["d.weight"]["transposed"] = True
    dense["d.weight"] = dense["d.weight"].T
    if change:
        change(tensors, about)
    safetensors.numpy.save_file(tensors, path, metadata={"format": "pt", "bitnet": json.dumps(about)})
    return dense


@pytest.mark.parametrize("layout", ["int8", "trit2", "trit5"])
def test_a_file_written_from_the_pages_alone_is_read_exactly(layout, pages, tmp_path):
    dense = write(tmp_path / "packed.safetensors", layout)
    bitnet("dequantize", tmp_path / "packed.safetensors", "-o", tmp_path / "dense", "--dtype", "fp32", "-q")
    read = compare.open_all(tmp_path / "dense")
    assert set(read) == set(dense)
    for name, array in dense.items():
        assert read[name].shape == array.shape and np.array_equal(read[name].numpy(), array), name
    ternary, kept = pages["read_packed"](tmp_path / "packed.safetensors")
    for name, array in dense.items():
        assert np.array_equal(ternary[name][0] * ternary[name][1] if name in ternary else kept[name], array), name


def byte(layout_byte):
    def change(tensors, about):
        tensors["a.weight.codes"] = tensors["a.weight.codes"].copy()
        tensors["a.weight.codes"][2, -1] = layout_byte
    return change


def scale(value):
    def change(tensors, about):
        tensors["a.weight.scales"][1, 1] = value
    return change


def about_a(**fields):
    return lambda tensors, about: about["tensors"]["a.weight"].update(fields)


def without(name):
    return lambda tensors, about: tensors.pop(name)


WRONG = {
    "an unused bit pattern": ("trit2", byte(0b01010111), "a.weight"),
    "padding that is not zero": ("trit2", byte(0b10010101), "a.weight"),
    "a byte of no five digits": ("trit5", byte(0x01), "a.weight"),
    "a code of two": ("int8", byte(2), "a.weight"),
    "a negative scale": ("trit2", scale(-1), "a.weight"),
    "an infinite scale": ("trit2", scale(np.inf), "a.weight"),
    "a scale that is no number": ("trit2", scale(np.nan), "a.weight"),
    "another format": ("trit2", lambda t, about: about.update(format=2), "format 2"),
    "an unknown layout": ("trit2", lambda t, about: about.update(layout="trit3"), "trit3"),
    "no layout": ("trit2", lambda t, about: about.pop("layout"), "layout"),
    "no tensors": ("trit2", lambda t, about: about.pop("tensors"), "tensors"),
    "a group of none": ("trit2", about_a(group=0), "a.weight"),
    "a group of another name": ("trit2", about_a(group="row"), "a.weight"),
    "another group than the scales": ("trit2", about_a(group=3), "a.weight"),
    "another shape than the codes": ("trit2", about_a(shape=[7, 13]), "a.weight"),
    "a negative extent": ("trit2", about_a(shape=[-7, 11]), "a.weight"),
    "too many elements to count": ("trit2", about_a(shape=[2**40, 2**40]), "a.weight"),
    "a transposed convolution": ("trit2", lambda t, about: about["tensors"]["b.weight"].update(transposed=True), "b.weight"),
    "codes that are missing": ("trit2", without("a.weight.codes"), "a.weight.codes"),
    "scales that are missing": ("trit2", without("a.weight.scales"), "a.weight.scales"),
    "integers of no known meaning": ("trit2", lambda t, about: about.pop("int8_rows"), "rows.weight.int8"),
    "scales of integers that are missing": ("trit2", without("rows.weight.int8_scales"), "rows.weight"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_breaks_a_rule_is_refused_by_name_and_nothing_is_written(what, tmp_path):
    layout, change, named = WRONG[what]
    write(tmp_path / "packed.safetensors", layout, change)
    message = bitnet("dequantize", tmp_path / "packed.safetensors", "-o", tmp_path / "dense", "-q", status=1)
    assert named in message and "packed.safetensors" in message and message.count("\n") == 1, message
    assert not (tmp_path / "dense").exists()


def test_a_file_that_is_no_packed_model_is_refused(tmp_path):
    safetensors.numpy.save_file({"a.weight": np.ones((2, 2), np.float32)}, tmp_path / "plain.safetensors")
    message = bitnet("dequantize", tmp_path / "plain.safetensors", "-o", tmp_path / "dense", status=1)
    assert "this is not a packed model" in message
