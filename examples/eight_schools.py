"""The posterior of a NumPyro model, the eight schools: by a flow, by NUTS, and by NUTS in the flow's base space.

    python examples/eight_schools.py [DIRECTORY]

Needs the extra `numpyro`. Draws DIRECTORY/eight_schools.png: the first school's effect against the spread of all of
them. Where the spread is small, NUTS has to pass through a narrow neck, which the flow has widened.
"""

import functools
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
from numpyro.infer import MCMC, NUTS, SVI, Trace_ELBO
from numpyro.infer.reparam import NeuTraReparam

import pushforward as pf

EFFECTS = jnp.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
ERRORS = jnp.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
DRAWS = 4000


def schools(effects: jax.Array, errors: jax.Array) -> None:
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfCauchy(5.0))
    with numpyro.plate("school", len(errors)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("effect", dist.Normal(theta, errors), obs=effects)


def run_nuts(model: Any) -> tuple[dict[str, jax.Array], int]:
    """Return the draws and how many of them diverged."""
    mcmc = MCMC(NUTS(model), num_warmup=1000, num_samples=DRAWS, progress_bar=False)
    mcmc.run(jax.random.key(0), EFFECTS, ERRORS)
    return mcmc.get_samples(), int(mcmc.get_extra_fields()["diverging"].sum())


def main(directory: Path) -> None:
    build = functools.partial(pf.flows.iaf, jax.random.key(0), layers=3, hidden=(64, 64))
    guide = pf.numpyro.AutoFlow(schools, build)
    svi = SVI(schools, guide, optax.adam(optax.cosine_decay_schedule(5e-3, 4000)), Trace_ELBO(num_particles=32))
    params = svi.run(jax.random.key(1), 4000, EFFECTS, ERRORS, progress_bar=False).params
    of_flow = guide.sample_posterior(jax.random.key(2), params, sample_shape=(DRAWS,))

    plain, diverged = run_nuts(schools)
    neutra = NeuTraReparam(guide, params)
    latent, diverged_in_base = run_nuts(neutra.reparam(schools))
    straight = neutra.transform_sample(latent["auto_shared_latent"])

    panels = {
        "samples of the flow": of_flow,
        f"NUTS, {diverged} divergences": plain,
        f"NUTS through the flow, {diverged_in_base} divergences": straight,
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), sharex=True, sharey=True, layout="constrained")
    for ax, (title, values) in zip(axes, panels.items(), strict=True):
        tau, theta = np.asarray(values["tau"]), np.asarray(values["theta"])
        quantiles = ", ".join(f"{q:.2f}" for q in np.quantile(tau, (0.05, 0.5, 0.95)))
        print(f"{title}: 5, 50 and 95 % of tau {quantiles}; mean of theta[0] {theta[:, 0].mean():.2f}")
        ax.plot(theta[:, 0], np.log(tau), ".", markersize=2, alpha=0.4)
        ax.set(title=title, xlabel="theta[0]", xlim=(-20, 40), ylim=(-5, 5))
    axes[0].set_ylabel("log tau")
    figure.savefig(directory / "eight_schools.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
