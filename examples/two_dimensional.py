"""Two densities with a known truth: eight Gaussians on a circle, and a banana.

    python examples/two_dimensional.py [DIRECTORY]

Draws DIRECTORY/two_dimensional.png: the data and the density of the fitted flow.
"""

import sys
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np

import pushforward as pf

ROWS = 20_000


def eight_gaussians(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.integers(8, size=n) * np.pi / 4
    return 4 * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.3 * rng.normal(size=(n, 2))


def banana(rng: np.random.Generator, n: int) -> np.ndarray:
    x1 = rng.normal(size=n)
    return np.stack([x1, x1**2 / 2 + 0.5 * rng.normal(size=n)], 1)


def main(directory: Path) -> None:
    rng = np.random.default_rng(0)
    figure, axes = plt.subplots(2, 2, figsize=(9, 8.5), layout="constrained")
    for row, target in zip(axes, (eight_gaussians, banana), strict=True):
        x, fresh = target(rng, ROWS), target(rng, ROWS)
        flow = pf.flows.nsf(jax.random.key(0), dim=2, layers=3, hidden=(64, 64))
        result = pf.fit(jax.random.key(1), flow, x, max_epochs=30)
        name = target.__name__.replace("_", " ")
        print(f"{name}: {result.flow.log_prob(fresh).mean():.3f} nats per row on fresh data")
        row[0].plot(*x[:5000].T, ".", markersize=1.5, alpha=0.5)
        row[0].set_title(f"{name}: data")
        pf.plot.density_2d(result.flow, data=fresh, ax=row[1])
        row[1].set_title("density of the flow")
        row[0].set(xlim=row[1].get_xlim(), ylim=row[1].get_ylim())
    figure.savefig(directory / "two_dimensional.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
