#!/usr/bin/env bash
# Installs what building bitnet needs on Debian or Ubuntu; what is there already is left alone.
#
#   scripts/install_dependencies.sh          to build and test
#   scripts/install_dependencies.sh --all    also the second compiler, checkers, fuzzing, coverage, ARM emulation, a browser, Doxygen
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config python3 python3-venv
    libxtensor-dev libxsimd-dev libsimdjson-dev doctest-dev libcli11-dev libbenchmark-dev
    libpcre2-dev libutf8proc-dev libopenblas-dev libcpp-httplib-dev)
case "${1:-}" in
    "") ;;
    --all)
        packages+=(git ccache clang libclang-rt-14-dev clang-tidy clang-format gcovr
            g++-12-aarch64-linux-gnu qemu-user-static chromium doxygen)
        ;;
    *)
        sed -n '4,5s/^# *//p' "$0" >&2
        exit 2
        ;;
esac

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    echo "all packages are installed"
    exit 0
fi

as_root=()
((EUID == 0)) || as_root=(sudo)
echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
