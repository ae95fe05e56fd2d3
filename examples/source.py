"""Source estimation: two moons of parameters, seen through a simulator that blurs and bends them.

    python examples/source.py [DIRECTORY]

Nobody observes the parameters, only what the simulator makes of them. A surrogate of the simulator is learned from
simulations, then the distribution of the parameters from 10,000 observations, then the posterior of one observation.
Draws DIRECTORY/source.png and prints how far the learned source is from the true one.

Reference: "Neural Empirical Bayes: Source Distribution Estimation and its Applications to Simulation-Based Inference",
Vandegar, Kagan, Wehenkel, Louppe, 2021.
"""

import sys
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np

import pushforward as pf

LIMIT = 3.0


def two_moons(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return draws of the source, which the fit does not see."""
    angle, side = rng.uniform(0, np.pi, n), rng.integers(2, size=n)
    x = np.where(side, np.cos(angle) - 0.5, 0.5 - np.cos(angle))
    y = np.where(side, np.sin(angle) - 0.25, 0.25 - np.sin(angle))
    return 1.3 * np.stack([x, y], axis=1) + 0.1 * rng.normal(size=(n, 2))


def simulate(rng: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    bent = theta + 0.3 * np.stack([np.sin(2 * theta[:, 1]), np.cos(2 * theta[:, 0])], axis=1)
    return bent + 0.2 * rng.normal(size=theta.shape)


def main(directory: Path) -> None:
    rng = np.random.default_rng(0)
    keys = jax.random.split(jax.random.key(0), 8)

    # A surrogate of the simulator, from simulations all over a square.
    theta = rng.uniform(-LIMIT, LIMIT, (20_000, 2))
    surrogate = pf.flows.real_nvp(keys[0], dim=2, cond_dim=2, layers=6, hidden=(64, 64))
    surrogate = pf.fit(keys[1], surrogate, simulate(rng, theta), theta).flow

    # The source, from observations. Before the fit it is uniform on the square: NormalCDF makes it so of a normal base.
    truth = two_moons(rng, 10_000)
    x = simulate(rng, truth)
    source = pf.flows.nsf(keys[2], dim=2, wiring="coupling")
    source = pf.adapt.constrain(source, pf.bijections.NormalCDF((2,), -LIMIT, LIMIT))
    result = pf.fit_source(keys[3], source, surrogate, x)
    source = result.flow
    print(f"source learned in {result.seconds:.0f} s")
    draws = np.asarray(source.sample(keys[4], 10_000))
    print("source:      ", pf.evaluate.sliced_wasserstein(keys[5], truth, draws))
    again = np.asarray(surrogate.sample(keys[6], (), draws))
    print("observations:", pf.evaluate.sliced_wasserstein(keys[5], x, again))

    # The posterior of one observation: draws of the source, weighted by the likelihood.
    seen = x[0]
    posterior = pf.evaluate.importance(
        keys[7], source, lambda theta: source.log_prob(theta) + surrogate.log_prob(seen, theta), 50_000
    )
    print("posterior:   ", posterior.verdict)

    figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), sharex=True, sharey=True, layout="constrained")
    axis = np.linspace(-LIMIT, LIMIT, 301)[1:-1]
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    axes[0].scatter(*x.T, s=1, alpha=0.3, color="0.3", rasterized=True)
    axes[0].set(title="observations", xlabel="$x_1$", ylabel="$x_2$")
    axes[1].scatter(*truth.T, s=1, alpha=0.3, color="0.3", rasterized=True)
    axes[1].set(title="true source")
    axes[2].pcolormesh(axis, axis, np.exp(np.asarray(source.log_prob(grid))), cmap="viridis", rasterized=True)
    axes[2].set(title="learned source")
    axes[3].scatter(*posterior.resample(keys[0], 3000).T, s=1, alpha=0.3, rasterized=True)
    axes[3].plot(*truth[0], "k*", markersize=9)
    axes[3].set(title="one posterior, truth: star")
    for ax in axes:
        ax.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal")
    for ax in axes[1:]:
        ax.set(xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    figure.savefig(directory / "source.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
