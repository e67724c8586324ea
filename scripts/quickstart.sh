#!/usr/bin/env bash
# Installs what is missing (Debian), builds the bitnet program and runs its main job:  scripts/quickstart.sh [MODEL]
# Without MODEL it makes a small model with random weights first: real work on weights that nobody trained.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_dependencies.sh
cmake --preset release -D BITNET_BUILD_BENCHMARKS=OFF
cmake --build build/release --target bitnet_program
bitnet=build/release/examples/bitnet
out=build/quickstart
mkdir -p "$out"
model=${1:-$out/random-model}
if [[ $# -eq 0 ]]; then
    "$bitnet" random-model "$model" --hidden 256 --intermediate 768 --layers 4 --heads 8 --kv-heads 4 --force
fi
"$bitnet" compress "$model" -o "$out/compressed" --force
"$bitnet" inspect "$out/compressed" | tail -n 8
