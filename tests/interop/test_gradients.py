"""Gradients of whole models, tensor by tensor, against PyTorch's."""

import json
import subprocess

import numpy as np
import pytest
import safetensors.numpy
import torch
import transformers

from conftest import DATA, part, random_model

TEXTS = [[5, 9, 200, 3, 17, 17, 80, 2, 31, 6], [1, 4], [90, 12, 77, 5, 255, 0, 8]]
# What each model has beside its family's defaults.
MODELS = {
    "llama": (),
    "llama untied": ("--untied",),
    "llama with as many key heads as heads": ("--kv-heads", "4"),
    "mistral": ("--untied",),
    "qwen2": (),
    "gpt2": (),
    "bitnet": (),
}


def expected(model, texts):
    """Loss and gradients by name. Without rounding of weights or activations: that of an online BitNet is not trained here."""
    config = json.loads((model / "config.json").read_text())
    config.pop("quantization_config", None)
    (model / "config.json").write_text(json.dumps(config))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")
    total, count = torch.zeros(()), 0
    for text in texts:
        logits = theirs(torch.tensor([text])).logits[0, :-1]
        total = total + torch.nn.functional.cross_entropy(logits, torch.tensor(text[1:]), reduction="sum")
        count += len(text) - 1
    (total / count).backward()
    return float(total.detach()) / count, {name: value.grad.numpy() for name, value in theirs.named_parameters()}


def compare(model, texts, tmp_path):
    (tmp_path / "ids.json").write_text(json.dumps(texts))
    done = subprocess.run([part("gradients"), model, tmp_path / "ids.json", tmp_path / "gradients.safetensors"], check=True,
                          capture_output=True, text=True)
    ours = safetensors.numpy.load_file(tmp_path / "gradients.safetensors")
    loss, theirs = expected(model, texts)
    assert float(done.stdout) == pytest.approx(loss, rel=1e-5)
    assert set(ours) <= {name.removeprefix("transformer.") for name in theirs} | set(theirs)
    assert len(ours) == len(theirs)
    for name, wanted in theirs.items():
        mine = ours[name if name in ours else name.removeprefix("transformer.")]
        wrong = np.linalg.norm(mine - wanted)
        if name.endswith("k_proj.bias"):  # softmax forgets what all keys share: only rounding is left
            assert wrong < 1e-6
        else:
            assert wrong <= 1e-4 * np.linalg.norm(wanted), name


@pytest.mark.parametrize("name", MODELS)
def test_gradients_of_a_random_model_are_those_of_pytorch(name, tmp_path):
    architecture = name.split()[0]
    model = random_model(tmp_path / "model", architecture, "tied", 1, "fp32", *MODELS[name])
    compare(model, TEXTS, tmp_path)


def test_gradients_of_the_trained_model_are_those_of_pytorch(tmp_path):
    trained = DATA / "models" / "tinystories-656k"
    if not trained.exists():
        pytest.skip(f"skipped: {trained} is not there")
    model = tmp_path / "model"
    model.mkdir()
    for file in trained.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    ids = np.random.default_rng(3).integers(0, 2048, size=(2, 200)).tolist()
    compare(model, ids, tmp_path)
