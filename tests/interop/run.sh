#!/usr/bin/env bash
# Files that bitnet writes, read by other programs:  tests/interop/run.sh [PROGRAM [PYTEST OPTION...]]
#
# PROGRAM is the bitnet to try, $BITNET_PROGRAM when it is not given; without either, one is built from this tree.
# Other programs live in a virtual environment, $BITNET_INTEROP_VENV or build/interop-venv, made anew when
# requirements.txt changes. Checks that need the shared data say so when it is not there: $BITNET_DATA or ../shared/data.
# So do those that need a part of the library by itself, a program of this folder, when PROGRAM was given:
# $BITNET_INTEROP_PARTS is the directory of those.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

parts=()
for source in "$here"/*.cpp; do parts+=("$(basename "$source" .cpp)"); done

program=${1:-${BITNET_PROGRAM:-}}
if [[ -z $program ]]; then
    (cd "$root" && cmake --preset dev && cmake --build --preset dev --target bitnet_program "${parts[@]}") >&2
    program=$root/build/dev/examples/bitnet
    export BITNET_INTEROP_PARTS=$root/build/dev/tests
fi
program=$(realpath "$program")
"$program" --version

venv=${BITNET_INTEROP_VENV:-$root/build/interop-venv}
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    # torch first and alone: what depends on it would otherwise choose a build for GPUs, of gigabytes.
    "$venv/bin/pip" install --quiet "$(grep '^torch==' "$here/requirements.txt")"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

cd "$here"
BITNET_PROGRAM=$program BITNET_DATA=${BITNET_DATA:-$root/../shared/data} HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 \
    "$venv/bin/python" -m pytest -p no:cacheprovider -o tmp_path_retention_policy=failed -q -rs "${@:2}"
