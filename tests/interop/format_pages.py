"""The functions of docs/formats/*.md, taken from the pages as they stand there, and their examples."""

import doctest
import pathlib
import re

PAGES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "formats"


def blocks(page, language):
    """The fenced blocks of one language of a page, in order."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def functions():
    """What the python blocks of all pages define."""
    names = {}
    for page in ("int8.md", "trit2.md", "trit5.md", "packed_model.md"):
        for number, block in enumerate(blocks(page, "python"), 1):
            exec(compile(block, f"{page}, python block {number}", "exec"), names)
    return names


def run_examples(page):
    """Runs the pycon blocks of a page; (attempted, failed)."""
    text = "\n".join(blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(text, functions(), page, page, 0)
    return tuple(reversed(doctest.DocTestRunner().run(test)))
