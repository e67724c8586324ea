"""Compresses a synthetic model of several gigabytes and says how much memory that took.

    large_model.py PROGRAM [--gigabytes 4] [--dir FOLDER] [--json] [-- OPTION...]

A random Llama in FP32 is written, compressed with the options given, and removed. Peak resident memory counts pages of
the mapped input too, as the system does.
"""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time


def main():
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--dir", default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(sys.argv[1:split])
    scratch = tempfile.mkdtemp(prefix="bitnet_large_", dir=options.dir)
    try:
        print(json.dumps(measure(options, sys.argv[split + 1:], scratch)) if options.json
              else text(measure(options, sys.argv[split + 1:], scratch)))
    finally:
        shutil.rmtree(scratch)


def measure(options, extra, scratch):
    hidden, intermediate, vocab = 2048, 5632, 32000
    of_layer = 4 * hidden * hidden + 3 * hidden * intermediate
    layers = max(1, round((options.gigabytes * 2**30 / 4 - vocab * hidden) / of_layer))
    model = os.path.join(scratch, "model")
    subprocess.run([options.program, "random-model", model, "--hidden", str(hidden), "--intermediate", str(intermediate),
                    "--vocab", str(vocab), "--layers", str(layers), "--heads", "16", "--kv-heads", "16", "-q"],
                   check=True, stdout=subprocess.DEVNULL)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    begin = time.monotonic()
    done = subprocess.run([options.program, "compress", model, "-o", os.path.join(scratch, "out"), "--json", "-q", *extra],
                          check=True, capture_output=True, text=True)
    seconds = time.monotonic() - begin
    result = json.loads(done.stdout)
    input_bytes = sum(os.path.getsize(os.path.join(model, name)) for name in os.listdir(model))
    # The maximum over both children; writing the model needs a few megabytes.
    return {"input_bytes": input_bytes, "peak_resident_bytes": 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
            "peak_of_writing_bytes": 1024 * before, "seconds": seconds, "compression_ratio": result["compression_ratio"],
            "largest_tensor_bytes": 4 * max(extent(tensor["shape"]) for tensor in result["tensors"])}


def extent(shape):
    product = 1
    for size in shape:
        product *= size
    return product


def text(result):
    mebi = 2**20
    return (f"input {result['input_bytes'] / mebi:.0f} MiB, largest tensor {result['largest_tensor_bytes'] / mebi:.0f} MiB\n"
            f"peak resident {result['peak_resident_bytes'] / mebi:.0f} MiB, {result['seconds']:.1f} s, "
            f"{result['input_bytes'] / result['seconds'] / 1e9:.2f} GB/s, ratio {result['compression_ratio']:.2f}")


main()
