"""Density, draws and training steps of the default flow, called directly and inside a program of the user's own.

    python -m benchmarks.own_program [--dims 6 32] [--events 20000] [--repetitions 7]

Microseconds per event, medians of repetitions that take turns; a step is of 512 events. "vmap" is event by event.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import optax

import pushforward as pf

BATCH = 512


def programs(dim: int, events: int) -> dict[str, tuple[Callable[[], Any], int]]:
    """Return what is timed, with its number of events."""
    flow = pf.flows.nsf(jax.random.key(0), dim)
    x, key = jax.random.normal(jax.random.key(1), (events, dim)), jax.random.key(2)
    params, rest = eqx.partition(flow, pf.train.trainable(flow))
    optimizer = optax.adam(1e-3)
    state = optimizer.init(params)

    @jax.jit
    def step(params: Any, state: Any, x: Any) -> Any:
        loss, grads = jax.value_and_grad(lambda p: -eqx.combine(p, rest).log_prob(x).mean())(params)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(params, updates), state, loss

    density, draws = eqx.filter_jit(lambda f: f.log_prob(x)), eqx.filter_jit(lambda f: f.sample(key, events))
    one_by_one = eqx.filter_jit(lambda f: jax.vmap(f.log_prob)(x))
    draw_by_draw = eqx.filter_jit(lambda f: jax.vmap(f.sample)(jax.random.split(key, events)))
    return {
        "log_prob, called": (lambda: flow.log_prob(x), events),
        "log_prob, in jit": (lambda: density(flow), events),
        "log_prob, in jit and vmap": (lambda: one_by_one(flow), events),
        "sample, called": (lambda: flow.sample(key, events), events),
        "sample, in jit": (lambda: draws(flow), events),
        "sample, in jit and vmap": (lambda: draw_by_draw(flow), events),
        "step, in jit": (lambda: step(params, state, x[:BATCH]), BATCH),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[6, 32])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--repetitions", type=int, default=7)
    args = parser.parse_args()
    print("| columns | program | µs per event |\n|---|---|---|")
    for dim in args.dims:
        found = programs(dim, args.events)
        times: dict[str, list[float]] = {name: [] for name in found}
        for repetition in range(args.repetitions + 1):
            for name, (run, events) in found.items():
                start = time.perf_counter()
                jax.block_until_ready(run())
                # The first time compiles.
                times[name] += [(time.perf_counter() - start) / events * 1e6] if repetition else []
        for name, seconds in times.items():
            print(f"| {dim} | {name} | {statistics.median(seconds):.2f} |", flush=True)


if __name__ == "__main__":
    main()
