"""The output of a whole job is what the next phase of a project begins with: transformers loads dequantized/ and finds there the
perplexity that the record tells, and PyTorch trains it on."""

import json
import logging
import math
import pathlib
import subprocess
import sys

import pytest
import torch
import transformers

from conftest import DATA, bitnet, compress

MODELS = pathlib.Path(__file__).resolve().parents[2] / "examples" / "models"
CONTEXT = 128
# Small, but nothing is left out: calibration, learning, both models, gates.
WHOLE = ("--self-text", 16, "--fine-tune", "always", "--steps", 8, "--batch-tokens", 512, "--context", CONTEXT, "--gates", "warn")
THREE_DIGITS = 5e-4  # half a unit of the third digit, where it says most: of 1.00


class Job:
    """A whole job of a model, and texts: one that it was judged by, and one that nobody has shown it."""

    def __init__(self, place, model, judged_by, unread):
        self.model, self.judged_by, self.unread, self.out = model, judged_by, unread, place / "out"
        self.eval_text = place / "eval.jsonl"
        self.eval_text.write_text("".join(json.dumps({"text": text}) + "\n" for text in judged_by), encoding="utf-8")
        self.record = compress(model, self.out, *WHOLE, "--eval-text", self.eval_text, "--split", "jsonl")


def stories():
    """The model that comes with bitnet, judged by stories.jsonl; it goes on with others of that split, which stories.py tells."""
    written = subprocess.run([sys.executable, MODELS / "stories.py", "--stories", "96", "--seed", "7", "--split", "valid"],
                             check=True, text=True, capture_output=True)
    return MODELS / "stories", *(lines(text) for text in ((MODELS / "stories.jsonl").read_text(encoding="utf-8"), written.stdout))


def tinystories(trained_model):
    """Judged by the first 32 stories of tinystories-valid.jsonl; it goes on with those behind them."""
    text = lines((DATA / "text" / "tinystories-valid.jsonl").read_text(encoding="utf-8"))
    return trained_model, text[:32], text[32:256]


def lines(text):
    return [json.loads(line)["text"] for line in text.splitlines()]


@pytest.fixture(scope="module", params=["stories", "tinystories-656k"])
def job(request, tmp_path_factory):
    found = stories() if request.param == "stories" else tinystories(request.getfixturevalue("trained_model"))
    return Job(tmp_path_factory.mktemp("job"), *found)


def load(path):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
    assert not any(info.values()), info  # keys that are missing, unexpected, of another shape; messages
    return model.eval()


def windows(path, texts):
    """Token ids of windows that begin every CONTEXT tokens of a text; of each, all but the first are predicted."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    documents = [tokenizer(text)["input_ids"] for text in texts]
    return [ids[i:i + CONTEXT] for ids in documents for i in range(0, len(ids) - 1, CONTEXT)]


def mean_loss(model, cut):
    """-> nats a predicted token, how many of those there are"""
    nll, count = 0.0, sum(len(window) - 1 for window in cut)
    for i in range(0, len(cut), 16):
        some = [torch.tensor(window) for window in cut[i:i + 16]]
        ids = torch.nn.utils.rnn.pad_sequence(some, batch_first=True)  # behind their ends, which nothing before looks at
        targets = torch.nn.utils.rnn.pad_sequence(some, batch_first=True, padding_value=-100)
        with torch.no_grad():
            logits = model(ids, use_cache=False).logits[:, :-1]
        nll += torch.nn.functional.cross_entropy(logits.flatten(0, 1).double(), targets[:, 1:].flatten(), reduction="sum").item()
    return nll / count, count


def perplexity(model, cut):
    return math.exp(mean_loss(model, cut)[0])


def test_transformers_finds_the_perplexities_of_the_record(job, caplog):
    transformers.utils.logging.enable_propagation()
    try:
        with caplog.at_level(logging.WARNING):
            original, dense = load(job.model), load(job.out / "dequantized")
    finally:
        transformers.utils.logging.disable_propagation()
    assert not caplog.records, caplog.text
    cut = windows(job.out / "dequantized", job.judged_by)
    assert windows(job.model, job.judged_by) == cut
    quality = job.record["quality"]
    found = [perplexity(original, cut), perplexity(dense, cut)]
    print(f"{job.model.name}: {quality['tokens']} tokens; transformers {found[0]:.6f} -> {found[1]:.6f}, "
          f"record {quality['pre_perplexity']:.6f} -> {quality['post_perplexity']:.6f}")
    assert mean_loss(dense, cut)[1] == quality["tokens"]
    assert found == pytest.approx([quality["pre_perplexity"], quality["post_perplexity"]], rel=THREE_DIGITS)
    told = json.loads(bitnet("eval", job.out / "dequantized", "--text", job.eval_text, "--split", "jsonl", "--context", CONTEXT, "--json", "-q"))
    assert (told["perplexity"], told["tokens"]) == (pytest.approx(found[1], rel=THREE_DIGITS), quality["tokens"])


def test_another_model_does_not_have_the_perplexity_of_the_record(job):
    """That of the original, of which no weight was changed, and that of one whose layers stand in another order."""
    cut, dense = windows(job.model, job.judged_by), load(job.out / "dequantized")
    dense.model.layers = torch.nn.ModuleList(reversed(dense.model.layers))
    for other in (load(job.model), dense):
        assert perplexity(other, cut) != pytest.approx(job.record["quality"]["post_perplexity"], rel=10 * THREE_DIGITS)


def test_ten_steps_of_adamw_lower_the_loss_on_texts_that_are_not_learned_from(job):
    model, cut = load(job.out / "dequantized"), windows(job.out / "dequantized", job.unread)
    held, learned = cut[:16], [window for window in cut[16:] if len(window) == CONTEXT]
    assert len(learned) >= 80
    before, _ = mean_loss(model, held)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    for step in range(10):
        ids = torch.tensor(learned[8 * step:8 * step + 8])
        optimizer.zero_grad()
        model(ids, labels=ids).loss.backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all() and parameter.grad.abs().max() > 0, name
        optimizer.step()
    after, _ = mean_loss(model.eval(), held)
    print(f"{job.model.name}: {before:.4f} -> {after:.4f} nats a token, {100 * (1 - after / before):.1f} % less")
    assert after < 0.99 * before
