"""Logits, perplexity and greedy text against transformers, from the same files."""

import json

import numpy as np
import pytest
import safetensors.numpy
import torch
import transformers

from conftest import DATA, bitnet, compress

SIZES = dict(vocab_size=300, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=8,
             max_position_embeddings=128, initializer_range=0.15)
ROPE = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
}


def llama(**keys):
    return transformers.LlamaConfig(**{**SIZES, "num_key_value_heads": 2, **keys})


MODELS = {
    "llama": lambda: llama(),
    "llama, as many key heads": lambda: llama(num_key_value_heads=8),
    "llama, one key head, tied": lambda: llama(num_key_value_heads=1, tie_word_embeddings=True),
    "llama, wide heads": lambda: llama(head_dim=24),
    "llama, biases": lambda: llama(attention_bias=True, mlp_bias=True),
    **{f"llama, rope {kind}": (lambda values=values: llama(rope_parameters={"rope_theta": 10000.0, **values}))
       for kind, values in ROPE.items()},
    "mistral, window": lambda: transformers.MistralConfig(**SIZES, num_key_value_heads=4, sliding_window=7),
    "qwen2": lambda: transformers.Qwen2Config(**SIZES, num_key_value_heads=2),
    "qwen2, window": lambda: transformers.Qwen2Config(**SIZES, num_key_value_heads=2, use_sliding_window=True, sliding_window=9,
                                                      max_window_layers=1),
    "gpt2": lambda: transformers.GPT2Config(vocab_size=300, n_embd=64, n_layer=3, n_head=8, n_positions=128,
                                            initializer_range=0.15),
    "gpt2, scores by layer": lambda: transformers.GPT2Config(vocab_size=300, n_embd=64, n_layer=3, n_head=4, n_positions=128,
                                                             scale_attn_by_inverse_layer_idx=True, initializer_range=0.15),
    "bitnet": lambda: transformers.BitNetConfig(**SIZES, num_key_value_heads=2),
}
TEXTS = [[(7 * i * i + 3) % 300 for i in range(100)], [5, 250, 17]]


def our_logits(model, place, texts, *options):
    (place / "ids.txt").write_text("\n".join(" ".join(map(str, ids)) for ids in texts))
    bitnet("eval", model, "--text", place / "ids.txt", "--split", "ids", "--logits", place / "logits.safetensors", "-q", *options)
    return [safetensors.numpy.load_file(place / "logits.safetensors")[f"logits.{i}"] for i in range(len(texts))]


def their_logits(model, texts):
    with torch.no_grad():
        return [model(torch.tensor([ids])).logits[0].float().numpy() for ids in texts]


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_transformers(name, tmp_path):
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(MODELS[name](), attn_implementation="eager").eval()
    for parameter in model.parameters():  # norms and biases too, which begin as ones and zeros
        if parameter.dim() == 1:
            parameter.data += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(tmp_path / "model")
    for ours, theirs in zip(our_logits(tmp_path / "model", tmp_path, TEXTS), their_logits(model, TEXTS)):
        assert ours.shape == theirs.shape and np.abs(theirs).max() > 1
        assert np.abs(ours - theirs).max() <= 1e-3


def test_logits_of_a_trained_model_are_those_of_transformers(trained_model, tmp_path):
    model = transformers.AutoModelForCausalLM.from_pretrained(trained_model, dtype=torch.float32).eval()
    texts = [[1, *((11 * i * i + 5) % 2048 for i in range(400))]]
    assert np.abs(our_logits(trained_model, tmp_path, texts)[0] - their_logits(model, texts)[0]).max() <= 1e-3


@pytest.mark.parametrize("stride, tokens, expected", [(256, 13947, 34.486), (128, 14001, 31.065)])
def test_perplexity_is_that_of_its_definition_in_torch(trained_model, tmp_path, stride, tokens, expected):
    """exp of the mean over windows of 256 tokens, each token scored in the first window that holds it with a left
    neighbour; computed here with transformers. The figures are for the tokens of the `tokenizers` package."""
    text = (DATA / "text" / "tinystories-train.txt").read_bytes()[:60000]
    (tmp_path / "text.txt").write_bytes(text)
    ours = json.loads(bitnet("eval", trained_model, "--text", tmp_path / "text.txt", "--context", 256, "--stride", stride,
                             "--json", "-q"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(trained_model / "tokenizer.json"))
    ids = tokenizer(text.decode())["input_ids"]
    model = transformers.AutoModelForCausalLM.from_pretrained(trained_model, dtype=torch.float32).eval()
    nll, count, scored = 0.0, 0, 1
    for begin in range(0, len(ids), stride):
        window = ids[begin:begin + 256]
        first = max(scored, begin + 1)
        if first < begin + len(window):
            with torch.no_grad():
                logs = torch.log_softmax(model(torch.tensor([window])).logits[0].double(), -1)
            for i in range(first, begin + len(window)):
                nll -= logs[i - begin - 1, ids[i]].item()
                count += 1
        scored = max(scored, begin + len(window))
    assert (ours["tokens"], count) == (tokens, tokens)
    assert abs(ours["perplexity"] / np.exp(nll / count) - 1) < 1e-5
    assert abs(ours["perplexity"] - expected) < 0.001


def bytewise(tokenizer, text):
    """Ids with an unknown token for each byte of a character that has no token, as some programs write them."""
    encoded = tokenizer(text, return_offsets_mapping=True)
    out = []
    for i, (begin, end) in zip(encoded["input_ids"], encoded["offset_mapping"]):
        out += [0] * len(text[begin:end].encode()) if i == 0 else [i]
    return out


def test_published_perplexities_of_the_trained_model(trained_model, tmp_path):
    """The reference program counts an unknown character once for each of its bytes."""
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(trained_model / "tokenizer.json"))
    stories = [json.loads(line)["text"] for line in open(DATA / "text" / "tinystories-valid.jsonl")]
    running = [(DATA / "text" / "tinystories-train.txt").read_bytes()[:60000].decode()]
    for texts, stride, tokens, expected in [(stories, 256, 118281, 24.924), (running, 256, 13975, 36.225), (running, 128, 14029, 32.303)]:
        (tmp_path / "ids").write_text("\n".join(" ".join(map(str, bytewise(tokenizer, text))) for text in texts))
        ours = json.loads(bitnet("eval", trained_model, "--text", tmp_path / "ids", "--split", "ids", "--context", 256,
                                 "--stride", stride, "--json", "-q"))
        assert ours["tokens"] == tokens and round(ours["perplexity"], 3) == expected


PROMPTS = ["Once upon a time", "Lily", "The dog", "One day, a boy named Tim", "In a big forest", "Mom said", "There was a cat",
           "\"Hello,\" said", "The sun was", "A little bird"]


def test_greedy_text_of_the_trained_model_is_that_of_transformers(trained_model):
    model = transformers.AutoModelForCausalLM.from_pretrained(trained_model, dtype=torch.float32).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(trained_model / "tokenizer.json"))
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        theirs = model.generate(ids, max_new_tokens=200, do_sample=False, eos_token_id=None, pad_token_id=0)[0, ids.shape[1]:]
        ours = json.loads(bitnet("generate", trained_model, "--prompt", prompt, "--temperature", 0, "-n", 200, "--ignore-eos",
                                 "--json"))
        assert ours["ids"] == theirs.tolist(), prompt


def test_a_packed_model_has_the_perplexity_of_its_dense_twin(trained_model, tmp_path):
    compress(trained_model, tmp_path / "out")
    (tmp_path / "text.txt").write_bytes((DATA / "text" / "tinystories-train.txt").read_bytes()[:20000])

    def perplexity(which, *options):
        return json.loads(bitnet("eval", tmp_path / "out" / which, "--text", tmp_path / "text.txt", "--json", "-q", *options))

    packed, dense, rounded = perplexity("quantized"), perplexity("dequantized"), perplexity("quantized", "--activations", "int8")
    assert (packed["weights"], dense["weights"]) == ("packed", "dense")
    assert abs(packed["perplexity"] / dense["perplexity"] - 1) < 1e-3
    assert packed["perplexity"] != rounded["perplexity"] and abs(rounded["perplexity"] / packed["perplexity"] - 1) < 0.02
