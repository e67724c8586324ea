"""What including bitnet costs a compiler, beside the bare xtensor and xsimd headers that it stands on.

usage: measure.py [--compiler g++] [--header bitnet/compress.hpp] [--repeat 9] [--limit 1.3] [--json]

Both sources are parsed alternately, -fsyntax-only, so that a machine that grows busy slows both; medians are compared.
Status 1 where the ratio, to two digits, is above the limit.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include"
BASELINE = ["bitnet/config/xtensor.hpp", "bitnet/config/xsimd.hpp"]  # nothing but the includes of those two libraries


def parse_seconds(compiler: str, source: pathlib.Path) -> float:
    start = time.perf_counter()
    subprocess.run([compiler, "-std=c++20", "-fsyntax-only", f"-I{INCLUDE}", str(source)], check=True)
    return time.perf_counter() - start


def measure(compiler: str, header: str, repeat: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        sources = {"baseline": pathlib.Path(folder, "baseline.cpp"), "bitnet": pathlib.Path(folder, "bitnet.cpp")}
        sources["baseline"].write_text("".join(f"#include <{name}>\n" for name in BASELINE))
        sources["bitnet"].write_text(f"#include <{header}>\n")
        seconds: dict[str, list[float]] = {name: [] for name in sources}
        for round_number in range(repeat + 1):
            for name, source in sources.items():
                elapsed = parse_seconds(compiler, source)
                if round_number > 0:  # the first round fills the file cache
                    seconds[name].append(elapsed)
    return {name: statistics.median(values) for name, values in seconds.items()} | {
        f"{name}_spread": max(values) - min(values) for name, values in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--header", default="bitnet/compress.hpp")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--limit", type=float, default=1.3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.compiler, options.header, options.repeat)
    ratio = result["bitnet"] / result["baseline"]
    if options.json:
        print(json.dumps({"compiler": options.compiler, "header": options.header, "ratio": ratio, "limit": options.limit, **result}))
    else:
        print(f"xtensor + xsimd   {result['baseline']:.3f} s  (spread {result['baseline_spread']:.3f})")
        print(f"<{options.header}>  {result['bitnet']:.3f} s  (spread {result['bitnet_spread']:.3f})")
        print(f"ratio {ratio:.2f}, at most {options.limit}")
    sys.exit(round(ratio, 2) > options.limit)


main()
