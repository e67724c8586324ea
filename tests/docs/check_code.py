"""Every ```cpp block of the documentation must compile.

check_code.py PAGE... -- COMPILER FLAG...    A block with a main() is compiled as it stands, any other one after
#include <bitnet/compress.hpp> and using namespace bitnet.
"""
import re
import subprocess
import sys

BEFORE = "#include <bitnet/compress.hpp>\nusing namespace bitnet;\n"


def main(arguments):
    split = arguments.index("--")
    pages, compiler = arguments[:split], arguments[split + 1:]
    blocks = 0
    for page in pages:
        with open(page, encoding="utf-8") as file:
            text = file.read()
        for match in re.finditer(r"^```cpp\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            blocks += 1
            source = match.group(1) if "int main(" in match.group(1) else BEFORE + match.group(1)
            result = subprocess.run(compiler + ["-x", "c++", "-"], input=source, text=True, capture_output=True, check=False)
            if result.returncode != 0:
                line = text[: match.start()].count("\n") + 1
                sys.exit(f"{page}:{line}: does not compile\n{result.stderr}")
    if blocks == 0:
        sys.exit("no code found in " + ", ".join(pages))


main(sys.argv[1:])
