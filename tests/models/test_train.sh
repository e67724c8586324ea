#!/usr/bin/env bash
# The command that made the models that come with bitnet makes both of few stories:  test_train.sh BITNET OUT
set -euo pipefail
models=$(cd "$(dirname "$0")/../../examples/models" && pwd)
rm -rf "$2"
BITNET_STORIES=20 BITNET_EPOCHS=1 "$models/train.sh" "$2" "$1"
head -n 40 "$2/valid.jsonl" | cmp - "$models/stories.jsonl"  # what the demo scores are stories of the split that nothing learns
"$1" eval "$2/stories" --text "$models/stories.jsonl" --split jsonl
"$1" eval "$2/stories-ternary/quantized" --text "$models/stories.jsonl" --split jsonl
for name in config.json model.safetensors tokenizer.json tokenizer_config.json; do test -s "$models/stories/$name" -a -s "$2/stories/$name"; done
rm -r "$2"
