"""Writes a source that includes every header of ours after hostile macros.

usage: bad_company.py INCLUDE_DIR OUTPUT

What our headers include from elsewhere comes before the macros: those headers are not under test.
"""
import pathlib
import re
import sys


def main() -> None:
    include, output = map(pathlib.Path, sys.argv[1:])
    headers = sorted(include.glob("bitnet/**/*.hpp"))
    others = set()
    for header in headers:
        if header.parent.name != "config":
            others |= set(re.findall(r"^#include (<(?!bitnet/).*>)", header.read_text(), re.M))
    # The wrappers of config/ know which of a library's header layouts is there.
    wrappers = [f"<{h.relative_to(include)}>" for h in headers if h.parent.name == "config"]
    names = [f"<{h.relative_to(include)}>" for h in headers if h.parent.name != "config"]
    lines = [*sorted(others), *wrappers, "<hostile_macros.hpp>", *names]
    output.write_text("".join(f"#include {name}\n" for name in lines))


main()
