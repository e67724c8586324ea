"""Doxygen reads every header without a warning: no command, name of a parameter or markup is wrong in a comment.

usage: check_api_reference.py PROJECT | --self-test PROJECT    The second plants faults in a header of its own and expects their words.

Without Doxygen both are skipped; BITNET_REQUIRE_DOXYGEN makes that a failure.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HEADER = '''/// A header.
#pragma once
namespace bitnet::inline BITNET_ABI {
/// Adds.
///
/// Errors  none
/// COMMENT
int add(int left, int right);
}
'''
PLANTED = [
    ("@param left the one @param right the other", None),
    ("@param lefd the one @param right the other", "argument 'lefd' of command @param is not found"),
    ("<b>bold", "expecting command </b>"),
    ("@nonsense", "Found unknown command"),
]


def warnings_of(project: pathlib.Path, source: pathlib.Path) -> list[str]:
    """What Doxygen says to the headers below a folder, with the project's own settings and nothing written."""
    settings = (project / "docs/api/Doxyfile").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        settings += f'\nINPUT = "{source}"\nOUTPUT_DIRECTORY = "{folder}"\nGENERATE_HTML = NO\nGENERATE_XML = YES\nXML_PROGRAMLISTING = NO\n'
        result = subprocess.run(["doxygen", "-"], input=settings, cwd=project, text=True, capture_output=True, check=False)
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    return lines or ([f"doxygen ended with status {result.returncode}"] if result.returncode else [])


def self_test(project: pathlib.Path) -> list[str]:
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for comment, words in PLANTED:
            pathlib.Path(folder, "planted.hpp").write_text(HEADER.replace("COMMENT", comment), encoding="utf-8")
            found = warnings_of(project, pathlib.Path(folder))
            if (words is None and found) or (words is not None and not any(words in line for line in found)):
                wrong.append(f"planted {comment!r}, expected '{words}', got {found}")
    return wrong


def main() -> None:
    project = pathlib.Path(sys.argv[-1]).resolve()
    if shutil.which("doxygen") is None:
        if os.environ.get("BITNET_REQUIRE_DOXYGEN"):
            sys.exit("BITNET_REQUIRE_DOXYGEN is set, and there is no doxygen")
        print("skipped: there is no doxygen here")
        return
    faults = self_test(project) if sys.argv[1] == "--self-test" else warnings_of(project, project / "include/bitnet")
    sys.exit("\n".join(faults) or 0)


main()
