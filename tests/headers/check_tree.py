"""Checks what the compiler does not: who includes whom, that each header has its test, and how files begin.

usage: check_tree.py PROJECT_DIR | --self-test
"""
import pathlib
import re
import sys
import tempfile

# A header includes only its own room and those before it.
ROOMS = ["config", "core", "pack", "kernel", "policy", "compress", "io", "metrics", "report", "text", "backend", "nn",
         "model", "infer", "eval", "train", "calibrate", "gate", "pipeline"]
# Public headers outside the rooms, and the last room that each may include.
UMBRELLAS = {"compress": "compress", "metrics": "metrics", "report": "report", "live": "report", "train": "train", "job": "pipeline",
             "calibrated": "calibrate", "pipeline": "pipeline", "bitnet": "pipeline"}
# Libraries that one header of ours includes, and that header.
WRAPPED = {
    "xtensor": "config/xtensor.hpp",
    "xsimd": "config/xsimd.hpp",
    "simdjson": "io/json.hpp",
    "pcre2": "text/pcre2.hpp",
    "utf8proc": "text/normalize.hpp",
    "cblas": "backend/blas.hpp",
    "httplib": "report/live_server.hpp",
}
# And the rooms that may include that wrapper.
WRAPPER_USERS = {"config/xtensor.hpp": ["compress"], "config/xsimd.hpp": ["kernel"]}
MAX_LINES = 400
LONG_FILES: set[str] = set()  # each with its reason


def rank(header: str) -> int:
    """Place of a header in the order of rooms; an umbrella stands just after the last room it may include."""
    room, _, rest = header.partition("/")
    if rest:
        return 2 * ROOMS.index(room)
    return 2 * ROOMS.index(UMBRELLAS[header.removesuffix(".hpp")]) + 1


def known(header: str) -> bool:
    room, _, rest = header.partition("/")
    return room in ROOMS if rest else header.removesuffix(".hpp") in UMBRELLAS


def includes_of(text: str) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*([<"][^>"]+[>"])', text, re.M)


def check_header(header: str, text: str, headers: dict[str, str]) -> list[str]:
    faults = []
    if not known(header):
        return ["is in no room that check_tree.py knows"]
    lines = text.splitlines()
    if not lines or not lines[0].startswith("///"):
        faults.append("does not begin with a /// comment that says what it is")
    if "#pragma once" not in lines:
        faults.append("has no #pragma once")
    if len(lines) > MAX_LINES and header not in LONG_FILES:
        faults.append(f"has {len(lines)} lines, more than {MAX_LINES}")
    for include in includes_of(text):
        name = include[1:-1]
        if include[0] == '"':
            faults.append(f'includes "{name}" in quotes')
        elif name.startswith("bitnet/"):
            other = name.removeprefix("bitnet/")
            if other not in headers:
                faults.append(f"includes <{name}>, which does not exist")
            elif known(other) and rank(other) > rank(header):
                faults.append(f"includes <{name}>, a later room")
            users = WRAPPER_USERS.get(other)
            if users and header.partition("/")[0] not in users:
                faults.append(f"includes <{name}>, which only {', '.join(users)}/ may")
        else:
            library = re.split(r"[/.]", name)[0]
            if header != WRAPPED.get(library, header):
                faults.append(f"includes <{name}>, which only <bitnet/{WRAPPED[library]}> may")
    return faults


def declares_something(text: str) -> bool:
    """False for a header of includes and macros alone."""
    return any(line.strip() and not re.match(r"\s*(//|#)", line) for line in re.sub(r"\\\n", "", text).splitlines())


def check_test(header: str, text: str, tests: dict[str, str]) -> list[str]:
    if not declares_something(text):
        return []
    test = tests.get(header.replace(".hpp", ".cpp"))
    if test is None:
        return [f"has no tests/unit/{header.replace('.hpp', '.cpp')}"]
    if includes_of(test)[:1] != [f"<bitnet/{header}>"]:
        return ["is not the first include of its test"]
    return []


def reached(header: str, headers: dict[str, str]) -> set[str]:
    """All headers of ours that including this one brings in, itself among them."""
    found: set[str] = set()
    waiting = [header]
    while waiting:
        name = waiting.pop()
        if name in found or name not in headers:
            continue
        found.add(name)
        waiting += [i[8:-1] for i in includes_of(headers[name]) if i.startswith("<bitnet/")]
    return found


def check_cycles(headers: dict[str, str]) -> list[str]:
    return [
        f"include/bitnet/{header}: includes itself by way of <bitnet/{direct}>"
        for header, text in sorted(headers.items())
        for direct in (i[8:-1] for i in includes_of(text) if i.startswith("<bitnet/"))
        if header in reached(direct, headers)
    ]


def check(project: pathlib.Path) -> list[str]:
    def read(folder: str, pattern: str) -> dict[str, str]:
        base = project / folder
        return {p.relative_to(base).as_posix(): p.read_text() for p in base.glob(pattern)}

    headers = read("include/bitnet", "**/*.hpp")
    tests = read("tests/unit", "**/*.cpp")
    faults = [
        f"include/bitnet/{header}: {fault}"
        for header, text in sorted(headers.items())
        for fault in check_header(header, text, headers) + check_test(header, text, tests)
    ]
    faults += check_cycles(headers)
    return faults if headers else [f"{project}: no headers"]


def self_test() -> list[str]:
    """Plants one fault after the other in a small correct tree and expects its words."""
    header = "/// A header.\n#pragma once\n"
    good = {
        "include/bitnet/config/abi.hpp": header,
        "include/bitnet/core/error.hpp": header + "#include <string>\n#include <bitnet/config/abi.hpp>\nclass error;\n",
        "include/bitnet/pack/trit2.hpp": header + "#include <bitnet/core/error.hpp>\n",
        "tests/unit/core/error.cpp": "#include <bitnet/core/error.hpp>\n",
        "tests/unit/pack/trit2.cpp": "#include <bitnet/pack/trit2.hpp>\n",
    }
    error, test = "include/bitnet/core/error.hpp", "tests/unit/core/error.cpp"
    planted = [
        ({}, None),
        ({error: header + "#include <bitnet/pack/trit2.hpp>\n"}, "a later room"),
        ({error: header + "#include <bitnet/core/none.hpp>\n"}, "does not exist"),
        ({error: header + "#include <bitnet/core/error.hpp>\n"}, "includes itself"),
        ({error: header + '#include "bitnet/config/abi.hpp"\n'}, "in quotes"),
        ({error: header + "#include <simdjson.h>\n"}, "which only <bitnet/io/json.hpp> may"),
        ({error: header + "#include <xtensor/xarray.hpp>\n"}, "which only <bitnet/config/xtensor.hpp> may"),
        ({error: header + "//\n" * MAX_LINES}, "more than"),
        ({error: "#pragma once\n"}, "does not begin"),
        ({error: "/// A header.\n"}, "no #pragma once"),
        ({"include/bitnet/attic/old.hpp": header}, "is in no room"),
        ({"include/bitnet/core/new.hpp": header + "class New;\n"}, "has no tests/unit/core/new.cpp"),
        ({test: "#include <string>\n"}, "not the first include"),
    ]
    wrong = []
    for change, words in planted:
        with tempfile.TemporaryDirectory() as folder:
            for path, text in (good | change).items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            faults = check(pathlib.Path(folder))
        if (words is None and faults) or (words is not None and not any(words in fault for fault in faults)):
            wrong.append(f"planted {change}, expected '{words}', got {faults}")
    return wrong


def main() -> None:
    faults = self_test() if sys.argv[1] == "--self-test" else check(pathlib.Path(sys.argv[1]))
    sys.exit("\n".join(faults) or 0)


main()
