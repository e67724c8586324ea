"""Models of the quantization method "bitnet" as transformers stores and runs them: packed ("offline") and float ("online").

Their layers round activations to int8. Where a value lies within a rounding error of the middle between two integers, two
programs that add in another order may round it to different ones, and hidden states then differ by a step of int8. So
texts are short, and those in which transformers meets no such value must agree; about half of them do.
"""

import json

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from transformers.integrations.bitnet import AutoBitLinear, BitLinear, pack_weights
from transformers.quantizers import quantizer_bitnet

from conftest import bitnet
from test_logits import SIZES, our_logits

TEXTS = [[(7 * i * i + 13 * n + 3) % 300 for i in range(8)] for n in range(40)]
# A value is rounded to at most 127 after a layer's worth of FP32 additions: 3 units in the last place of 127.
NEAR_A_TIE = 127 * 3 * 2.0**-23
KEYS = {**SIZES, "num_hidden_layers": 2}
MODELS = {  # configuration, modules that stay dense, type of what is not packed
    "bitnet, tied, BF16": (lambda: transformers.BitNetConfig(**KEYS, num_key_value_heads=2, tie_word_embeddings=True),
                           None, torch.bfloat16),
    "llama, some layers dense": (lambda: transformers.LlamaConfig(**KEYS, num_key_value_heads=2),
                                 ["lm_head", "o_proj", "model.layers.1.mlp.up_proj"], torch.float32),
    "llama, biases": (lambda: transformers.LlamaConfig(**KEYS, num_key_value_heads=4, attention_bias=True, mlp_bias=True),
                      None, torch.float32),
}
LAYERS = [("bitlinear", "offline"), ("autobitlinear", "offline"), ("autobitlinear", "online")]


def write_model(place, name, linear_class, mode):
    """A random model of float weights, stored as transformers stores layers of that class. -> the codes of each, by name"""
    config, dense, dtype = MODELS[name][0](), *MODELS[name][1:]
    torch.manual_seed(2)
    model = transformers.AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():  # norms and biases too, which begin as ones and zeros
        if parameter.dim() == 1:
            parameter.data += 0.3 * torch.randn_like(parameter)
    state, codes = {key: tensor.to(dtype) for key, tensor in model.state_dict().items()}, {}
    if config.tie_word_embeddings:
        del state["lm_head.weight"]
    for layer, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and not layer.endswith(tuple(dense or ["lm_head"])):
            weight = module.weight.detach()
            alpha = weight.abs().mean()
            codes[layer] = (weight / alpha).round().clamp(-1, 1)
            if mode == "offline":
                state[f"{layer}.weight"] = pack_weights(codes[layer].clone())  # adds 1 to what it is given
                scale = alpha if linear_class == "autobitlinear" else 1 / alpha
                state[f"{layer}.weight_scale"] = scale.reshape(1).to(dtype)
    place.mkdir()
    safetensors.torch.save_file(state, place / "model.safetensors", {"format": "pt"})
    (place / "config.json").write_text(json.dumps({
        **config.to_dict(), "architectures": [type(model).__name__],
        "quantization_config": {"quant_method": "bitnet", "linear_class": linear_class, "quantization_mode": mode,
                                "modules_to_not_convert": dense}}))
    return codes


@pytest.fixture
def load(monkeypatch):
    """Loads as transformers does, but without its compiler and without the package `accelerate`, which it asks for and does
    not use here."""
    monkeypatch.setattr(quantizer_bitnet, "is_accelerate_available", lambda: True)

    def loaded(place):
        model = transformers.AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, attn_implementation="eager")
        return torch.nn.Module.float(model.eval())  # beside packed weights it leaves others in the type of the file

    torch.compiler.set_stance("force_eager")
    yield loaded
    torch.compiler.set_stance("default")


def logits_and_margin(model, ids):
    """Logits of transformers, and how near an input of its BitNet layers comes to the middle between two integers."""
    margins = []

    def look(module, inputs):
        x = inputs[0].double()
        scaled = x * (127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5))
        margins.append((scaled - scaled.floor() - 0.5).abs().min().item())

    hooks = [module.register_forward_pre_hook(look) for module in model.modules() if isinstance(module, (AutoBitLinear, BitLinear))]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].numpy()
    for hook in hooks:
        hook.remove()
    return logits, min(margins)


@pytest.mark.parametrize("linear_class, mode", LAYERS)
@pytest.mark.parametrize("name", MODELS)
def test_logits_of_bitnet_layers_are_those_of_transformers(name, linear_class, mode, load, tmp_path):
    codes = write_model(tmp_path / "model", name, linear_class, mode)
    model = load(tmp_path / "model")
    layers = {name: module for name, module in model.named_modules() if isinstance(module, (AutoBitLinear, BitLinear))}
    assert layers.keys() == codes.keys()
    if (linear_class, mode) == ("autobitlinear", "offline"):  # some releases of transformers read 255 for -1
        assert all(torch.equal(module.weight, codes[name]) for name, module in layers.items())
    compared = []
    for text, ours in zip(TEXTS, our_logits(tmp_path / "model", tmp_path, TEXTS)):
        theirs, margin = logits_and_margin(model, text)
        assert ours.shape == theirs.shape and np.abs(theirs).max() > 1
        if margin > NEAR_A_TIE:
            compared.append(np.abs(ours - theirs).max())
    print(f"{len(compared)} of {len(TEXTS)} texts compared, by {max(compared):.2e}")
    assert len(compared) >= 10 and max(compared) <= 1e-3


def test_a_packed_model_is_listed_with_all_its_weights_and_is_not_compressed_again(tmp_path):
    write_model(tmp_path / "model", "bitnet, tied, BF16", "autobitlinear", "offline")
    write_model(tmp_path / "online", "bitnet, tied, BF16", "autobitlinear", "online")
    packed, dense = (json.loads(bitnet("inspect", tmp_path / place, "--json")) for place in ("model", "online"))
    assert packed["parameters"] == dense["parameters"] and packed["memory_bytes"] == dense["memory_bytes"]
    assert packed["notes"] == ["14 matrices are ternary, packed four rows a byte; their scales multiply"]
    refusal = bitnet("compress", tmp_path / "model", "-o", tmp_path / "out", status=1)
    assert 'quant_method "bitnet": the weights are compressed already' in refusal
