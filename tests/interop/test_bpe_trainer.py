"""Tokenizers trained here are those that the tokenizers library trains, token by token, and load there and in transformers."""

import json
import random
import subprocess

import pytest
import tokenizers
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from conftest import DATA, part
from test_tokenizers import SEED, random_text

END = "<|endoftext|>"
TEXTS = ("tinystories-train.txt", "tinystories-valid.jsonl", "wikitext2-test.raw")


def few_letters(draw):
    """Words of three letters and many repetitions: pairs that overlap, and ties at almost every merge."""
    return ["".join(draw.choices("aab  b\n", k=draw.randrange(200))) for _ in range(20)]


def many_scripts(draw):
    return [random_text(draw) for _ in range(600)]


def shared(name):
    path = DATA / "text" / name
    if not path.is_file():
        pytest.skip(f"skipped: no text at {path}")
    return [path.read_bytes().decode("utf-8")]


def paragraphs(name):
    return [document for document in shared(name)[0].split("\n") if document]


DOCUMENTS = {"few letters": lambda: few_letters(random.Random(SEED)), "many scripts": lambda: many_scripts(random.Random(SEED)),
             "one word": lambda: ["a" * 1000], **{name: lambda name=name: shared(name) for name in TEXTS},
             "wikitext2-test.raw by line": lambda: paragraphs("wikitext2-test.raw")}
SIZES = {"few letters": (257, 300, 4000), "many scripts": (258, 1000, 30000), "one word": (300,)}


@pytest.fixture(scope="module", params=DOCUMENTS)
def documents(request):
    print("seed", SEED)
    return request.param, DOCUMENTS[request.param]()


def ours(directory, documents, size, least):
    program = part("train_tokenizer")
    directory.mkdir()
    (directory / "documents.json").write_text(json.dumps(documents), encoding="utf-8")
    done = subprocess.run([program, directory / "documents.json", str(size), str(least), directory], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return directory / "tokenizer.json"


def theirs(documents, size, least):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(documents, trainers.BpeTrainer(
        vocab_size=size, min_frequency=least, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{END} $A", pair=f"{END} $A {END}:1 $B:1",
                                                             special_tokens=[(END, tokenizer.token_to_id(END))])
    return tokenizer


def require_equal_files(written, reference):
    """First what differs in the model by number, for merges and tokens are thousands."""
    for index, (mine, other) in enumerate(zip(written["model"]["merges"], reference["model"]["merges"])):
        assert mine == other, f"merge {index}"
    assert len(written["model"]["merges"]) == len(reference["model"]["merges"])
    assert written["model"]["vocab"] == reference["model"]["vocab"]
    assert written == reference


def require_equal_encodings(path, reference):
    draw = random.Random(SEED)
    texts = [random_text(draw) for _ in range(1000)]
    loaded = tokenizers.Tokenizer.from_file(str(path))
    for text, mine, other in zip(texts, loaded.encode_batch(texts), reference.encode_batch(texts), strict=True):
        assert mine.ids == other.ids, repr(text)
        assert mine.ids[0] == 0
        assert loaded.decode(mine.ids[1:], skip_special_tokens=False) == text


@pytest.mark.parametrize("least", (1, 2, 7))
def test_merges_and_ids_are_those_of_the_library(documents, least, tmp_path):
    name, texts = documents
    for size in SIZES.get(name, (4096,)):
        path = ours(tmp_path / str(size), texts, size, least)
        reference = theirs(texts, size, least)
        require_equal_files(json.loads(path.read_text(encoding="utf-8")), json.loads(reference.to_str()))
        require_equal_encodings(path, reference)


def test_transformers_reads_the_directory(tmp_path):
    path = ours(tmp_path / "out", few_letters(random.Random(SEED)), 300, 2)
    for kind in (transformers.AutoTokenizer, transformers.PreTrainedTokenizerFast):
        tokenizer = kind.from_pretrained(path.parent)
        assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 0, 0)
        assert tokenizer.model_max_length == 2048
        assert len(tokenizer) == 300
        text = "abba , a .\n  é" + END + " b 's"
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == 0 and ids.count(0) == 2
        assert tokenizer.decode(ids[1:]) == text
        assert tokenizer.decode(ids, skip_special_tokens=True) == text.replace(END, "")
