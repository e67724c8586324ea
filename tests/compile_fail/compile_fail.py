"""Compiles a wrong program and its right twin.

usage: compile_fail.py (SOURCE | --self-test FOLDER) -- COMPILER FLAGS...
"""
import pathlib
import re
import subprocess
import sys


def compile_source(command: list[str], source: pathlib.Path) -> tuple[bool, str]:
    result = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    return result.returncode == 0, result.stderr


def fault_of(source: pathlib.Path, compiler: list[str]) -> str | None:
    """What is wrong with this test, or None. Only lines that are errors count: others quote the source itself."""
    expected = re.findall(r'// expect-error "(.+)"', source.read_text())
    if not expected:
        return "says no // expect-error \"words\""
    compiles, output = compile_source(compiler, source)
    if not compiles:
        return f"the twin without BITNET_WRONG does not compile:\n{output}"
    compiles, output = compile_source([*compiler, "-DBITNET_WRONG"], source)
    if compiles:
        return "compiles with BITNET_WRONG, but should not"
    errors = "\n".join(line for line in output.splitlines() if "error: " in line)
    for words in expected:
        if words not in errors:
            return f"fails with other words than '{words}':\n{output}"
    return None


def self_test(folder: pathlib.Path, compiler: list[str]) -> str | None:
    """Each source in the folder is a broken test, and its first line is `// fault: words of the complaint`."""
    sources = sorted(folder.glob("*.cpp"))
    if not sources:
        return "no sources"
    for source in sources:
        words = source.read_text().splitlines()[0].removeprefix("// fault: ")
        fault = fault_of(source, compiler)
        if fault is None or words not in fault:
            return f"{source.name}: expected the complaint '{words}', got '{fault}'"
    return None


def main() -> None:
    split = sys.argv.index("--")
    arguments, compiler = sys.argv[1:split], sys.argv[split + 1:]
    target = pathlib.Path(arguments[-1])
    fault = self_test(target, compiler) if arguments[0] == "--self-test" else fault_of(target, compiler)
    if fault is not None:
        sys.exit(f"{target.name}: {fault}")


main()
