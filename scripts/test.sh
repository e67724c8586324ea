#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests:  scripts/test.sh [PRESET]
# PRESET is dev, clang, asan or coverage; dev when none is given.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-dev}
scripts/install_dependencies.sh

if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset"
