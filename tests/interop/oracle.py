"""The quantizers again, in numpy and in double, from their formulas alone. A slow and obvious program.

Codes of a weight within 1e-6 of a threshold (relative) are nobody's: the library adds magnitudes in float lanes and blocks,
which moves a mean by some 1e-7, and a weight as near to the threshold may fall on either side. `doubtful` says which.
"""

import math

import numpy as np

NEAR = 1e-6


def as_matrix(weights):
    """Rows are the first axis, everything else the columns; a vector is one row."""
    shape = weights.shape if weights.ndim > 1 else (1, weights.size)
    return weights.reshape(shape[0], math.prod(shape[1:]))


def only_one_magnitude(magnitudes):
    """The a of a region that is {-a, 0, +a}, or None."""
    present = magnitudes[magnitudes > 0]
    return present[0] if present.size and (present == present[0]).all() else None


def scale_and_cut(magnitudes, quantizer, threshold):
    """One region -> (scale, cut, tie is kept), all in double."""
    if quantizer == "least_squares":
        ordered = np.sort(magnitudes)[::-1]
        sums, counts = np.cumsum(ordered), np.arange(1, ordered.size + 1)
        best = np.argmax(sums * sums / counts)
        scale = sums[best] / counts[best]
        return scale, scale / 2, False
    if quantizer == "round_clip":
        scale = max(magnitudes.mean(), 1e-5)
        return scale, scale / 2, False
    scale = max(magnitudes.mean(), 1e-8)
    return scale, scale * threshold, True


def quantize_region(weights, quantizer, threshold):
    """-> (scale, codes, doubtful)"""
    weights = weights.astype(np.float64)
    magnitudes = np.abs(weights)
    codes = np.sign(weights).astype(np.int8)
    sure = np.zeros(weights.size, bool)
    if not (magnitudes > 0).any():
        return 0.0, codes, sure
    ternary = only_one_magnitude(magnitudes)
    if ternary is not None:
        return ternary, codes, sure
    scale, cut, tie_kept = scale_and_cut(magnitudes, quantizer, threshold)
    codes[(magnitudes < cut) if tie_kept else (magnitudes <= cut)] = 0
    return (scale if codes.any() else 0.0), codes, np.abs(magnitudes - cut) <= NEAR * cut


def quantize(weights, quantizer, scale, threshold=0.1):
    """weights: outputs first. scale: "tensor", "row" or "group:N". -> (scales, codes, doubtful); scales in double, shaped
    (rows, groups) or (1, 1), the others like the weights."""
    matrix = as_matrix(weights)
    if scale == "tensor":
        if matrix.size == 0:
            return np.zeros((0, 1)), matrix.astype(np.int8).reshape(weights.shape), np.zeros(weights.shape, bool)
        alpha, codes, doubtful = quantize_region(matrix.reshape(-1), quantizer, threshold)
        return np.array([[alpha]]), codes.reshape(weights.shape), doubtful.reshape(weights.shape)
    group = int(scale[len("group:"):]) if scale.startswith("group:") else max(1, matrix.shape[1])
    starts = range(0, matrix.shape[1], group)
    scales = np.zeros((len(matrix), len(starts)))
    codes, doubtful = np.zeros(matrix.shape, np.int8), np.zeros(matrix.shape, bool)
    for row in range(len(matrix)):
        for index, start in enumerate(starts):
            part = slice(start, start + group)
            scales[row, index], codes[row, part], doubtful[row, part] = quantize_region(matrix[row, part], quantizer, threshold)
    return scales, codes.reshape(weights.shape), doubtful.reshape(weights.shape)


def to_bf16(values):
    """float32 rounded to bfloat16 (nearest, ties to even), as float32."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


def rounded(values, kind):
    """float32 through a kept type."""
    if kind == "bf16":
        return to_bf16(values)
    return values.astype({"fp16": np.float16, "fp32": np.float32}[kind]).astype(np.float32)


def int8_rows(weights):
    """-> (codes, scales): scale = max|w| / 127 of a row in float32, code = w / scale rounded to even."""
    matrix = as_matrix(weights)
    scales = np.abs(matrix).max(axis=1) / np.float32(127)
    quotients = np.divide(matrix, scales[:, None], out=np.zeros_like(matrix), where=scales[:, None] > 0)
    return np.rint(quotients).clip(-127, 127).astype(np.int8).reshape(weights.shape), scales


def relative_error(pairs):
    """||W' - W|| / ||W|| over (weights, image) of several tensors."""
    pairs = [(w.astype(np.float64), image.astype(np.float64)) for w, image in pairs]
    return np.sqrt(sum(((image - w) ** 2).sum() for w, image in pairs) / sum((w**2).sum() for w, _ in pairs))
