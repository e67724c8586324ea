"""Metrics that `bitnet compress` writes of a job, read by TensorBoard and by W&B."""

import collections
import json

import numpy as np
import pytest

from conftest import compress, random_model
from metric_readers import read_tensorboard, read_wandb

STEPS = 6
METRICS = """original_size_mb pre_perplexity pre_eval_loss compressed_size_mb ratio layers_compressed sparsity_ratio
    quantized_params total_params layers_quantized post_perplexity perplexity_degradation accuracy_preserved
    dequantization_accuracy gradient_flow_test_passed post_finetune_perplexity perplexity_recovery fine_tune_epochs
    fine_tune_time_hours""".split()
SUMMARY = """compression_ratio original_size_mb compressed_size_mb final_perplexity accuracy_preserved success
    quantization_method sparsity_ratio""".split()
NAMES = {f"compression/{name}" for name in METRICS} | {f"phase/{name}" for name in SUMMARY}
# A job may have no gates, and then no verdict; a model that rounding made better has nothing to win back.
MAY_BE_MISSING = {"compression/dequantization_accuracy", "compression/gradient_flow_test_passed",
                  "compression/perplexity_recovery", "phase/success"}


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A small model that learns for a few steps, told to everything at once."""
    place = tmp_path_factory.mktemp("job")
    random_model(place / "model", "llama")
    texts = [" ".join(str((7 * text + word * (1 + text % 5)) % 60) for word in range(24)) for text in range(60)]
    (place / "ids.txt").write_text("\n".join(texts) + "\n")
    record = compress(place / "model", place / "out", "--text", place / "ids.txt", "--split", "ids", "--fine-tune", "always",
                      "--steps", STEPS, "--evaluate-every", 3, "--batch-tokens", 128, "--context", 24, "--set",
                      "wandb_project=stories", "--tensorboard", place / "tb", "--wandb", place / "wandb")
    lines = [json.loads(line) for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
    return place, record, lines


@pytest.fixture(scope="module")
def points(job):
    """-> name: [(step, time, value)], as the lines of JSON tell them."""
    out = collections.defaultdict(list)
    for line in job[2]:
        if line["record"] == "point":
            out[line["name"]].append((line["step"], line["wall_time"], line["value"]))
    return out


def only(directory):
    (entry,) = directory.iterdir()
    return entry


def test_the_names_are_those_of_the_phase(job, points):
    told = {name for name in points if name.startswith(("compression/", "phase/"))}
    told |= {line["name"] for line in job[2] if line["record"] == "text"}
    assert len(METRICS) == 19 and len(SUMMARY) == 8
    assert told <= NAMES
    assert NAMES - told <= MAY_BE_MISSING
    assert set(job[2][-1]["summary"]) == told


def test_values_are_those_of_the_record(job, points):
    place, record, _ = job
    value = {name: found[-1][2] for name, found in points.items()}
    tuned = record["fine_tuning"]
    before, after = record["quality"]["pre_perplexity"], record["quality"]["post_perplexity"]  # measured on the files
    rounded, learned = tuned["post_compression_perplexity"], tuned["training"]["best_perplexity"]
    assert np.isclose(before, tuned["pre_perplexity"], rtol=1e-5) and np.isclose(after, learned, rtol=1e-3)
    packed = (place / "out" / "quantized" / "model.safetensors").stat().st_size
    assert value["compression/original_size_mb"] == 4 * record["total_params"] / 2**20
    assert value["compression/compressed_size_mb"] == packed / 2**20
    assert value["compression/ratio"] == value["phase/compression_ratio"] == 4 * record["total_params"] / packed
    assert value["compression/pre_perplexity"] == before
    assert np.isclose(value["compression/pre_eval_loss"], np.log(before), rtol=1e-12)
    assert value["compression/post_perplexity"] == rounded
    assert value["compression/perplexity_degradation"] == (rounded - before) / before
    assert value["compression/accuracy_preserved"] == float((after - before) / before <= record["config"]["max_accuracy_drop"])
    assert value["phase/final_perplexity"] == after
    assert value["compression/post_finetune_perplexity"] == learned
    if rounded > before:
        assert np.isclose(value["compression/perplexity_recovery"], (rounded - learned) / (rounded - before), rtol=1e-12)
    ternary = [tensor for tensor in record["tensors"] if tensor["treatment"] == "ternary"]
    assert value["compression/layers_quantized"] == len(ternary)
    layers = {tensor["name"].split(".")[2] for tensor in ternary}
    assert value["compression/layers_compressed"] == len(layers)
    for matrix in {tensor["name"].split(".", 3)[3].removesuffix(".weight") for tensor in ternary}:
        assert [step for step, _, _ in points[f"layer/{matrix}/sparsity"]] == list(range(len(layers)))


def test_tensorboard_reads_every_scalar_of_a_job(job, points):
    found = read_tensorboard(only(job[0] / "tb"))
    assert set(found.PluginTagToContent("scalars")) == set(points)
    for name, wanted in points.items():
        read = [(e.step, e.wall_time, float(e.tensor_proto.float_val[0])) for e in found.Tensors(name)]
        assert read == [(step, time, float(np.float32(value))) for step, time, value in wanted], name
    assert len(found.Tensors("train/loss")) == STEPS
    assert [e.tensor_proto.string_val[0] for e in found.Tensors("phase/quantization_method")] == [b"BitNet-1.58"]


def items(entries):
    return {tuple(e.nested_key) or e.key: json.loads(e.value_json) for e in entries}


def test_wandb_reads_run_history_summary_and_exit_of_a_job(job, points):
    place, record, lines = job
    directory = only(place / "wandb")
    records = read_wandb(directory)
    kinds = [r.WhichOneof("record_type") for r in records]
    assert kinds[:2] == ["header", "run"] and kinds[-4:] == ["summary", "exit", "final", "footer"]
    run = records[1].run
    assert (run.run_id, run.project) == (lines[0]["id"], "stories") and directory.name.endswith(run.run_id)
    assert items(run.config.update) == lines[0]["config"]
    told = collections.defaultdict(list)
    for r in records:
        if r.WhichOneof("record_type") == "history":
            row = items(r.history.item)
            (name,) = [key for key in row if key != "step" and not key.startswith("_")]
            told[name].append((row["step"], row["_timestamp"], row[name]))
    assert told.pop("phase/quantization_method")[0][2] == "BitNet-1.58"
    assert told == points
    summary = items(records[-4].summary.update)
    for name, value in lines[-1]["summary"].items():
        assert summary[name] == value, name
    assert summary["train/loss"] == points["train/loss"][-1][2]
    assert records[-3].exit.exit_code == 0
