"""Parses every file of tests and examples by itself, with the compiler and options of its build, and makes nothing.

usage: parse_one_by_one.py BUILD    a build directory with compile_commands.json

Builds compile several files as one, where a file may miss an include that its neighbours bring. Status 1 where one does.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[1]


def is_written(file: pathlib.Path) -> bool:
    return any(file.is_relative_to(SOURCES / folder) for folder in ("tests", "examples"))


def parses(entry: dict[str, str]) -> bool:
    words = shlex.split(entry["command"])
    words = words[words[0].endswith("ccache") :]
    output = words.index("-o")
    del words[output : output + 2]
    result = subprocess.run([*words, "-fsyntax-only"], cwd=entry["directory"], capture_output=True, text=True)
    if result.returncode != 0:
        print(entry["file"], result.stderr, sep="\n", flush=True)
    return result.returncode == 0


def main() -> None:
    build = pathlib.Path(sys.argv[1])
    entries = json.loads((build / "compile_commands.json").read_text())
    files = {entry["file"]: entry for entry in entries if is_written(pathlib.Path(entry["file"]))}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        whole = list(pool.map(parses, files.values()))
    print(f"{sum(whole)} of {len(whole)} files can be compiled alone")
    sys.exit(0 if whole and all(whole) else 1)


main()
