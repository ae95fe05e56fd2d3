"""The search for missed modes of `pf.evaluate.importance`: what it finds, and whether it cries wolf.

    python -m benchmarks.missed [--seeds N] [--steps N] [NAME ...]

Densities of separate modes, fitted by the reverse KL so that some are lost, and controls whose fits are right. A line
has the share of the mass that is missed, as the known log Z says, and that which the search found.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import stats

import pushforward as pf

from .densities import many_well, quadrature


@dataclass(frozen=True)
class Case:
    """A log-density.

    Attributes:
        log_density: of one event.
        dim: its number of elements.
        log_z: of the density.
        at_zero: whether the flow begins at zero and unit scale, and not where the fit locates the density.
        annealing: of the fit.
    """

    log_density: Callable[[Any], Any]
    dim: int
    log_z: float = 0.0
    at_zero: bool = False
    annealing: float = 0.0


def mixture(places: Any, *scales: float) -> Callable[[Any], Any]:
    """Return a mixture of normal densities of equal shares, in two dimensions; one scale stands for all."""
    places, width = np.asarray(places, "f4"), np.asarray(scales, "f4")[:, None]
    return lambda x: jax.nn.logsumexp(stats.norm.logpdf(x, places, width).sum(axis=-1)) - np.log(len(places))


def banana(x: Any) -> Any:
    return stats.norm.logpdf(x[0]) + stats.norm.logpdf(x[1], x[0] ** 2, 0.5)


def funnel(x: Any) -> Any:
    return stats.norm.logpdf(x[0], 0, 1.5) + stats.norm.logpdf(x[1:], 0, jnp.exp(x[0] / 2)).sum()


def correlated(x: Any) -> Any:
    return stats.norm.logpdf(x[0], 500, 0.01) + stats.norm.logpdf(x[1], 0, 30) + stats.norm.logpdf(x[2], x[1], 3)


RING = 5 * np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
CASES = {
    "two modes": Case(mixture([[0, 0], [12, 0]], 1.0), 2, at_zero=True),
    "two modes, one wide": Case(mixture([[0, 0], [20, 5]], 0.3, 3.0), 2, at_zero=True),
    "two modes, one narrow": Case(mixture([[0, 0], [12, 5]], 1.0, 0.05), 2, at_zero=True),
    "many wells": Case(many_well, 10, quadrature(10)[0]),
    "normal": Case(correlated, 3),
    "banana": Case(banana, 2),
    "funnel": Case(funnel, 5),
    "eight normals": Case(mixture(RING, 0.7), 2, annealing=0.5),
    "Student": Case(lambda x: stats.t.logpdf(x, 5).sum(), 4),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}")
    parser.add_argument("--seeds", type=int, default=5, help="of the draws and searches")
    parser.add_argument("--steps", type=int, default=800)
    args = parser.parse_args()
    for name in args.names or CASES:
        case = CASES[name]
        flow = pf.flows.nsf(jax.random.key(0), case.dim, wiring="coupling")
        if case.at_zero:
            flow = pf.Pushforward(flow.base, flow.bijection.bijections[0])
        settings = {"steps": args.steps, "annealing": case.annealing, "progress": False}
        fitted = pf.fit_density(jax.random.key(1), flow, case.log_density, **settings)
        print(f"{name}, fitted in {fitted.seconds:.0f} s")
        for seed in range(args.seeds):
            began = time.perf_counter()
            found = pf.evaluate.importance(jax.random.key(2 + seed), fitted.flow, case.log_density)
            seconds = time.perf_counter() - began
            verdict = found.verdict.partition(": ")[2]
            print(
                f"  {seconds:.1f} s, ESS / n {found.ess / 1e4:.3f}, k-hat {found.khat:.2f}, "
                f"missed {-np.expm1(found.log_z - case.log_z):.4f}, "
                f"found {found.missed:.4f} ± {found.missed_error:.4f}: {verdict}",
                flush=True,
            )


if __name__ == "__main__":
    main()
