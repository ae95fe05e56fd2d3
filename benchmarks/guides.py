"""The posteriors of `benchmarks.densities` by NumPyro: its automatic guides and NUTS, beside a flow.

    python -m benchmarks.guides [--posteriors DIRECTORY] [--method METHOD]... [NAME ...]

Guides see the density in the same unconstrained space as the flow, and are fitted as NumPyro's examples do, by Adam
with a learning rate of 0.005, for 10,000 steps of 16 draws, the flow with its defaults. NUTS runs four chains of 1,000
steps of warm-up and 2,500 draws. 10,000 draws of each, as they come, are compared with as many of the reference;
"flow, resampled" are those of the flow by their importance weights. Needs the extra `numpyro`.
"""

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro import distributions as dist
from numpyro.infer import MCMC, NUTS, SVI, Trace_ELBO, autoguide

import pushforward as pf

from .densities import DRAWS, MODELS, POSTERIORS, Target, against, build, flow_for

STEPS, PARTICLES, LEARNING_RATE = 10_000, 16, 0.005
GUIDES = ("AutoNormal", "AutoMultivariateNormal", "AutoIAFNormal", "AutoBNAFNormal")


def model(target: Target) -> None:
    """Give NumPyro the density of unconstrained numbers."""
    dim = target.support.shape[0]
    z = numpyro.sample("z", dist.ImproperUniform(dist.constraints.real_vector, (), (dim,)))
    x, log_det = target.support.forward_and_log_det(jnp.asarray(z))
    numpyro.factor("density", target.log_density(x) + log_det)


def by_guide(name: str, key: Any, target: Target) -> np.ndarray:
    for_fit, for_draws = jax.random.split(key)
    guide = getattr(autoguide, name)(partial(model, target))
    elbo = Trace_ELBO(num_particles=PARTICLES)
    svi = SVI(partial(model, target), guide, numpyro.optim.Adam(LEARNING_RATE), elbo)
    params = svi.run(for_fit, STEPS, progress_bar=False).params
    z = guide.sample_posterior(for_draws, params, sample_shape=(DRAWS,))["z"]
    return np.asarray(jax.vmap(target.support.forward)(z))


def by_nuts(key: Any, target: Target) -> np.ndarray:
    mcmc = MCMC(
        NUTS(partial(model, target)),
        num_warmup=1000,
        num_samples=DRAWS // 4,
        num_chains=4,
        chain_method="vectorized",
        progress_bar=False,
    )
    mcmc.run(key)
    return np.asarray(jax.vmap(target.support.forward)(mcmc.get_samples()["z"]))


def by_flow(key: Any, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Return draws as they come, and resampled by their weights."""
    keys = jax.random.split(key, 4)
    flow = pf.fit_density(keys[1], flow_for(keys[0], target), target.log_density, progress=False).flow
    found = pf.evaluate.importance(keys[2], flow, target.log_density, DRAWS)
    return found.draws, found.resample(keys[3])


def row(name: str, method: str, target: Target, draws: np.ndarray, seconds: float) -> str:
    assert target.reference is not None
    derived = target.derived(draws.astype(np.float64))
    off = against(derived, target.reference)
    chosen = np.random.default_rng(0).choice(len(target.reference), len(derived), replace=False)
    c2st = pf.evaluate.c2st(jax.random.key(0), target.reference[chosen], derived).value
    return f"| {name} | {method} | {off['mean']:.3f} | {off['sd']:.3f} | {c2st:.3f} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--posteriors", type=Path, default=POSTERIORS)
    parser.add_argument("--method", action="append", choices=["flow", *GUIDES, "NUTS"], help="all by default")
    args = parser.parse_args()
    print("| posterior | method | mean off, sd | sd off | C2ST | seconds |\n|---|---|---|---|---|---|")
    for name in args.names or MODELS:
        target = build(name, args.posteriors)
        for method in args.method or ["flow", *GUIDES, "NUTS"]:
            key, began = jax.random.key(0), time.perf_counter()
            if method == "flow":
                draws, resampled = by_flow(key, target)
            else:
                draws = by_nuts(key, target) if method == "NUTS" else by_guide(method, key, target)
            seconds = time.perf_counter() - began
            print(row(name, method, target, draws, seconds), flush=True)
            if method == "flow":
                print(row(name, "flow, resampled", target, resampled, seconds), flush=True)


if __name__ == "__main__":
    main()
