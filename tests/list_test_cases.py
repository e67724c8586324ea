"""Writes the CTest tests of a doctest program, one per test case.

usage: list_test_cases.py PROGRAM PREFIX OUTPUT

In place of doctest_discover_tests, which loses names that hold a semicolon or half an interval such as [0, 1).
"""
import pathlib
import subprocess
import sys


def quoted(text: str) -> str:
    return f"[==[{text}]==]"


def main() -> None:
    program, prefix, output = sys.argv[1:]
    listed = subprocess.run([program, "--list-test-cases"], check=True, capture_output=True, text=True).stdout
    names = [line for line in listed.splitlines() if not line.startswith(("[doctest]", "======"))]
    if len(names) != len(set(names)):
        sys.exit(f"{program}: two test cases have one name: {sorted(n for n in names if names.count(n) > 1)}")
    lines = []
    for name in names:
        test = quoted(prefix + name)
        case = name.replace("\\", "\\\\").replace(",", "\\,")
        lines.append(f"add_test({test} {quoted(program)} {quoted('--test-case=' + case)})")
        # A filter that matches no test case exits with 0; a test that its machine cannot run prints "skipped: reason".
        lines.append(f'set_tests_properties({test} PROPERTIES FAIL_REGULAR_EXPRESSION "test cases: +0 "'
                     ' SKIP_REGULAR_EXPRESSION "skipped: " TIMEOUT 300)')
    pathlib.Path(output).write_text("\n".join(lines) + "\n")


main()
