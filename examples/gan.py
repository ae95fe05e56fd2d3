"""The digits by a generative adversarial network: samples without a density.

    python examples/gan.py [DIRECTORY]

Trains for about a minute on two cores and draws samples beside digits in DIRECTORY/gan.png. There are no bits per
dimension: the network maps 16 numbers to images, and all other images have probability zero.

References: "Generative Adversarial Nets", Goodfellow et al., 2014; "Which Training Methods for GANs do actually
Converge?", Mescheder, Geiger, Nowozin, 2018, for the penalty.
"""

import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from digits import LEVELS, draw, split

LATENT, WIDTH, STEPS, BATCH = 16, 256, 5000, 128
#: Weight of the discriminator's squared slope at the data, and the decay of the average of generators.
PENALTY, AVERAGE = 0.3, 0.999


class GAN(eqx.Module):
    """A generator of images and a discriminator."""

    generator: eqx.nn.MLP
    discriminator: eqx.nn.MLP

    def __init__(self, key: Array, dim: int):
        keys = jax.random.split(key)
        self.generator = eqx.nn.MLP(LATENT, dim, WIDTH, 2, jax.nn.silu, jnp.tanh, key=keys[0])
        self.discriminator = eqx.nn.MLP(dim, "scalar", WIDTH, 2, jax.nn.silu, key=keys[1])

    def loss(self, real: Array, z: Array) -> tuple[Array, Array]:
        """Return the discriminator's loss and the generator's, each of which the gradient takes for itself."""
        fake = jax.vmap(self.generator)(z)
        score, slope = jax.vmap(jax.value_and_grad(self.discriminator))(real)
        of_fake = jax.vmap(self.discriminator)(jax.lax.stop_gradient(fake))
        judge = jax.nn.softplus(-score) + jax.nn.softplus(of_fake) + PENALTY / 2 * jnp.sum(slope**2, axis=1)
        fixed = jax.lax.stop_gradient(eqx.filter(self.discriminator, eqx.is_array))
        forger = jax.nn.softplus(-jax.vmap(eqx.combine(fixed, self.discriminator))(fake))
        return judge.mean(), forger.mean()


def fit(train: np.ndarray) -> GAN:
    """Return the GAN with the average of its generators."""
    images = jnp.asarray(train, float).reshape(len(train), -1)
    gan, frozen = eqx.partition(GAN(jax.random.key(0), images.shape[1]), eqx.is_inexact_array)
    optimizer = optax.adam(optax.cosine_decay_schedule(1e-3, STEPS), b1=0.0, b2=0.99)

    def loss(gan: GAN, real: Array, z: Array) -> Array:
        return sum(eqx.combine(gan, frozen).loss(real, z), start=jnp.zeros(()))

    def step(state: tuple, key: Array) -> tuple:
        gan, average, moments = state
        rows, noise, latent = jax.random.split(key, 3)
        real = images[jax.random.randint(rows, (BATCH,), 0, len(images))]
        # Noise of one level hides from the discriminator that pixels are integers.
        real = (real + jax.random.uniform(noise, real.shape)) * (2 / LEVELS) - 1
        updates, moments = optimizer.update(
            jax.grad(loss)(gan, real, jax.random.normal(latent, (BATCH, LATENT))), moments
        )
        gan = optax.apply_updates(gan, updates)
        return (gan, optax.incremental_update(gan, average, 1 - AVERAGE), moments), None

    start = (gan, gan, optimizer.init(gan))
    _, average, _ = jax.jit(lambda state: jax.lax.scan(step, state, jax.random.split(jax.random.key(1), STEPS)))(start)[
        0
    ]
    return eqx.combine(average, frozen)


def pixels(gan: GAN, n: int) -> np.ndarray:
    """Return samples as pixels."""
    images = jax.vmap(gan.generator)(jax.random.normal(jax.random.key(2), (n, LATENT)))
    return np.clip(np.floor((images + 1) * (LEVELS / 2)), 0, LEVELS - 1).astype(np.uint8).reshape(n, 8, 8, 1)


def main(directory: Path) -> None:
    train, test = split()
    draw(directory / "gan.png", held_out=test, samples=pixels(fit(train), 100))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
