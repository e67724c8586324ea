#!/usr/bin/env bash
# Trains the small model that comes with bitnet, out of nothing but the generator beside this file:
#
#   examples/models/train.sh OUT [BITNET]
#
# OUT/stories is that model, in full precision; OUT/stories-ternary one of the same size as BitNet b1.58 has them, through
# ternary weights and 8-bit activations from its first step, to compare. BITNET is the program, build/release/examples/bitnet
# when it is not named.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?"usage: train.sh OUT [BITNET]"}
bitnet=${2:-$here/../../build/release/examples/bitnet}
stories=${BITNET_STORIES:-30000} epochs=${BITNET_EPOCHS:-2}

mkdir -p "$out"
python3 "$here/stories.py" --stories "$stories" --seed 1 --out "$out/train.jsonl"
python3 "$here/stories.py" --stories 400 --seed 1 --split valid --out "$out/valid.jsonl"
train() {
    "$bitnet" train --text "$out/train.jsonl" --eval-text "$out/valid.jsonl" --split jsonl \
        --epochs "$epochs" --batch-tokens 4096 --learning-rate 0.003 --warmup 100 --evaluate-every 100 --resume --force "$@"
}
train --init "$here/config.json" --train-tokenizer 512 --dense --dtype fp16 -o "$out/stories"
train --init "$here/config-ternary.json" --tokenizer "$out/stories" --recipe bitnet158 --activations int8 -o "$out/stories-ternary"
