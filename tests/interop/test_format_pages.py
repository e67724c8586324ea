"""The pages of docs/formats are right about bytes."""

import itertools
import json

import numpy as np
import pytest

import format_pages
from conftest import compress, random_model

PAGES = ("int8.md", "trit2.md", "trit5.md")


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_print_what_the_page_says(page):
    attempted, failed = format_pages.run_examples(page)
    assert attempted > 0 and failed == 0


@pytest.mark.parametrize("name, places", [("int8", 1), ("trit2", 4), ("trit5", 5)])
def test_a_byte_holds_every_combination_of_codes_once_and_all_other_bytes_are_refused(pages, name, places):
    unpack = pages[f"unpack_{name}"]
    seen = set()
    for byte in range(256):
        try:
            seen.add(tuple(unpack(np.array([[byte]], np.uint8), places)[0]))
        except ValueError:
            pass
    assert seen == set(itertools.product((-1, 0, 1), repeat=places))


@pytest.mark.parametrize("name, places, zeros", [("trit2", 4, 0x55), ("trit5", 5, 0x80)])
def test_padding_is_zero_and_anything_else_is_refused(pages, name, places, zeros):
    unpack = pages[f"unpack_{name}"]
    valid = 0
    for byte in range(256):
        try:
            valid += unpack(np.array([[zeros, byte]], np.uint8), places + 1).shape == (1, places + 1)
        except ValueError:
            pass
    assert valid == 3


def test_the_json_of_the_page_has_the_fields_of_a_real_model(pages, tmp_path):
    about, configuration = map(json.loads, format_pages.blocks("packed_model.md", "json"))
    model = random_model(tmp_path / "model", "gpt2")
    compress(model, tmp_path / "out")
    packed = tmp_path / "out" / "quantized"
    real = json.loads(pages["read_safetensors"](packed / "model.safetensors")[0]["bitnet"])
    assert list(real) == list(about)
    for role, policy in about["policies"].items():
        assert real["policies"][role] == policy
    name = "h.0.attn.c_attn.weight"
    assert real["tensors"][name] == about["tensors"][name]
    before, after = (json.loads((path / "config.json").read_text()) for path in (model, packed))
    assert after == before | {"dtype": "float16"} | configuration
