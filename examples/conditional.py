"""A conditional density p(y | c) with a known truth: y ~ N(sin 3c, (0.1 + 0.3 c²)²).

    python examples/conditional.py [DIRECTORY]

Draws DIRECTORY/conditional.png: the density of the fitted flow, and the true mean and two-sigma band.
"""

import sys
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

import pushforward as pf


def truth(c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of y."""
    return np.sin(3 * c), 0.1 + 0.3 * c**2


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    c = rng.uniform(-1, 1, (n, 1))
    mean, sd = truth(c)
    return c, mean + sd * rng.normal(size=(n, 1))


def main(directory: Path) -> None:
    rng = np.random.default_rng(0)
    c, y = draw(rng, 20_000)
    flow = pf.flows.nsf(jax.random.key(0), dim=1, cond_dim=1, layers=2, hidden=(64, 64))
    result = pf.fit(jax.random.key(1), flow, y, c, max_epochs=30)

    c, y = draw(rng, 50_000)
    mean, sd = truth(c)
    kl = np.mean(norm.logpdf(y, mean, sd)[:, 0] - result.flow.log_prob(y, c))
    print(f"mean conditional KL(truth || flow): {kl:.4f} nats")
    samples = result.flow.sample(jax.random.key(2), 10_000, condition=[0.5])
    mean, sd = truth(np.array(0.5))
    print(f"at c = 0.5: mean {samples.mean():.3f} (truth {mean:.3f}), sd {samples.std():.3f} (truth {sd:.3f})")

    grid_c, grid_y = np.linspace(-1, 1, 200), np.linspace(-2, 2, 300)
    pairs_c, pairs_y = np.meshgrid(grid_c, grid_y)
    density = np.exp(result.flow.log_prob(pairs_y[..., None], pairs_c[..., None]))
    mean, sd = truth(grid_c)
    figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
    mesh = ax.pcolormesh(grid_c, grid_y, density, cmap="viridis", rasterized=True)
    figure.colorbar(mesh, label="p(y | c)")
    ax.plot(grid_c, mean, "w-", label="true mean")
    ax.plot(grid_c, mean - 2 * sd, "w:", grid_c, mean + 2 * sd, "w:")
    ax.set(xlabel="c", ylabel="y", title="y | c, and the true mean ± 2 standard deviations")
    figure.savefig(directory / "conditional.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
