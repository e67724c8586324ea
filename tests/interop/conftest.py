"""What all checks share: the program, the formats' functions, models to compress, and where the data lies."""

import itertools
import json
import os
import pathlib
import subprocess

import pytest

import format_pages

ARCHITECTURES = ("llama", "mistral", "qwen2", "gpt2", "bitnet")
VARIANTS = list(itertools.product(ARCHITECTURES, ("tied", "untied"), (1, 3), ("fp32", "fp16", "bf16")))

DATA = pathlib.Path(os.environ.get("BITNET_DATA", "../../../shared/data"))
PROGRAM = os.environ.get("BITNET_PROGRAM", "bitnet")


def bitnet(*arguments, status=0):
    """Runs the program; its standard output. Any other exit status than the expected one fails with its messages."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == status, f"bitnet {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def part(name):
    """The program built from NAME.cpp of this folder: a part of the library by itself."""
    parts = os.environ.get("BITNET_INTEROP_PARTS")
    if not parts:
        pytest.skip(f"skipped: {name} was not built, $BITNET_INTEROP_PARTS is not set")
    return pathlib.Path(parts) / name


def compress(model, out, *options):
    """-> compression_metadata.json, as --json prints it."""
    return json.loads(bitnet("compress", model, "-o", out, "-q", "--json", *options))


def random_model(path, architecture, tied="tied", shards=1, dtype="fp32", *options):
    untied = ["--untied"] if tied == "untied" else []
    bitnet("random-model", path, "--arch", architecture, "--shards", shards, "--dtype", dtype, "--seed", 7, *untied, *options)
    return path


FIGURES = {}


@pytest.fixture(scope="session")
def record_figures():
    """Sums codes, codes that differ near a threshold, and scales that differ by a rounding, for the summary."""
    def record(name, *numbers):
        FIGURES[name] = [a + b for a, b in zip(numbers, FIGURES.get(name, [0] * len(numbers)))]
    return record


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("against the formulas")
        terminalreporter.line(f"{'recipe':32}{'codes':>12}{'differ':>10}{'weights with a scale that differs':>36}")
    for name, (codes, different, scales) in FIGURES.items():
        terminalreporter.line(f"{name:32}{codes:12}{different:10}{scales:36}")


@pytest.fixture(scope="session")
def pages():
    """The functions of docs/formats, by name."""
    return format_pages.functions()


@pytest.fixture(scope="session", params=VARIANTS, ids=lambda v: "-".join(map(str, v)))
def any_model(request, tmp_path_factory):
    """Every architecture, tied and untied, in one file and in three, in each type. (No two are alive at once.)"""
    return random_model(tmp_path_factory.mktemp("model") / "m", *request.param)


@pytest.fixture(scope="session", params=list(itertools.product(ARCHITECTURES, ("tied", "untied"))),
                ids=lambda v: "-".join(v))
def architecture_model(request, tmp_path_factory):
    return random_model(tmp_path_factory.mktemp("model") / "m", *request.param)


@pytest.fixture(scope="session")
def trained_model():
    path = DATA / "models" / "tinystories-656k"
    if not path.is_dir():
        pytest.skip(f"skipped: no trained model at {path}")
    return path
