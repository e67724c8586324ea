"""What including bitnet costs a compiler, beside the bare xtensor and xsimd headers that it stands on.

usage: measure.py [--compiler g++] [--header bitnet/compress.hpp] [--repeat 25] [--limit 1.3] [--json]

Both sources are parsed alternately, -fsyntax-only; the ratio is the median of the rounds' own ratios of processor time,
so that a machine that grows busy slows both alike.
Status 1 where the ratio, to two digits, is above the limit.
"""
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
BASELINE = ["bitnet/config/xtensor.hpp", "bitnet/config/xsimd.hpp"]  # nothing but the includes of those two libraries


def parse_seconds(compiler: str, source: pathlib.Path) -> float:
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    start = spent()
    subprocess.run([compiler, "-std=c++20", "-fsyntax-only", f"-I{INCLUDE}", str(source)], check=True)
    return spent() - start


def measure(compiler: str, header: str, repeat: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        sources = [pathlib.Path(folder, "baseline.cpp"), pathlib.Path(folder, "bitnet.cpp")]
        sources[0].write_text("".join(f"#include <{name}>\n" for name in BASELINE))
        sources[1].write_text(f"#include <{header}>\n")
        # the first round fills the file cache
        rounds = [[parse_seconds(compiler, source) for source in sources] for _ in range(repeat + 1)][1:]
    baseline, bitnet = zip(*rounds)
    return {
        "baseline": statistics.median(baseline),
        "bitnet": statistics.median(bitnet),
        "ratio": statistics.median(with_bitnet / bare for bare, with_bitnet in rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--header", default="bitnet/compress.hpp")
    parser.add_argument("--repeat", type=int, default=25)
    parser.add_argument("--limit", type=float, default=1.3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.compiler, options.header, options.repeat)
    if options.json:
        print(json.dumps({"compiler": options.compiler, "header": options.header, "limit": options.limit, **result}))
    else:
        print(f"xtensor + xsimd   {result['baseline']:.3f} s")
        print(f"<{options.header}>  {result['bitnet']:.3f} s")
        print(f"ratio {result['ratio']:.2f}, at most {options.limit}")
    sys.exit(round(result["ratio"], 2) > options.limit)


main()
