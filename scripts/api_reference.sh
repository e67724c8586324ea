#!/usr/bin/env bash
# Makes pages of the comments in include/ with Doxygen:  scripts/api_reference.sh    (build/api_reference/html/index.html)
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v doxygen >/dev/null; then
    echo "scripts/api_reference.sh: no doxygen; scripts/install_dependencies.sh --all installs it" >&2
    exit 1
fi
mkdir -p build/api_reference
BITNET_VERSION=$(sed -n 's/^#define BITNET_VERSION "\(.*\)"/\1/p' include/bitnet/config/abi.hpp)
export BITNET_VERSION
doxygen docs/api/Doxyfile
echo "build/api_reference/html/index.html"
