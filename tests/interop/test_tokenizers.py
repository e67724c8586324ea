"""Ids and texts of `bitnet tokenize` are those of the tokenizers library, on random strings and on every kind of part."""

import itertools
import json
import random
import subprocess
import unicodedata

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from conftest import DATA, PROGRAM

SEED = 20
COUNT = 10_000

# Ranges to draw characters from: ASCII, control, Latin, combining marks, Greek to Arabic, Indic, Hangul, kana, CJK,
# emoji with joiners and skin tones, numbers of every kind, white space of every kind, private use, noncharacters.
RANGES = [(0x20, 0x7E), (0x00, 0x1F), (0x7F, 0xA0), (0xA1, 0x24F), (0x300, 0x36F), (0x370, 0x6FF), (0x900, 0xD7F),
          (0x1100, 0x11FF), (0xAC00, 0xD7A3), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0x1F300, 0x1FAFF), (0x1F3FB, 0x1F3FF),
          (0x200B, 0x200F), (0xFE00, 0xFE0F), (0x2150, 0x218B), (0x2460, 0x24FF), (0x660, 0x669), (0x2000, 0x200A),
          (0x2028, 0x202F), (0x1E00, 0x1FFF), (0x2581, 0x2581), (0x180E, 0x180E), (0xE000, 0xE0FF), (0xFFF0, 0xFFFF),
          (0x1D15E, 0x1D164), (0xF900, 0xFAFF), (0x0344, 0x0345), (0x20000, 0x20100), (0x10FFF0, 0x10FFFF)]
PIECES = ["the ", " and", "Hello", "'s", "'LL", "'\u017f", "don't", "\n", "\r\n", "\t", "  ", " \n\n ", "1234567", "e\u0301", "\u212b",
          "\ufeff", "\u3000", "<0x0A>", "</s", "<s>", "<|endoftext|>", "<|im_start|>", "<|end_story|>", "\u2581", "👨‍👩‍👧‍👦", "🇩🇪",
          "\ufffd", "Once upon a time", "def f(x):\n    return x", "https://a.b/c?d=1", "日本語", "안녕", "مرحبا", "हिन्दी"]


def assigned(code):
    """In the Unicode version of this Python; what later versions add is a letter to one library and nothing to another."""
    return unicodedata.category(chr(code)) not in ("Cs", "Cn")


def random_character(draw, first, last):
    code = draw.randint(first, last)
    return chr(code) if assigned(code) or code & 0xFFFE == 0xFFFE else random_character(draw, first, last)


def random_text(draw):
    kind = draw.random()
    if kind < 0.1:  # a long run
        return random_text(draw)[:4] + draw.choice([" ", "\n", "a", "0", "é", "😀", "\u0301", "!", chr(draw.randrange(32, 0x500))]) \
            * draw.randrange(1, 400) + random_text(draw)[:4]
    out = ""
    for _ in range(draw.randrange(0, 40)):
        if draw.random() < (0.8 if kind < 0.5 else 0.2):
            out += draw.choice(PIECES)
        elif kind > 0.95:
            out += random_character(draw, 0, 0x10FFFF)
        else:
            out += random_character(draw, *draw.choice(RANGES))
    return out


def random_texts(accept=lambda text: True):
    print("seed", SEED)
    draw = random.Random(SEED)
    return list(itertools.islice(filter(accept, iter(lambda: random_text(draw), None)), COUNT))


@pytest.fixture(scope="module")
def texts():
    return random_texts()


def ours(path, texts, *options):
    done = subprocess.run([PROGRAM, "tokenize", str(path), "--batch", "-", *options], input=json.dumps(texts).encode(),
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    return answer["ids"], answer["texts"]


def compare(path, reference, texts):
    """With control tokens added and found, and without either. -> how many of 2·len(texts) come back unchanged"""
    special = {id for id, token in reference.get_added_tokens_decoder().items() if token.special}
    unchanged = 0
    for plain in (False, True):
        reference.encode_special_tokens = plain
        theirs = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=not plain)]
        # Left out here: the library itself keeps special tokens whose text the normalizer changes.
        their_texts = [reference.decode([id for id in ids if not (plain and id in special)], skip_special_tokens=False)
                       for ids in theirs]
        our_ids, our_texts = ours(path, texts, *(["--no-special"] if plain else []))
        for text, ids, their_ids, back, their_back in zip(texts, our_ids, theirs, our_texts, their_texts, strict=True):
            assert ids == their_ids, repr(text)
            assert back == their_back, repr(text)
            unchanged += back == text
    return unchanged


@pytest.mark.parametrize("name", ["tokenizers/gpt2", "tokenizers/llama2", "models/tinystories-656k"])
def test_ids_and_texts_equal_those_of_the_library(name, texts):
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"skipped: no tokenizer at {path}")
    unchanged = compare(path, tokenizers.Tokenizer.from_file(str(path / "tokenizer.json")), texts)
    if name == "tokenizers/gpt2":  # knows every byte, changes none, and adds nothing
        assert unchanged == 2 * COUNT


def read_merges(path):
    lines = path.read_text(encoding="utf-8").split("\n")[1:]
    return [tuple(line.split(" ")) for line in lines if line]


def test_a_tokenizer_of_vocabulary_and_merges_equals_the_one_its_class_stands_for():
    path = DATA / "tokenizers" / "qwen2"
    if not path.is_dir():
        pytest.skip(f"skipped: no tokenizer at {path}")
    vocab = json.loads((path / "vocab.json").read_text(encoding="utf-8"))
    reference = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=read_merges(path / "merges.txt")))
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
               r"\s+(?!\S)|\s+")
    reference.normalizer = normalizers.NFC()
    reference.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    reference.decoder = decoders.ByteLevel()
    config = json.loads((path / "tokenizer_config.json").read_text(encoding="utf-8"))
    reference.add_special_tokens([tokenizers.AddedToken(token["content"], normalized=False, special=True)
                                  for _, token in sorted(config["added_tokens_decoder"].items(), key=lambda item: int(item[0]))])
    # The library's tables for NFC are those of an old Unicode version: marks added later stay where they are.
    compare(path, reference, random_texts(
        lambda text: reference.normalizer.normalize_str(text) == unicodedata.normalize("NFC", text)))


# Small tokenizers with one unusual part each.

LETTERS = [*"abcdefg ABC!?.,-_123\n\t'", "é", "日", "▁"]


def small_model(**changes):
    """BPE over a few characters, bytes as fallback, and merges among the letters and the space mark."""
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for token in [f"<0x{byte:02X}>" for byte in range(256)] + LETTERS:
        vocab.setdefault(token, len(vocab))
    merges = []
    for left, right in [("a", "b"), ("ab", "c"), ("▁", "a"), ("▁", "ab"), ("▁a", "b"), ("a", "a"), ("aa", "aa"), ("▁", "▁"),
                        ("1", "2"), ("12", "3"), ("c", "▁"), ("<0xC3>", "<0xA4>"), (".", "."), ("b", "c")]:
        vocab.setdefault(left + right, len(vocab))
        merges.append([left, right])
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
             "fuse_unk": True, "byte_fallback": True, "ignore_merges": False, "vocab": vocab, "merges": merges}
    return {**model, **changes}


def added(id, content, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False, **flags}


def document(**parts):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": None, "model": small_model(), **parts}


def without_bytes(**changes):
    model = small_model(byte_fallback=False, **changes)
    model["vocab"] = {token: id for token, id in model["vocab"].items() if not token.startswith("<0x")}
    model["merges"] = [merge for merge in model["merges"] if not merge[0].startswith("<0x")]
    return model


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(scheme, cut):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut}


def sequence(key, *steps):
    return {"type": "Sequence", key: list(steps)}


REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
LLAMA = sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, REPLACE)
BACK = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
STRIP = {"type": "Strip", "content": " ", "start": 2, "stop": 0}
FALLBACK, FUSE = {"type": "ByteFallback"}, {"type": "Fuse"}
TOKENS = [added(0, "<unk>", special=True), added(1, "<s>", special=True, normalized=True), added(2, "</s>", special=True),
          *(added(len(small_model()["vocab"]) + index, text, **flags) for index, (text, flags) in enumerate(
              [("abd", {"normalized": True}), ("ba", {"single_word": True}), ("! ", {"lstrip": True, "rstrip": True}),
               ("?b", {"lstrip": True}), (".?", {"rstrip": True}), (".! ", {"normalized": True}), ("a b", {})]))]
TEMPLATE = {"type": "TemplateProcessing", "pair": [], "special_tokens": {
    "<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}, "end": {"id": "end", "ids": [2, 0], "tokens": ["</s>", "<unk>"]}},
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "end", "type_id": 0}}]}
TEMPLATE["pair"] = TEMPLATE["single"] + [{"Sequence": {"id": "B", "type_id": 1}}]
OFFSETS = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}

VARIANTS = {
    "bare": document(),
    "no fallback": document(model=without_bytes(), normalizer=LLAMA),
    "unknown tokens one by one": document(model=without_bytes(fuse_unk=False), normalizer=LLAMA),
    "ignore merges": document(model=small_model(ignore_merges=True), pre_tokenizer=split({"Regex": "\\s+"}, "MergedWithNext")),
    "merges as text": document(model=small_model(merges=[" ".join(pair) for pair in small_model()["merges"]])),
    "added tokens": document(added_tokens=TOKENS),
    "added tokens under Prepend": document(added_tokens=TOKENS, normalizer=LLAMA),
    "added tokens under Metaspace": document(added_tokens=TOKENS, pre_tokenizer=metaspace("first", False)),
    "template": document(added_tokens=TOKENS, post_processor=sequence("processors", OFFSETS, TEMPLATE)),
    "NFC and a regular expression": document(normalizer=sequence(
        "normalizers", {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "[\\s]{2,}|\\w\\W"}, "content": "--"})),
    "decoders": document(normalizer=LLAMA, decoder=sequence("decoders", BACK, FALLBACK, FUSE, STRIP)),
    "strip every token": document(normalizer=LLAMA, decoder=sequence("decoders", FALLBACK, BACK, STRIP)),
    "decoder of Metaspace": document(pre_tokenizer=metaspace("always", True), decoder=metaspace("always", True)),
    "decoder of Metaspace without prefix": document(pre_tokenizer=metaspace("never", True), decoder=metaspace("never", True)),
    "decoder that replaces": document(decoder=sequence(
        "decoders", {"type": "Replace", "pattern": {"Regex": "[ab]+"}, "content": "x"}, sequence("decoders", FUSE))),
    "bytes in steps": document(pre_tokenizer=sequence(
        "pretokenizers", split({"Regex": "\\d{1,2}|(?=b)"}), sequence("pretokenizers", {**OFFSETS, "add_prefix_space": False})),
        decoder=OFFSETS, added_tokens=TOKENS),
    "bytes with a space in front": document(pre_tokenizer=OFFSETS, decoder=OFFSETS, added_tokens=TOKENS),
}
for scheme in ("always", "first", "never"):
    for cut in (True, False):
        VARIANTS[f"Metaspace {scheme} {cut}"] = document(pre_tokenizer=metaspace(scheme, cut))
for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
    for invert in (True, False):
        for pattern in ({"Regex": "[ab]|\\s"}, {"String": "a"}, {"Regex": "(?=a)|\\.+"}, {"Regex": "^|$"}):
            VARIANTS[f"{behavior} {invert} {pattern}"] = document(pre_tokenizer=split(pattern, behavior, invert))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_kind_of_part_does_what_it_does_in_the_library(name, tmp_path):
    draw = random.Random(SEED)
    pieces = [*LETTERS, *"aaabb  .", "abc", "abd", "ba", "! ", "?b", ".?", ".! ", "<s>", "</s>", "<unk>", "ä", "😀", "\u00a0", "e\u0301", "\u3000"]
    texts = ["".join(draw.choices(pieces, k=draw.randrange(12))) for _ in range(600)]
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(VARIANTS[name]), encoding="utf-8")
    compare(path, tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8")), texts)
