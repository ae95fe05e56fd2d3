"""Flows fitted to densities known up to a constant: effective sample sizes, k-hat, and agreement with references.

    python -m benchmarks.densities [--posteriors DIRECTORY] [--seeds N] [--objective O] [--annealing A] [NAME ...]

The four potentials U1-U4 of "Variational Inference with Normalizing Flows", Rezende, Mohamed, 2015, on the square
[-4, 4]², of which quadrature gives log Z; densities of many modes, "gmm40", "many_well" (10-D, 2^5 modes) and
"many_well_32" (32-D, 2^16 modes; only if named), of which quadrature of one well gives log Z; and, where DIRECTORY has
their data and reference draws, five posteriors of posteriordb (https://github.com/stan-dev/posteriordb). Every fit is
`pf.fit_density` with its defaults, of a coupling flow with its defaults, unless an option says otherwise.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import stats

import pushforward as pf
from pushforward import bijections as b

POSTERIORS = Path(__file__).parents[2] / "shared" / "data" / "posteriordb"
#: Draws that are weighted.
DRAWS = 10_000


@dataclass(frozen=True)
class Target:
    """A log-density on a support, and what is known of it.

    Attributes:
        log_density: of one event.
        support: from unconstrained numbers to events.
        log_z: of the density.
        derived: (n, dim) draws -> (n, columns) of `reference`.
        reference: (n, columns) draws of it.
    """

    log_density: Callable[[Any], Any]
    support: b.AbstractBijection
    log_z: float | None = None
    derived: Callable[[np.ndarray], np.ndarray] = lambda draws: draws
    reference: np.ndarray | None = None


def u1(z: Any) -> Any:
    ring = 0.5 * ((jnp.hypot(z[0], z[1]) - 2) / 0.4) ** 2
    return jnp.logaddexp(-0.5 * ((z[0] - 2) / 0.6) ** 2, -0.5 * ((z[0] + 2) / 0.6) ** 2) - ring


def _wave(z: Any) -> Any:
    return jnp.sin(2 * jnp.pi * z[0] / 4)


def u2(z: Any) -> Any:
    return -0.5 * ((z[1] - _wave(z)) / 0.4) ** 2


def u3(z: Any) -> Any:
    bump = 3 * jnp.exp(-0.5 * ((z[0] - 1) / 0.6) ** 2)
    return jnp.logaddexp(-0.5 * ((z[1] - _wave(z)) / 0.35) ** 2, -0.5 * ((z[1] - _wave(z) + bump) / 0.35) ** 2)


def u4(z: Any) -> Any:
    step = 3 * jax.nn.sigmoid((z[0] - 1) / 0.3)
    return jnp.logaddexp(-0.5 * ((z[1] - _wave(z)) / 0.4) ** 2, -0.5 * ((z[1] - _wave(z) + step) / 0.35) ** 2)


def potential(log_density: Callable[[Any], Any]) -> Target:
    axis = np.linspace(-4, 4, 2001)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2).astype("f4")
    values = np.exp(np.asarray(jax.lax.map(log_density, jnp.asarray(grid), batch_size=100_000), np.float64))
    weights = np.full(2001, axis[1] - axis[0])
    weights[[0, -1]] /= 2
    z = weights @ values.reshape(2001, 2001) @ weights
    return Target(log_density, b.NormalCDF((2,), -4.0, 4.0), float(np.log(z)))


def _free(n: int) -> b.AbstractBijection:
    return b.Identity((n,))


def _half_normal(x: Any, scale: float) -> Any:
    return jnp.log(2.0) + stats.norm.logpdf(x, 0, scale)


def _half_cauchy(x: Any, scale: float) -> Any:
    return jnp.log(2.0) + stats.cauchy.logpdf(x, 0, scale)


def eight_schools(data: dict[str, Any]) -> Target:
    y, sigma = jnp.asarray(data["y"], float), jnp.asarray(data["sigma"], float)

    def log_density(x: Any) -> Any:
        trans, mu, tau = x[:8], x[8], x[9]
        prior = stats.norm.logpdf(trans).sum() + stats.norm.logpdf(mu, 0, 5) + _half_cauchy(tau, 5)
        return prior + stats.norm.logpdf(y, mu + tau * trans, sigma).sum()

    def derived(x: np.ndarray) -> np.ndarray:
        return np.concatenate([x[:, 8:9] + x[:, 9:] * x[:, :8], x[:, 8:]], axis=1)

    return Target(log_density, b.Concatenate([_free(9), b.Exp((1,))]), derived=derived)


def blr(data: dict[str, Any]) -> Target:
    design, y = jnp.asarray(data["X"], float), jnp.asarray(data["y"], float)
    d = design.shape[1]

    def log_density(x: Any) -> Any:
        beta, sigma = x[:d], x[d]
        prior = stats.norm.logpdf(beta, 0, 10).sum() + _half_normal(sigma, 10)
        return prior + stats.norm.logpdf(y, design @ beta, sigma).sum()

    return Target(log_density, b.Concatenate([_free(d), b.Exp((1,))]))


def ark(data: dict[str, Any]) -> Target:
    k, y = int(data["K"]), np.asarray(data["y"], "f4")
    past = jnp.asarray(np.stack([y[k - i - 1 : len(y) - i - 1] for i in range(k)], axis=1))
    now = jnp.asarray(y[k:])

    def log_density(x: Any) -> Any:
        alpha, beta, sigma = x[0], x[1 : k + 1], x[k + 1]
        prior = stats.norm.logpdf(x[: k + 1], 0, 10).sum() + _half_cauchy(sigma, 2.5)
        return prior + stats.norm.logpdf(now, alpha + past @ beta, sigma).sum()

    return Target(log_density, b.Concatenate([_free(k + 1), b.Exp((1,))]))


def gp(data: dict[str, Any]) -> Target:
    x, y = jnp.asarray(data["x"], float), jnp.asarray(data["y"], float)
    squares = (x[:, None] - x[None]) ** 2

    def log_density(params: Any) -> Any:
        rho, alpha, sigma = params
        prior = stats.gamma.logpdf(rho, 25, scale=1 / 4) + _half_normal(alpha, 2) + _half_normal(sigma, 1)
        covariance = alpha**2 * jnp.exp(-0.5 * squares / rho**2) + sigma * jnp.eye(len(x))
        factor = jnp.linalg.cholesky(covariance)
        white = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
        return prior - 0.5 * white @ white - jnp.log(jnp.diag(factor)).sum() - 0.5 * len(x) * jnp.log(2 * jnp.pi)

    return Target(log_density, b.Exp((3,)))


def gauss_mix(data: dict[str, Any]) -> Target:
    y = jnp.asarray(data["y"], float)

    def log_density(x: Any) -> Any:
        mu, sigma, theta = x[:2], x[2:4], x[4]
        prior = stats.norm.logpdf(mu, 0, 2).sum() + _half_normal(sigma, 2).sum() + stats.beta.logpdf(theta, 5, 5)
        first = jnp.log(theta) + stats.norm.logpdf(y, mu[0], sigma[0])
        second = jnp.log1p(-theta) + stats.norm.logpdf(y, mu[1], sigma[1])
        return prior + jnp.logaddexp(first, second).sum()

    return Target(log_density, b.Concatenate([b.Ordered(2), b.Exp((2,)), b.Sigmoid((1,))]))


#: Means of a mixture of 40 normal densities of unit variance: the target of "Flow Annealed Importance Sampling
#: Bootstrap", Midgley et al., 2023, with means of our own draw.
MEANS = np.random.default_rng(0).uniform(-40, 40, (40, 2)).astype("f4")


def gmm40(x: Any) -> Any:
    squares = jnp.sum((x - MEANS) ** 2, axis=1)
    return jax.nn.logsumexp(-0.5 * squares) - jnp.log(40.0) - jnp.log(2 * jnp.pi)


def _well(x: Any) -> Any:
    return -(x**4) + 6 * x**2 + 0.5 * x


def many_well(x: Any) -> Any:
    """Return the sum over n double wells, each in an element of its own beside a normal one: 2^n modes in 2 n-D."""
    n = len(x) // 2
    return _well(x[:n]).sum() - 0.5 * jnp.sum(x[n:] ** 2)


#: Number of elements, by name.
WELLS = {"many_well": 10, "many_well_32": 32}


def quadrature(dim: int) -> tuple[float, float]:
    """Return log Z of many wells, and the share of one well's mass on its right."""
    axis = np.linspace(-5, 5, 200_001)
    values = np.exp(_well(axis))
    one = values.sum() * (axis[1] - axis[0])
    log_z = dim // 2 * (np.log(one) + 0.5 * np.log(2 * np.pi))
    return float(log_z), float(values[axis > 0].sum() / values.sum())


def sides(draws: np.ndarray) -> dict[str, float]:
    """Return the share of the left side of the wells, over what it should be: that of the poorest and richest well."""
    n = draws.shape[1] // 2
    left = (draws[:, :n] < 0).mean(axis=0) / (1 - quadrature(2 * n)[1])
    figures = {"poorest_left": float(left.min()), "richest_left": float(left.max())}
    if n <= 5:
        right = quadrature(2 * n)[1]
        is_right = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        shares = np.where(is_right, right, 1 - right).prod(axis=1)
        counts = np.bincount((draws[:, :n] > 0) @ (1 << np.arange(n)), minlength=2**n) / len(draws) / shares
        figures["modes"] = float(np.sum(counts > 1 / 3))
    return figures


def shares(draws: np.ndarray) -> dict[str, float]:
    """Return how much of its share, 1 / 40, the poorest mode of `gmm40` has, and how many have a third of it."""
    squares = ((draws[:, None] - MEANS) ** 2).sum(axis=-1)
    counts = np.bincount(squares.argmin(axis=1), minlength=40) / len(draws) * 40
    return {"modes": float(np.sum(counts > 1 / 3)), "poorest": float(counts.min())}


OBJECTIVES = {"reverse": pf.train.ReverseKL(), "fab": pf.train.FAB()}
POTENTIALS = {"U1": u1, "U2": u2, "U3": u3, "U4": u4}
MODELS = {
    "eight_schools-eight_schools_noncentered": eight_schools,
    "sblrc-blr": blr,
    "arK-arK": ark,
    "gp_pois_regr-gp_regr": gp,
    "low_dim_gauss_mix-low_dim_gauss_mix": gauss_mix,
}


def build(name: str, posteriors: Path) -> Target:
    """Return a target by name."""
    if name == "gmm40":
        return Target(gmm40, _free(2), 0.0)
    if name in WELLS:
        return Target(many_well, _free(WELLS[name]), quadrature(WELLS[name])[0])
    if name in POTENTIALS:
        return potential(POTENTIALS[name])
    data = json.loads((posteriors / f"{name}.data.json").read_text())
    stored = np.load(posteriors / f"{name}.npz")
    target = MODELS[name](data)
    draws = stored["draws"].reshape(-1, stored["draws"].shape[-1]).astype(np.float64)
    return Target(target.log_density, target.support, None, target.derived, draws)


def flow_for(key: Any, target: Target) -> pf.Pushforward:
    """Return the flow that the documentation recommends, on the support of the target."""
    return pf.adapt.constrain(pf.flows.nsf(key, target.support.shape[0], wiring="coupling"), target.support)


def against(draws: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Return the largest deviation of a mean, in standard deviations, and of a standard deviation, relative."""
    sd = reference.std(axis=0)
    return {
        "mean": float((np.abs(draws.mean(axis=0) - reference.mean(axis=0)) / sd).max()),
        "sd": float(np.abs(draws.std(axis=0) / sd - 1).max()),
    }


def measure(name: str, seed: int, posteriors: Path, **settings: Any) -> dict[str, Any]:
    """Fit one target and return its figures."""
    target = build(name, posteriors)
    keys = jax.random.split(jax.random.key(seed), 5)
    began = time.perf_counter()
    result = pf.fit_density(keys[1], flow_for(keys[0], target), target.log_density, **settings)
    seconds = time.perf_counter() - began
    found = pf.evaluate.importance(keys[2], result.flow, target.log_density, DRAWS)
    figures: dict[str, Any] = {"name": name, "seed": seed, "seconds": seconds, "ess": found.ess / DRAWS}
    figures |= {"khat": found.khat, "log_z": found.log_z, "missed": found.missed, "skipped": result.skipped_steps}
    if target.log_z is not None:
        figures["log_z_off"] = found.log_z - target.log_z
    if name == "gmm40":
        figures |= shares(np.asarray(found.draws))
    if name in WELLS:
        figures |= sides(np.asarray(found.draws))
    if target.reference is not None:
        resampled = found.resample(keys[3])
        plain = against(target.derived(found.draws.astype(np.float64)), target.reference)
        weighted = against(target.derived(resampled.astype(np.float64)), target.reference)
        figures |= {"mean_off": plain["mean"], "sd_off": plain["sd"]}
        figures |= {"mean_off_resampled": weighted["mean"], "sd_off_resampled": weighted["sd"]}
        rows = np.random.default_rng(seed).choice(len(target.reference), len(resampled), replace=False)
        figures["c2st"] = pf.evaluate.c2st(keys[4], target.reference[rows], target.derived(resampled)).value
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join([*POTENTIALS, 'gmm40', *WELLS, *MODELS])}"
    )
    parser.add_argument("--posteriors", type=Path, default=POSTERIORS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--objective", choices=OBJECTIVES, default="reverse")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--annealing", type=float, help="default: that of the objective")
    args = parser.parse_args()
    known = [
        *POTENTIALS,
        "gmm40",
        "many_well",
        *(name for name in MODELS if (args.posteriors / f"{name}.npz").exists()),
    ]
    for name in args.names or known:
        for seed in range(args.seeds):
            settings = {"objective": OBJECTIVES[args.objective], "steps": args.steps, "annealing": args.annealing}
            figures = measure(name, seed, args.posteriors, **settings)
            print(
                "  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items()),
                flush=True,
            )


if __name__ == "__main__":
    main()
