"""What the machine could do at best: its rates, and the work that a flow cannot avoid.

    python -m benchmarks.floor THREADS

prints the rates, the best of NumPy's, JAX's and PyTorch's: of float32 matrix products (of a hidden layer on a batch,
and large ones), of copies in memory and in cache, and of the exponential.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from .spec import Spec

#: Exponentials, logarithms and roots per element of an event: two softmaxes, slopes, one log-derivative; or a
#: scale and its bound.
TRANSCENDENTAL = {True: lambda bins: 2 * bins + 2 * (bins - 1) + 2, False: lambda bins: 2}


def _rate(f: Callable[..., Any], work: float, *args: Any) -> float:
    """Return work per second, of the best of some short runs."""
    f(*args)
    times = []
    stop = time.perf_counter() + 0.5
    while time.perf_counter() < stop:
        start = time.perf_counter()
        for _ in range(10):
            f(*args)
        times.append((time.perf_counter() - start) / 10)
    return work / min(times)


def _tools(threads: int) -> dict[str, dict[str, Callable[..., Any]]]:
    import jax
    import jax.numpy as jnp

    jitted = {"matmul": jax.jit(jnp.matmul), "exp": jax.jit(jnp.exp)}
    tools = {
        "numpy": {"array": np.asarray, "matmul": np.matmul, "copy": np.copyto, "exp": np.exp},
        "jax": {
            "array": jnp.asarray,
            **{name: lambda *a, f=f: f(*a).block_until_ready() for name, f in jitted.items()},
        },
    }
    try:
        import torch
    except ImportError:
        return tools
    torch.set_num_threads(threads)
    tools["torch"] = {"array": torch.from_numpy, "matmul": torch.matmul, "exp": torch.exp}
    tools["torch"]["copy"] = torch.Tensor.copy_
    return tools


def rates(threads: int) -> dict[str, float]:
    """Return operations, bytes and exponentials per second."""
    rng = np.random.default_rng(0)
    best: dict[str, float] = {}
    for tool in _tools(threads).values():
        array = tool["array"]
        for name, (n, k, m) in {"layer": (512, 128, 128), "large": (2048, 2048, 2048)}.items():
            a, b = (array(rng.normal(size=shape).astype("f4")) for shape in ((n, k), (k, m)))
            best[name] = max(best.get(name, 0.0), _rate(tool["matmul"], 2.0 * n * k * m, a, b))
        for name, size in {"memory": 1 << 24, "cache": 1 << 16}.items() if "copy" in tool else ():
            values, target = array(np.ones(size, "f4")), array(np.zeros(size, "f4"))
            best[name] = max(best.get(name, 0.0), _rate(tool["copy"], 2 * 4.0 * size, target, values))
        values = array(rng.normal(size=1 << 16).astype("f4"))
        best["exp"] = max(best.get("exp", 0.0), _rate(tool["exp"], 1.0 * (1 << 16), values))
    return best


def _numbers(spec: Spec) -> int:
    return 3 * spec.bins - 1 if spec.architecture in ("nsf", "coupling") else 2


def products(spec: Spec) -> tuple[float, float]:
    """Return the multiplications of all networks per event: of dense matrices, and of their unmasked part."""
    numbers, dim, width = _numbers(spec), spec.dim, spec.width
    if spec.architecture in ("coupling", "real_nvp"):
        kept = dim // 2
        sizes = (kept + spec.condition, *spec.hidden, (dim - kept) * numbers)
        dense = spec.layers * sum(a * b for a, b in pairwise(sizes))
        return float(dense), float(dense)
    sizes = (dim + spec.condition, *spec.hidden, dim * numbers)
    dense = spec.layers * sum(a * b for a, b in pairwise(sizes))
    lowest = 0 if spec.condition else 1
    degrees = lowest + np.arange(width) * (dim - lowest) // width
    first = degrees.sum() + width * spec.condition
    inner = (spec.depth - 1) * (degrees[:, None] >= degrees[None, :]).sum()
    last = numbers * (np.arange(dim)[:, None] >= degrees[None, :]).sum()
    return float(dense), float(spec.layers * (first + inner + last))


def floor(work: str, spec: Spec, events: int, parameters: int, rates: dict[str, float]) -> dict[str, float]:
    """Return the seconds that the machine needs at its best rates, and what they are made of.

    Products, and the same number twice again for the gradient; exponentials one after the other with them; or the
    traffic, if it is slower, as if all of it stayed in cache: the parameters, and what the networks and splines hand
    on, written once and read once, and for a step once more, with Adam's two moments.
    """
    step = work == "step"
    moved = spec.dim if spec.architecture in ("nsf", "maf") else spec.dim - spec.dim // 2
    splines = _numbers(spec) > 2
    dense, needed = products(spec)
    operations = 2 * (3 if step else 1) * needed * events
    exponentials = TRANSCENDENTAL[splines](spec.bins) * spec.layers * moved * events
    handed_on = spec.layers * (sum(spec.hidden) + moved * _numbers(spec) + spec.dim) * events
    traffic = 4.0 * ((2 if step else 1) * 2 * handed_on + (8 if step else 1) * parameters)
    compute = operations / max(rates["layer"], rates["large"]) + exponentials / rates["exp"]
    return {
        "seconds": max(compute, traffic / rates["cache"]),
        "operations": operations,
        "dense": operations * dense / needed,
        "exponentials": float(exponentials),
        "bytes": traffic,
    }


if __name__ == "__main__":
    from .worker import confine

    confine(int(sys.argv[1]))
    print(json.dumps(rates(int(sys.argv[1]))))
