"""Reads symbols of objects that were compiled with different instruction-set flags.

usage: check_symbols.py inline SOURCE -- COMPILER FLAGS...      one symbol, one meaning
       check_symbols.py self-test SOURCE -- COMPILER FLAGS...   and SOURCE breaks that rule by bitnet::wrong
       check_symbols.py kernel BUILD_DIR                        a kernel object exports nothing without its Arch

inline: g++ compiles SOURCE at -O0, where each function calls what it uses, once plainly and once with AVX2. A function of
namespace bitnet that both objects define must call the same instruction sets of xsimd in both; a template on Arch has
another symbol for each Arch, a function that uses xsimd::default_arch has not.
kernel: whatever an object of cmake/kernels/ARCH.cpp exports for the linker to choose from names its Arch.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

WIDE = ["-mavx2", "-mf16c", "-mfma"]
# All inline functions, not those alone that the source happens to call; a call is a relocation against a name.
SEEN = ["-O0", "-ffunction-sections", "-fkeep-inline-functions"]
ARCH = re.compile(r"\b(?:xsimd|arch)::(Scalar|generic|sse\w*|ssse3|avx\w*|fma\w*|neon\w*|sve\w*)\b")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def calls(compiler: list[str], source: str, flags: list[str]) -> dict[str, set[str]]:
    """Instruction sets that each function of namespace bitnet refers to, by the function's demangled name."""
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        run(*compiler, *flags, *SEEN, "-c", source, "-o", file.name)
        functions = re.findall(r" [TWt] (\S+)", run("nm", file.name))
        relocations = run("objdump", "--reloc", "--demangle", "--wide", file.name)
    demangled = subprocess.run(["c++filt"], input="\n".join(functions), check=True, capture_output=True, text=True)
    names = dict(zip(functions, demangled.stdout.splitlines()))
    found = {name: set() for name in names.values() if re.search(r"\bbitnet::", name)}
    section = ""
    for line in relocations.splitlines():
        if line.startswith("RELOCATION RECORDS FOR ["):
            section = names.get(line.partition("[.text.")[2].removesuffix("]:"), "")
        elif section in found:
            found[section].update(ARCH.findall(line))
    return found


def check_inline(source: str, compiler: list[str]) -> list[str]:
    with concurrent.futures.ThreadPoolExecutor() as both:
        plain, wide = both.map(lambda flags: calls(compiler, source, flags), [[], WIDE])
    if not plain.keys() & wide.keys():
        return [f"{source}: no function of namespace bitnet is in both objects"]
    return [
        f"{name}\n    plain: {sorted(plain[name])}\n    wide:  {sorted(wide[name])}"
        for name in sorted(plain.keys() & wide.keys())
        if plain[name] != wide[name]
    ]


def check_kernels(build: str) -> list[str]:
    objects = {file.name.partition(".")[0]: file for file in pathlib.Path(build).rglob("kernels/*.cpp.o")}
    faults = [f"{build}: no object of cmake/kernels/{arch}.cpp" for arch in ("scalar", "avx2") if arch not in objects]
    for arch, file in objects.items():
        if arch == "dispatch":  # compiled with the flags of the program
            continue
        exported = re.findall(r"^[0-9a-f]+ [TWVu] (?!DW\.ref\.)(.*)$", run("nm", "--demangle", str(file)), re.M)
        faults += [f"{file.name}: {symbol}" for symbol in exported if arch.lower() not in map(str.lower, ARCH.findall(symbol))]
    return faults


def main() -> None:
    mode, arguments = sys.argv[1], sys.argv[2:]
    if mode == "kernel":
        faults = check_kernels(arguments[0])
    else:
        faults = check_inline(arguments[0], arguments[2:])
        if mode == "self-test":
            caught = len(faults) == 1 and faults[0].startswith("bitnet::wrong(float)")
            faults = [] if caught else [f"expected bitnet::wrong(float) alone, got {faults}"]
    sys.exit("\n".join(faults) or 0)


main()
