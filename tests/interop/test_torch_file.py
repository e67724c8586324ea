"""What torch.save wrote is read value by value: pytorch_model.bin in all its forms beside the same tensors in safetensors."""

import json
import pathlib
import zipfile

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import compare
from conftest import bitnet, compress

STREAMS = {"archive": {}, "legacy": {"_use_new_zipfile_serialization": False}}
random = torch.Generator().manual_seed(21)


def normal(*shape):
    return torch.randn(*shape, generator=random)


def tensors():
    """Every type and every way to lie in memory. Integers and what is not a matrix come back as they are."""
    whole = normal(6, 10)
    large = normal(1000)
    tied = normal(5, 7)
    integers = {kind: torch.arange(12).to(kind).reshape(3, 4)
                for kind in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64)}
    return {
        **{str(kind).removeprefix("torch."): tensor for kind, tensor in integers.items()},
        "bool": torch.tensor([True, False, True]),
        "turned_int": torch.arange(24).reshape(2, 3, 4).permute(2, 0, 1),
        "float8": normal(4, 3).to(torch.float8_e4m3fn),
        "half": normal(3, 5).half(),
        "bfloat": normal(3, 5).bfloat16(),
        "double": normal(3, 5).double(),
        "plain": whole,
        "transposed": whole.t(),
        "rows": whole[2:5],
        "columns": whole[:, 3:7],
        "every_second": whole[::2, 1::3],
        "expanded": normal(4, 1).expand(4, 9),
        "repeated": normal(7).expand(3, 7),
        "permuted": normal(2, 3, 4).permute(2, 0, 1),
        "part_of_a_large_one": large[990:].view(2, 5),
        "tied": tied,
        "tied_again": tied,
        "scalar": torch.tensor(3.5),
        "scalar_int": torch.tensor(7),
        "empty": torch.zeros(0, 4),
        "empty_behind": whole[6:],
        "one": whole[1:2, 3:4],
        "ünï, \"quoted\"\n": normal(2),
    }


def save(path, state, stream):
    path.mkdir()
    torch.save(state, path / "pytorch_model.bin", **STREAMS[stream])
    return path


def listed(path, *options):
    return json.loads(bitnet("inspect", path, "--arch", "generic", "--json", *options))


def kept(path, out):
    """Every tensor through compress --keep "*": floats as F32, all else as it is."""
    compress(path, out, "--arch", "generic", "--keep", "*", "--keep-as", "fp32")
    return safetensors.torch.load_file(out / "quantized" / "model.safetensors")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_type_and_every_order_in_memory_is_read_exactly(stream, tmp_path):
    state = tensors()
    model = save(tmp_path / "m", state, stream)
    rows = {row["name"]: row for row in listed(model)["tensors"]}
    assert list(rows) == list(state)
    read = kept(model, tmp_path / "out")
    assert set(read) == set(state)
    for name, tensor in state.items():
        assert rows[name]["shape"] == list(tensor.shape), name
        stored = tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16, torch.float64) else tensor
        assert read[name].dtype == stored.dtype, name
        same = read[name].contiguous().view(torch.uint8) if tensor.dtype == torch.float8_e4m3fn else read[name]
        expected = stored.contiguous().view(torch.uint8) if tensor.dtype == torch.float8_e4m3fn else stored
        assert torch.equal(same, expected), name


@pytest.mark.parametrize("stream", STREAMS)
def test_values_are_those_that_torch_shows(stream, tmp_path):
    state = {name: tensor for name, tensor in tensors().items() if tensor.is_floating_point() and tensor.dtype != torch.float8_e4m3fn
             and tensor.numel() > 1}
    model = save(tmp_path / "m", state, stream)
    for name in ("transposed", "columns", "expanded", "part_of_a_large_one", "bfloat"):
        values = listed(model, "--tensor", name)["tensors"][0]["values"]
        assert np.isclose(values["min"], state[name].float().min().item(), rtol=1e-6), name
        assert np.isclose(values["max"], state[name].float().max().item(), rtol=1e-6), name


@pytest.mark.parametrize("stream", STREAMS)
def test_state_dicts_of_modules_and_checkpoints_are_opened(stream, tmp_path):
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    expected = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    optimizer = torch.optim.AdamW(module.parameters())
    module(torch.ones(2, 4)).sum().backward()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    optimizer.zero_grad()
    forms = {
        "state_dict": module.state_dict(),
        "parameters": dict(module.named_parameters()),
        "wrapped": {"model": module.state_dict(), "epoch": 3, "loss": 0.5, "lr": [1e-3, None], "name": "x"},
        "checkpoint": {"epoch": 3, "model_state_dict": module.state_dict(), "optimizer": optimizer.state_dict()},
        "lightning": {"state_dict": module.state_dict(), "global_step": 2**40},
        "mixed": {**module.state_dict(), "_extra_state": None, "version": 2},
    }
    for form, state in forms.items():
        read = kept(save(tmp_path / form, state, stream), tmp_path / f"out-{form}")
        names = [name for name in expected if form != "parameters" or name in dict(module.named_parameters())]
        assert set(read) == set(names), form
        for name in names:
            assert torch.equal(read[name], before[name]), (form, name)
    notes = listed(tmp_path / "mixed")["notes"]
    assert any("_extra_state" in note and "version" in note for note in notes)


def test_an_empty_dictionary_holds_no_tensors(tmp_path):
    for stream in STREAMS:
        assert listed(save(tmp_path / stream, {}, stream))["tensors"] == []


class Runs:
    """A pickle of this writes a file when it is loaded by pickle.load."""
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("stream", STREAMS)
def test_a_file_that_calls_something_is_refused_and_nothing_runs(stream, tmp_path):
    trap = tmp_path / "trap"
    for number, state in enumerate([{"w": normal(2), "x": Runs(trap)}, Runs(trap)]):
        model = save(tmp_path / str(number), state, stream)
        message = bitnet("inspect", model, "--arch", "generic", status=1)
        assert "pytorch_model.bin" in message and "io.open" in message and "offset" in message
    assert not trap.exists()
    torch.save({"c": torch.zeros(2, dtype=torch.complex64)}, model / "pytorch_model.bin", **STREAMS[stream])
    assert "torch.ComplexFloatStorage" in bitnet("inspect", model, "--arch", "generic", status=1)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_other_things_that_torch_saves_are_refused_by_what_they_are(tmp_path):
    (tmp_path / "m").mkdir()
    file = tmp_path / "m" / "pytorch_model.bin"
    refused = lambda: bitnet("inspect", tmp_path / "m", "--arch", "generic", status=1)
    torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)).save(str(file))
    assert "TorchScript" in refused()
    torch.save(torch.ones(2), file)
    assert "a tensor, expected a dictionary" in refused()
    safetensors.torch.save_file({"w": torch.ones(2)}, file)
    assert "safetensors" in refused()
    torch.save({"w": torch.ones(2)}, file)
    with zipfile.ZipFile(file) as sound, zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in sound.namelist():
            bomb.writestr(name, sound.read(name))
    (tmp_path / "bomb").rename(file)
    assert "compressed by method 8" in refused()
    torch.save({"w": torch.ones(2)}, file, pickle_protocol=4)
    assert "pickle protocol 4; only 2 is read" in refused()


def twin(path, model, shards):
    """The same directory with the weights as torch.save writes them, in one file or in `shards`."""
    path.mkdir()
    for file in pathlib.Path(model).iterdir():
        if "safetensors" not in file.name:
            (path / file.name).write_bytes(file.read_bytes())
    state = compare.open_all(model)
    if shards == 1:
        torch.save(state, path / "pytorch_model.bin")
        return path
    where = {name: f"pytorch_model-{i % shards + 1:05}-of-{shards:05}.bin" for i, name in enumerate(state)}
    for shard in set(where.values()):
        torch.save({name: state[name] for name in state if where[name] == shard}, path / shard)
    (path / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": where}))
    return path


def outputs(path):
    return {file.relative_to(path): file.read_bytes() for file in path.rglob("*.safetensors")}


@pytest.mark.parametrize("shards", (1, 3))
def test_a_model_compresses_to_the_bytes_of_its_safetensors_twin(architecture_model, shards, tmp_path):
    compress(architecture_model, tmp_path / "a")
    compress(twin(tmp_path / "m", architecture_model, shards), tmp_path / "b")
    assert outputs(tmp_path / "a") == outputs(tmp_path / "b") and len(outputs(tmp_path / "a")) == 2
    bitnet("dequantize", tmp_path / "a", "-o", tmp_path / "da", "-q")
    bitnet("dequantize", tmp_path / "b", "-o", tmp_path / "db", "-q")
    assert outputs(tmp_path / "da") == outputs(tmp_path / "db")


@pytest.mark.parametrize("tied", (True, False))
def test_a_model_of_transformers_compresses_to_the_same_bytes_from_either_file(tied, tmp_path):
    torch.manual_seed(5)
    config = transformers.LlamaConfig(vocab_size=160, hidden_size=48, intermediate_size=136, num_hidden_layers=2,
                                      num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=tied)
    model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(tmp_path / "safetensors")
    config.save_pretrained(tmp_path / "torch")
    torch.save(model.state_dict(), tmp_path / "torch" / "pytorch_model.bin")  # with both of a tied pair, on one storage
    for name in ("safetensors", "torch"):
        compress(tmp_path / name, tmp_path / f"out-{name}")
    assert outputs(tmp_path / "out-safetensors") == outputs(tmp_path / "out-torch")
    loaded = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "torch")
    assert all(torch.equal(a, b) for a, b in zip(loaded.state_dict().values(), model.state_dict().values()))
