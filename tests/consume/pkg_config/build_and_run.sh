#!/bin/sh
# build_and_run.sh FOLDER: what a makefile would do with the installed bitnet.pc, bitnet-io.pc and bitnet-live.pc.
set -eu
mkdir -p "$1"
for package in bitnet bitnet-io bitnet-live; do
    main=$(dirname "$0")/../main.cpp
    [ $package = bitnet-live ] && main=$(dirname "$0")/../live.cpp
    # shellcheck disable=SC2046,SC2086  # flags are words
    "${CXX:-c++}" -std=c++20 ${CXXFLAGS:-} "$main" $(pkg-config --cflags --libs "$package") -o "$1/$package"
    "$1/$package"
done
