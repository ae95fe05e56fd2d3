"""What the machine could do at best: its rates, and the work that a flow cannot avoid.

    python -m benchmarks.floor THREADS DEVICE

prints the rates, the best of NumPy's, JAX's and PyTorch's: of float32 matrix products (of a hidden layer on a batch,
and large ones), of copies in memory and in cache, and of the exponential.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .spec import Spec

#: Exponentials, logarithms and roots per element of an event: two softmaxes, slopes, one log-derivative; or a
#: scale and its bound.
TRANSCENDENTAL = {True: lambda bins: 2 * bins + 2 * (bins - 1) + 2, False: lambda bins: 2}


#: float32 numbers of what is copied, or exponentiated.
SIZES = {
    "cpu": {"memory": 1 << 24, "cache": 1 << 16, "exp": 1 << 16},
    "gpu": {"memory": 1 << 28, "cache": 1 << 21, "exp": 1 << 24},
}
#: Exponentials one after the other, on a GPU, where one alone only measures the traffic.
CHAIN = 16


class _Tool(NamedTuple):
    """How a library makes an array, what it measures, and how it waits for results."""

    array: Callable[[np.ndarray], Any]
    does: dict[str, Callable[..., Any]]
    wait: Callable[[Any], Any]


def _rate(tool: _Tool, name: str, work: float, *args: Any) -> float:
    """Return work per second, of the best of some short runs."""
    f = tool.does[name]
    tool.wait(f(*args))
    times = []
    stop = time.perf_counter() + 0.5
    while time.perf_counter() < stop:
        start = time.perf_counter()
        for _ in range(10):
            result = f(*args)
        tool.wait(result)
        times.append((time.perf_counter() - start) / 10)
    return work / min(times)


def _tools(threads: int, device: str) -> list[_Tool]:
    import jax
    import jax.numpy as jnp

    def exp(x: Any) -> Any:
        for _ in range(CHAIN if device == "gpu" else 1):
            x = jnp.exp(-x)
        return x

    tools = [_Tool(jnp.asarray, {"matmul": jax.jit(jnp.matmul), "exp": jax.jit(exp)}, jax.block_until_ready)]
    if device == "cpu":
        of_numpy = {"matmul": np.matmul, "copy": np.copyto, "exp": np.exp}
        tools.append(_Tool(np.asarray, of_numpy, lambda result: result))
    try:
        import torch
    except ImportError:
        return tools
    torch.set_num_threads(threads)
    place = "cpu" if device == "cpu" else "cuda"
    of_torch = {"matmul": torch.matmul, "copy": torch.Tensor.copy_, "exp": torch.exp}
    if device == "gpu":
        del of_torch["exp"]
    wait = torch.cuda.synchronize if device == "gpu" else lambda: None
    return [*tools, _Tool(lambda a: torch.from_numpy(a).to(place), of_torch, lambda _: wait())]


def rates(threads: int, device: str) -> dict[str, float]:
    """Return operations, bytes and exponentials per second."""
    rng = np.random.default_rng(0)
    best: dict[str, float] = {}

    def note(name: str, rate: float) -> None:
        best[name] = max(best.get(name, 0.0), rate)

    sizes = SIZES[device]
    for tool in _tools(threads, device):
        for name, (n, k, m) in {"layer": (512, 128, 128), "large": (2048, 2048, 2048)}.items():
            a, b = (tool.array(rng.normal(size=shape).astype("f4")) for shape in ((n, k), (k, m)))
            note(name, _rate(tool, "matmul", 2.0 * n * k * m, a, b))
        for name in ("memory", "cache") if "copy" in tool.does else ():
            values, target = tool.array(np.ones(sizes[name], "f4")), tool.array(np.zeros(sizes[name], "f4"))
            note(name, _rate(tool, "copy", 2 * 4.0 * sizes[name], target, values))
        if "exp" in tool.does:
            values = tool.array(rng.normal(size=sizes["exp"]).astype("f4"))
            note("exp", _rate(tool, "exp", (CHAIN if device == "gpu" else 1.0) * sizes["exp"], values))
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
        "seconds": max(compute, traffic / max(rates["cache"], rates["memory"])),
        "operations": operations,
        "dense": operations * dense / needed,
        "exponentials": float(exponentials),
        "bytes": traffic,
    }


if __name__ == "__main__":
    from .worker import confine

    confine(int(sys.argv[1]))
    print(json.dumps(rates(int(sys.argv[1]), sys.argv[2])))
