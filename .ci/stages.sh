# What .ci/run and .ci/full share; sourced by both from the top of the project.

# stage NAME COMMAND...: runs a command and says how long it took.
stage() {
    local name=$1 begin=$SECONDS
    shift
    printf '\n==== %s\n' "$name"
    "$@"
    printf '==== %s: %d s, %d s in all\n' "$name" $((SECONDS - begin)) "$SECONDS"
}

use_ccache() {
    if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
}

# build PRESET TARGET...: all targets when none is named.
build() {
    local preset=$1
    shift
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
}

# fuzz OPTION...: every target, as many at a time as there are cores.
fuzz() {
    build fuzz
    export -f fuzz_target
    basename -s .cpp tests/fuzz/*.cpp | xargs -P "$(nproc)" -I NAME bash -eo pipefail -c 'fuzz_target NAME "$@"' - "$@"
}

# fuzz_target NAME OPTION...: on a copy of its seeds, so that nothing is written into the tree.
fuzz_target() {
    local name=$1 seeds=build/fuzz/corpus/$1 options
    shift
    rm -rf "$seeds"
    mkdir -p "$seeds"
    if [[ -d tests/fuzz/corpus/$name ]]; then cp -r "tests/fuzz/corpus/$name/." "$seeds"; fi
    options=(-timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_funcs=0 -print_final_stats=1
        -artifact_prefix="build/fuzz/$name-")
    if [[ -f tests/fuzz/$name.dict ]]; then options+=(-dict="tests/fuzz/$name.dict"); fi
    "build/fuzz/tests/fuzz/fuzz_$name" "$@" "${options[@]}" "$seeds" 2>&1 |
        sed "/^###### Recommended/,/^###### End/d; s/^/fuzz_$name: /"
}
