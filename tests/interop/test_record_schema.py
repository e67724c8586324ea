"""Every record of a compression obeys docs/formats/compression_metadata.schema.json, and a wrong one does not."""

import copy
import json
import pathlib

import jsonschema
import pytest

from conftest import ARCHITECTURES, bitnet, compress, random_model

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "formats" / "compression_metadata.schema.json").read_text(encoding="utf-8"))
LEARNING = ("--self-text", 4, "--context", 32, "--batch-tokens", 128)


@pytest.fixture(scope="session")
def validator():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def check(validator, out, record):
    """The record as it is printed and as it lies there, without a key that the schema does not describe."""
    validator.validate(record)
    assert record == json.loads((out / "compression_metadata.json").read_text(encoding="utf-8"))
    assert set(record) <= set(SCHEMA["properties"])
    described = SCHEMA["$defs"]["fine_tuning"]["properties"]
    assert set(record.get("fine_tuning", {})) <= set(described)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_records_of_every_architecture_obey_the_schema(architecture, validator, tmp_path):
    record = compress(random_model(tmp_path / "m", architecture), tmp_path / "out")
    check(validator, tmp_path / "out", record)
    assert [file["path"] for file in record["files"]] == sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")
        if path.is_file() and path.name not in ("compression_metadata.json", "report.html"))


@pytest.mark.parametrize("options", [
    ("--planes", 2), ("--asymmetric",), ("--recipe", "phase4"), ("--keep-as", "int8"), ("--layout", "trit5", "--scale-type", "fp32"),
    ("--set", "save_quantized=false"), ("--set", "save_dequantized_fp16=false"), ("--arch", "generic"), ("--keep", "model.layers.0.*"),
], ids=lambda options: " ".join(map(str, options)))
def test_records_of_every_kind_of_output_obey_the_schema(options, validator, tmp_path):
    model = random_model(tmp_path / "m", "llama")
    record = compress(model, tmp_path / "out", *options)
    check(validator, tmp_path / "out", record)
    assert all((tensor["treatment"] == "ternary") == ("distortion" in tensor) for tensor in record["tensors"])


@pytest.mark.parametrize("options", [
    ("--fine-tune", "never"), ("--fine-tune", "always", "--steps", 2), ("--bits", 2.6), ("--degradation", 0.2), ("--refine", 1, "--fine-tune", "never"),
], ids=lambda options: " ".join(map(str, options)))
def test_records_of_calibration_and_learning_obey_the_schema(options, validator, tmp_path):
    record = compress(ROOT / "examples" / "models" / "stories", tmp_path / "out", "--gates", "warn", *LEARNING, *options)
    check(validator, tmp_path / "out", record)
    assert {"quality", "agreement", "out_of_domain", "gates", "verdict", "rungs", "samples", "histograms", "speed", "timing", "gradient_flow_test"} <= set(record)
    assert record["fine_tuning"]["pre_perplexity"] > 1


def test_the_record_of_a_model_that_was_trained_obeys_the_schema(validator, tmp_path):
    bitnet("train", ROOT / "examples" / "models" / "stories", "-o", tmp_path / "out", "-q", *LEARNING, "--steps", 2)
    check(validator, tmp_path / "out", json.loads((tmp_path / "out" / "compression_metadata.json").read_text(encoding="utf-8")))
    assert json.loads(bitnet("validate", tmp_path / "out", "--no-gradient-flow", "--json"))["passed"]


def test_what_an_earlier_phase_said_obeys_the_schema(validator, tmp_path):
    (tmp_path / "h.json").write_text(json.dumps({"pre_perplexity": 9, "pre_accuracy": 0.5, "model_size_mb": 1, "tokenizer_path": "."}))
    record = compress(random_model(tmp_path / "m", "llama"), tmp_path / "out", "--handoff", tmp_path / "h.json")
    check(validator, tmp_path / "out", record)
    assert [c["state"] for c in record["hand_in"]["checks"]] == ["warning", "skipped", "skipped", "warning", "passed"]


def test_a_wrong_record_is_refused(validator, tmp_path):
    record = compress(random_model(tmp_path / "m", "llama"), tmp_path / "out")
    ternary = next(i for i, tensor in enumerate(record["tensors"]) if tensor["treatment"] == "ternary")
    wrong = [
        lambda r: r.pop("compression_ratio"),
        lambda r: r.update(compression_ratio=-1),
        lambda r: r.update(sparsity_ratio=1.5),
        lambda r: r.update(total_params=1.5),
        lambda r: r.update(size_category="huge"),
        lambda r: r["tensors"][ternary].pop("distortion"),
        lambda r: r["tensors"][ternary].update(treatment="quaternary"),
        lambda r: r["tensors"][ternary].update(shape=[4, -1]),
        lambda r: r["tensors"][ternary].update(another=1),
        lambda r: r["files"][0].update(sha256="0" * 63),
        lambda r: r["files"][0].update(path="/etc/passwd"),
        lambda r: r.update(gates=[{"name": "size", "state": "good", "sentence": ""}]),
        lambda r: r.update(fine_tuning={"fine_tuned": False}),
        lambda r: r["hand_in"].pop("parameters"),
    ]
    for change in wrong:
        changed = copy.deepcopy(record)
        change(changed)
        assert not validator.is_valid(changed)


def test_a_trained_model_is_valid_when_it_was_written_and_not_when_a_byte_was_lost(trained_model, tmp_path):
    compress(trained_model, tmp_path / "out", "--gates", "off")
    assert json.loads(bitnet("validate", tmp_path / "out", "--json"))["passed"]
    packed = tmp_path / "out" / "quantized" / "model.safetensors"
    packed.write_bytes(packed.read_bytes()[:-1])
    assert "quantized/model.safetensors has " in bitnet("validate", tmp_path / "out", "--no-gradient-flow", status=3)
