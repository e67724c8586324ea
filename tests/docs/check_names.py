"""Every C++ name in the table of docs/names.md must occur in a header that its row names.

usage: check_names.py PAGE INCLUDE_DIR | --self-test
"""
import pathlib
import re
import sys
import tempfile

HEADINGS = ["in Python", "here", "header"]


def faults_of(page: str, include: pathlib.Path) -> list[str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    if HEADINGS not in rows:
        return ["no table with the columns " + ", ".join(HEADINGS)]
    faults, count = [], 0
    for row in rows[rows.index(HEADINGS) + 2:]:
        if len(row) != 3:
            break  # the next table
        texts = []
        for header in re.findall(r"`([^`]+)`", row[2]):
            file = include / "bitnet" / header
            if file.is_file():
                texts.append(file.read_text(encoding="utf-8"))
            else:
                faults.append(f"{row[0]}: there is no header {header}")
        # A command of several words is no name, and "no `x`" says that there is none.
        names = [name for name in re.findall(r"`([A-Za-z_]\w*)`", row[1]) if f"no `{name}`" not in row[1]]
        if not names or not texts:
            faults.append(f"{row[0]}: names nothing")
        for name in names:
            count += 1
            if not any(re.search(rf"\b{name}\b", text) for text in texts):
                faults.append(f"{row[0]}: {name} is not in {row[2]}")
    return faults if count else faults + ["the table is empty"]


def self_test() -> list[str]:
    """Plants one fault after the other in a correct page and expects its words."""
    head = "| in Python | here | header |\n|---|---|---|\n"
    good = head + "| `f()` | `g`, and `G` | `core/g.hpp` |\n\n| a | b |\n|---|---|\n| `x` | `y` |\n"
    planted = [
        (good, None),
        (good.replace("`g`", "`h`"), "h is not in"),
        (good.replace("`G`", "`Gg`"), "Gg is not in"),
        (good.replace("core/g.hpp", "core/none.hpp"), "there is no header core/none.hpp"),
        (good.replace("`g`, and `G`", "nothing"), "names nothing"),
        (good.replace("here", "there"), "no table"),
        (head, "the table is empty"),
    ]
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        header = pathlib.Path(folder, "bitnet", "core", "g.hpp")
        header.parent.mkdir(parents=True)
        header.write_text("class G;\nvoid g(G);\n", encoding="utf-8")
        for page, words in planted:
            faults = faults_of(page, pathlib.Path(folder))
            if (words is None and faults) or (words is not None and not any(words in fault for fault in faults)):
                wrong.append(f"planted {page!r}, expected '{words}', got {faults}")
    return wrong


def main() -> None:
    if sys.argv[1] == "--self-test":
        faults = self_test()
    else:
        faults = faults_of(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"), pathlib.Path(sys.argv[2]))
    sys.exit("\n".join(faults) or 0)


main()
