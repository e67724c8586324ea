"""The transformers library loads dequantized/, computes what the oracle's weights give, and does not take quantized/ for a
model it knows."""

import json
import logging

import numpy as np
import pytest
import torch
import transformers

import compare
import oracle
from compare import RECIPES
from conftest import compress


SMALL = dict(vocab_size=160, hidden_size=48, intermediate_size=136, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64)
CONFIGURATIONS = {
    "llama": transformers.LlamaConfig(**SMALL, tie_word_embeddings=False),
    "llama-tied": transformers.LlamaConfig(**SMALL, tie_word_embeddings=True),
    "llama-biased": transformers.LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True),
    "mistral": transformers.MistralConfig(**SMALL, sliding_window=16),
    "qwen2": transformers.Qwen2Config(**SMALL),
    "gpt2": transformers.GPT2Config(vocab_size=160, n_embd=48, n_layer=2, n_head=4, n_positions=64),
    "bitnet": transformers.BitNetConfig(**SMALL),
}


@pytest.fixture(params=CONFIGURATIONS)
def saved_model(request, tmp_path):
    """A model that transformers made and saved: names, configuration and shards are its own."""
    torch.manual_seed(11)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGURATIONS[request.param])
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.add_(0.05 * torch.randn(tensor.shape))
    model.save_pretrained(tmp_path / "model", max_shard_size="40KB" if request.param in ("gpt2", "qwen2") else "1GB")
    return tmp_path / "model"


def load(path):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
    return model.eval(), info


def tokens(model):
    ids = torch.arange(2 * 24).reshape(2, 24) * 37 % model.config.vocab_size
    with torch.no_grad():
        return model(ids).logits


def oracle_state(model, path, recipe):
    """The original's state with its ternary weights replaced by the oracle's, and all others in FP16."""
    state = {}
    weights = compare.original_weights(path)
    for name, tensor in model.state_dict().items():
        canonical = name.removeprefix("transformer.")
        if canonical not in weights:  # a tied head
            continue
        array = weights[canonical]
        if compare.is_ternary(canonical):
            array = array.T if compare.is_transposed(canonical) else array
            scales, codes, _ = compare.quantized_weights(np.ascontiguousarray(array), recipe)
            array = compare.spread(scales, array.shape, recipe.scale) * codes
            array = array.T if compare.is_transposed(canonical) else array
        else:
            array = compare.kept_image(canonical, array, recipe)
        state[name] = torch.from_numpy(np.ascontiguousarray(array.astype(np.float16).astype(np.float32)))
    return state


def check(path, out, recipe):
    compress(path, out, *recipe.options)
    ours, info = load(out / "dequantized")
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    logits = tokens(ours)
    assert torch.isfinite(logits).all()
    tied = json.load(open(path / "config.json"))["tie_word_embeddings"]
    same = ours.get_output_embeddings().weight.data_ptr() == ours.get_input_embeddings().weight.data_ptr()
    assert same == tied

    original, _ = load(path)
    missing, unexpected = original.load_state_dict(oracle_state(original, path, recipe), strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}
    original.tie_weights()
    expected = tokens(original)
    difference = (logits - expected).abs().max().item()
    assert difference <= 1e-3
    assert (tokens(load(path)[0]) - expected).abs().max().item() > 10 * difference  # quantizing changes something at all
    return difference


@pytest.mark.parametrize("recipe", [RECIPES[0], RECIPES[2], RECIPES[9]], ids=lambda r: r.name)
def test_dequantized_loads_whole_and_computes_what_the_formulas_give(architecture_model, recipe, tmp_path):
    check(architecture_model, tmp_path / "out", recipe)


@pytest.mark.parametrize("recipe", [RECIPES[0], RECIPES[1]], ids=lambda r: r.name)
def test_the_same_holds_for_models_that_transformers_saved(saved_model, recipe, tmp_path):
    check(saved_model, tmp_path / "out", recipe)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
def test_a_trained_model_computes_what_the_formulas_give(trained_model, recipe, tmp_path):
    print(f"{recipe.name}: largest difference of a logit {check(trained_model, tmp_path / 'out', recipe):.2e}")


def test_quantized_is_not_taken_for_a_model_that_transformers_knows(architecture_model, tmp_path, caplog):
    """As docs/formats/packed_model.md says: a warning, and every ternary weight missing; or, one day, an error."""
    compress(architecture_model, tmp_path / "out")
    transformers.utils.logging.enable_propagation()
    try:
        with caplog.at_level(logging.WARNING):
            _, info = load(tmp_path / "out" / "quantized")
    except (ValueError, RuntimeError) as problem:
        assert "bitnet-cpp" in str(problem)
        return
    finally:
        transformers.utils.logging.disable_propagation()
    assert "bitnet-cpp" in caplog.text
    ternary = [name for name in compare.original_weights(architecture_model) if compare.is_ternary(name)]
    assert {name.removeprefix("transformer.") for name in info["missing_keys"]} >= set(ternary)
