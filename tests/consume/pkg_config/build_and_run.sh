#!/bin/sh
# build_and_run.sh FOLDER: what a makefile would do with the installed bitnet.pc and bitnet-io.pc.
set -eu
mkdir -p "$1"
main=$(dirname "$0")/../main.cpp
for package in bitnet bitnet-io; do
    # shellcheck disable=SC2046,SC2086  # flags are words
    "${CXX:-c++}" -std=c++20 ${CXXFLAGS:-} "$main" $(pkg-config --cflags --libs "$package") -o "$1/$package"
    "$1/$package"
done
