"""Fifty steps of each optimizer beside torch's and beside the papers' formulas in float64."""

import json
import subprocess

import numpy as np
import pytest
import torch

from conftest import part

TALL, WIDE, VECTOR = (24, 8), (8, 24), (40,)


@pytest.fixture(scope="module")
def trajectories():
    """Weights after 10, 20 ... 50 steps, by the name of the optimizer: what optimizer_trajectories.cpp prints."""
    return json.loads(subprocess.run([part("optimizer_trajectories")], check=True, capture_output=True, text=True).stdout)


def numbers(first, shape):
    """u(first), u(first + 1) ... as in optimizer_trajectories.cpp."""
    k = first + np.arange(np.prod(shape))
    return ((k * k % 2003 - 1001) / 1000).astype(np.float32).reshape(shape)


def gradient(step, shape):
    return numbers(1 + 1009 * step, shape)


def by_torch(optimizer, shape, **options):
    w = torch.nn.Parameter(torch.from_numpy(numbers(0, shape)))
    steps = optimizer([w], **options)
    out = []
    for step in range(1, 51):
        w.grad = torch.from_numpy(gradient(step, shape))
        steps.step()
        out.append(w.detach().numpy().copy())
    return out[9::10]


def by_formula(update, shape):
    """update(w, g, step) -> w, in float64."""
    w = numbers(0, shape).astype(np.float64)
    out = []
    for step in range(1, 51):
        w = update(w, gradient(step, shape).astype(np.float64), step)
        out.append(w)
    return out[9::10]


def adamw(lr, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.0):
    m = v = 0.0

    def update(w, g, step):
        nonlocal m, v
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        return (1 - lr * decay) * w - lr * (m / (1 - beta1**step)) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
    return update


def quintic(matrix):
    """Five steps on the singular values themselves: what the products of matrices come to."""
    u, s, vt = np.linalg.svd(matrix / (np.linalg.norm(matrix) + 1e-7), full_matrices=False)
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return u * s @ vt


def muon(lr, momentum=0.95, decay=0.0):
    buffer = 0.0

    def update(w, g, _):
        nonlocal buffer
        buffer = momentum * buffer + g
        rows, cols = g.shape
        return (1 - lr * decay) * w - lr * max(1, rows / cols) ** 0.5 * quintic(g + momentum * buffer)
    return update


def grokfast(inner, alpha, amount):
    average = None

    def update(w, g, step):
        nonlocal average
        average = alpha * (g if average is None else average) + (1 - alpha) * g
        return inner(w, g + amount * average, step)
    return update


def check(found, expected, tolerance):
    worst = max(np.abs(np.array(a) - b.ravel()).max() for a, b in zip(found, expected, strict=True))
    print(f"largest difference {worst:.2g}")
    assert worst <= tolerance


@pytest.mark.parametrize("name, optimizer, options", [
    ("sgd", torch.optim.SGD, dict(lr=0.01, momentum=0.9, weight_decay=0.01)),
    ("adamw", torch.optim.AdamW, dict(lr=0.003, weight_decay=0.0)),
    ("adamw, decay", torch.optim.AdamW, dict(lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
], ids=lambda v: v if isinstance(v, str) else "")
def test_weights_are_those_of_torch(trajectories, name, optimizer, options):
    check(trajectories[name], by_torch(optimizer, VECTOR, **options), 1e-5)


@pytest.mark.parametrize("name, update, shape", [
    ("grokfast adamw", grokfast(adamw(0.01), 0.9, 1.5), VECTOR),
    ("muon, tall", muon(0.02, decay=0.1), TALL),
    ("muon, wide", muon(0.02), WIDE),
    ("muon, embedding", adamw(0.06 * 0.05, 0.9, 0.95, decay=0.1), TALL),
    ("mu_grokfast", grokfast(muon(0.02), 0.98, 2.0), TALL),
], ids=lambda v: v if isinstance(v, str) else "")
def test_weights_are_those_of_the_formulas(trajectories, name, update, shape):
    check(trajectories[name], by_formula(update, shape), 1e-4)


@pytest.mark.parametrize("name, shape, decay", [("muon, tall", TALL, 0.1), ("muon, wide", WIDE, 0.0)], ids=["tall", "wide"])
def test_muon_goes_where_torch_goes_in_bfloat16(trajectories, name, shape, decay):
    """Of the way that the weights went, what bfloat16 makes of it."""
    expected = by_torch(torch.optim.Muon, shape, lr=0.02, weight_decay=decay, momentum=0.95, nesterov=True,
                        adjust_lr_fn="original")
    start = numbers(0, shape)
    for found, theirs in zip(trajectories[name], expected, strict=True):
        found = np.array(found).reshape(shape)
        assert np.linalg.norm(found - theirs) <= 0.03 * np.linalg.norm(theirs - start)
