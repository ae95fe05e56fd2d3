"""Four densities known up to a constant: the potentials U1 to U4 of Rezende and Mohamed, 2015, on [-4, 4]².

    python examples/potentials.py [DIRECTORY]

Draws DIRECTORY/potentials.png: the densities, the fitted flows, and where draws of these have too much or too little
weight. Prints the effective sample sizes and the normalizing constants.

Reference: "Variational Inference with Normalizing Flows", Rezende, Mohamed, 2015.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import pushforward as pf
from pushforward.bijections import NormalCDF

NAMES = ("U1", "U2", "U3", "U4")


def log_density(name: str, z: Any) -> Any:
    """Return minus the potential at one point."""
    wave = jnp.sin(2 * jnp.pi * z[0] / 4)
    match name:
        case "U1":
            ring = 0.5 * ((jnp.hypot(z[0], z[1]) - 2) / 0.4) ** 2
            return jnp.logaddexp(-0.5 * ((z[0] - 2) / 0.6) ** 2, -0.5 * ((z[0] + 2) / 0.6) ** 2) - ring
        case "U2":
            return -0.5 * ((z[1] - wave) / 0.4) ** 2
        case "U3":
            shift, first = 3 * jnp.exp(-0.5 * ((z[0] - 1) / 0.6) ** 2), 0.35
        case _:
            shift, first = 3 * jax.nn.sigmoid((z[0] - 1) / 0.3), 0.4
    return jnp.logaddexp(-0.5 * ((z[1] - wave) / first) ** 2, -0.5 * ((z[1] - wave + shift) / 0.35) ** 2)


def main(directory: Path) -> None:
    axis = np.linspace(-4, 4, 401)[1:-1]
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).astype(np.float32)
    figure, axes = plt.subplots(3, 4, figsize=(11, 8.4), sharex=True, sharey=True, layout="constrained")
    for column, name in zip(axes.T, NAMES, strict=True):

        def target(z: Any, name: str = name) -> Any:
            return log_density(name, z)

        flow = pf.flows.nsf(jax.random.key(0), dim=2, wiring="coupling")
        # Up to the edges of the square: a normal distribution becomes uniform.
        flow = pf.adapt.constrain(flow, NormalCDF((2,), -4.0, 4.0))
        result = pf.fit_density(jax.random.key(1), flow, target)
        found = pf.evaluate.importance(jax.random.key(2), result.flow, target)
        values = np.asarray(jax.vmap(jax.vmap(target))(grid))
        log_z = np.log(np.exp(values.astype(np.float64)).sum() * (axis[1] - axis[0]) ** 2)
        print(f"{name}: {found.verdict} log Z {found.log_z:.3f} ± {found.log_z_error:.3f} (quadrature {log_z:.3f})")

        density = np.exp(np.asarray(result.flow.log_prob(grid)))
        top = float(np.exp(values - log_z).max())
        column[0].pcolormesh(axis, axis, np.exp(values - log_z), vmin=0, vmax=top, cmap="viridis", rasterized=True)
        column[1].pcolormesh(axis, axis, density, vmin=0, vmax=top, cmap="viridis", rasterized=True)
        ratio = np.clip((found.log_weights - found.log_z) / np.log(2), -1, 1)
        column[2].scatter(*found.draws[:4000].T, c=ratio[:4000], s=1, cmap="coolwarm", vmin=-1, vmax=1)
        column[0].set_title(f"{name}, ESS {found.ess / len(found.draws):.0%}")
        column[2].set(xlim=(-4, 4), ylim=(-4, 4), xlabel="$z_1$", aspect="equal")
        for ax in column[:2]:
            ax.set_aspect("equal")
    for ax, label in zip(axes[:, 0], ("density", "flow", "draws of the flow"), strict=True):
        ax.set_ylabel(f"{label}\n$z_2$")
    figure.colorbar(axes[2, 0].collections[0], ax=axes[2], label="log₂ weight")
    figure.savefig(directory / "potentials.png", dpi=150)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
