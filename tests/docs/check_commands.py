"""README.md and docs/commands.md name the commands that the program has, and docs/commands.md no option that none of them has.

usage: check_commands.py BITNET README COMMANDS | --self-test
"""
import pathlib
import re
import subprocess
import sys


def commands_of(help_text: str) -> list[str]:
    """The names below "Subcommands:" of a --help."""
    return re.findall(r"^  ([a-z][a-z-]*) ", help_text.partition("\nSubcommands:\n")[2], re.MULTILINE)


def options_of(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def faults_of(helps: dict[str, str], readme: str, page: str) -> list[str]:
    """helps: of each command what its --help says; under "" what the program's own says."""
    commands = commands_of(helps[""])
    if not commands:
        return ["the program's --help lists no commands"]
    block = re.search(r"^## The program\n\n```\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    named = {
        "README.md": re.findall(r"^bitnet ([a-z-]+)", block.group(1) if block else "", re.MULTILINE),
        "docs/commands.md": re.findall(r"^## `bitnet ([a-z-]+)`$", page, re.MULTILINE),
    }
    faults = []
    for where, names in named.items():
        faults += [f"{where}: bitnet {name} is missing" for name in commands if name not in names]
        faults += [f"{where}: there is no command bitnet {name}" for name in names if name not in commands]
        faults += [f"{where}: bitnet {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    known = set().union(*(options_of(text) for text in helps.values()))
    return faults + [f"docs/commands.md: no command has {option}" for option in sorted(options_of(page) - known)]


def self_test() -> list[str]:
    """Plants one fault after the other in correct pages and expects its words."""
    helps = {"": "Usage: bitnet\n\nOptions:\n  -h,--help  help\n\nSubcommands:\n  eval    perplexity\n  random-model  noise\n",
             "eval": "  --text TEXT ... REQUIRED\n", "random-model": "  --seed UINT=0\n"}
    readme = "# bitnet\n\n## The program\n\n```\nbitnet eval M      perplexity\nbitnet random-model DIR  noise\n```\n"
    page = "# Commands\n\n## `bitnet eval`\n\n`--text`\n\n## `bitnet random-model`\n\n`bitnet random-model DIR --seed 1`, a line --\n"
    planted = [
        (helps, readme, page, None),
        (helps | {"": helps[""] + "  train  learns\n"}, readme, page, "docs/commands.md: bitnet train is missing"),
        (helps | {"": helps[""] + "  train  learns\n"}, readme, page, "README.md: bitnet train is missing"),
        (helps, readme.replace("eval", "evaluate"), page, "README.md: there is no command bitnet evaluate"),
        (helps, readme.replace("The program", "Programs"), page, "README.md: bitnet eval is missing"),
        (helps, readme, page.replace("random-model`\n", "random`\n"), "docs/commands.md: bitnet random-model is missing"),
        (helps, readme, page + "\n## `bitnet eval`\n", "docs/commands.md: bitnet eval is there twice"),
        (helps, readme, page.replace("--text", "--texts"), "docs/commands.md: no command has --texts"),
        ({"": "Usage: bitnet"}, readme, page, "lists no commands"),
    ]
    wrong = []
    for told, first, second, words in planted:
        faults = faults_of(told, first, second)
        if (words is None and faults) or (words is not None and not any(words in fault for fault in faults)):
            wrong.append(f"expected '{words}', got {faults}")
    return wrong


def main() -> None:
    if sys.argv[1] == "--self-test":
        sys.exit("\n".join(self_test()) or 0)
    program, readme, page = sys.argv[1:]

    def help_of(*command: str) -> str:
        return subprocess.run([program, *command, "--help"], text=True, capture_output=True, check=True).stdout

    helps = {"": help_of()}
    helps |= {name: help_of(name) for name in commands_of(helps[""])}
    faults = faults_of(helps, pathlib.Path(readme).read_text(encoding="utf-8"), pathlib.Path(page).read_text(encoding="utf-8"))
    sys.exit("\n".join(faults) or 0)


main()
