#!/usr/bin/env bash
# Installs what is missing (Debian), builds the bitnet program and runs its main job:  scripts/quickstart.sh [MODEL]
# Without MODEL on the small model that comes with bitnet, which learns to live with what was done to it.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install_dependencies.sh
cmake --preset release -D BITNET_BUILD_BENCHMARKS=OFF
cmake --build build/release --target bitnet_program
bitnet=build/release/examples/bitnet
out=build/quickstart
mkdir -p "$out"
if [[ $# -eq 0 ]]; then exec "$bitnet" demo -o "$out/demo"; fi
"$bitnet" compress "$1" -o "$out/compressed" --force
"$bitnet" inspect "$out/compressed" | tail -n 8
