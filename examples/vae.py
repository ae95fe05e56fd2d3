"""The digits by a variational autoencoder: a bound of the likelihood in the same bits per dimension as a flow's.

    python examples/vae.py [DIRECTORY]

Trains for less than a minute on two cores, prints two bounds of the bits per dimension of digits that it did not see,
and draws samples beside digits in DIRECTORY/vae.png. The decoder gives each pixel a distribution over its 17 levels.

References: "Auto-Encoding Variational Bayes", Kingma, Welling, 2014; "Importance Weighted Autoencoders", Burda, Grosse,
Salakhutdinov, 2016.
"""

import math
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from digits import LEVELS, draw, split

LATENT, WIDTH, EPOCHS, WARM_UP, BATCH, VALIDATION = 16, 256, 120, 30, 100, 140
#: The decoder moves log-probabilities along these: with a number for each level it would learn the few images by heart.
DIRECTIONS = np.cos(np.pi * np.arange(1, 5)[:, None] * np.arange(LEVELS) / (LEVELS - 1))


class VAE(eqx.Module):
    """An encoder of images and a decoder."""

    encoder: eqx.nn.MLP
    decoder: eqx.nn.MLP
    marginal: Array

    def __init__(self, key: Array, train: np.ndarray):
        keys, dim = jax.random.split(key), train[0].size
        self.encoder = eqx.nn.MLP(dim, 2 * LATENT, WIDTH, 2, jax.nn.silu, key=keys[0])
        self.decoder = eqx.nn.MLP(LATENT, dim * len(DIRECTIONS), WIDTH, 2, jax.nn.silu, key=keys[1])
        counts = (train.reshape(len(train), dim, 1) == np.arange(LEVELS)).sum(axis=0)
        self.marginal = jnp.log((counts + 0.5) / (len(train) + 0.5 * LEVELS))

    def logits(self, z: Array) -> Array:
        """Return log-probabilities of the levels of each pixel."""
        moves = self.decoder(z).reshape(-1, len(DIRECTIONS)) @ DIRECTIONS
        return jax.nn.log_softmax(self.marginal + moves)

    def log_weight(self, key: Array, x: Array, share: float | Array = 1.0) -> Array:
        """Return log p(x | z) p(z) / q(z | x) of one image, z drawn of q; of p(z) / q(z | x) only a share, if asked."""
        mean, log_scale = jnp.split(self.encoder(x.ravel() / 8 - 1), 2)
        noise = jax.random.normal(key, mean.shape)
        z = mean + jnp.exp(log_scale) * noise
        likelihood = jnp.take_along_axis(self.logits(z), x.reshape(-1, 1).astype(int), axis=1).sum()
        return likelihood + share * jnp.sum(0.5 * noise**2 + log_scale - 0.5 * z**2)


@eqx.filter_jit
def bits_per_dim(vae: VAE, key: Array, images: Array, draws: int) -> Array:
    """Return the bound of each image: of its evidence (ELBO) by one draw, importance-weighted by several."""
    keys = jax.random.split(key, (draws, len(images)))
    weights = jax.lax.map(lambda keys: jax.vmap(vae.log_weight)(keys, images), keys)
    return (math.log(draws) - jax.nn.logsumexp(weights, axis=0)) / (images[0].size * math.log(2))


def fit(train: np.ndarray) -> VAE:
    """Return the VAE of the epoch with the best bound on images that are kept back for validation."""
    images, val = jnp.asarray(train[VALIDATION:], float), jnp.asarray(train[:VALIDATION], float)
    params, frozen = eqx.partition(VAE(jax.random.key(0), train), eqx.is_inexact_array)
    steps = len(images) // BATCH
    optimizer = optax.adam(optax.cosine_decay_schedule(1e-3, EPOCHS * steps))

    def loss(params: VAE, key: Array, x: Array, share: Array) -> Array:
        log_weight = eqx.combine(params, frozen).log_weight
        return -jax.vmap(log_weight, (0, 0, None))(jax.random.split(key, len(x)), x, share).mean()

    @jax.jit
    def epoch(state: tuple, key: Array, share: Array) -> tuple:
        def step(state: tuple, inputs: tuple) -> tuple:
            (params, moments), (key, rows) = state, inputs
            updates, moments = optimizer.update(jax.grad(loss)(params, key, images[rows], share), moments, params)
            return (optax.apply_updates(params, updates), moments), None

        order = jax.random.permutation(key, len(images))[: steps * BATCH].reshape(steps, BATCH)
        return jax.lax.scan(step, state, (jax.random.split(key, steps), order))[0]

    state, best, best_bits = (params, optimizer.init(params)), params, math.inf
    for i, key in enumerate(jax.random.split(jax.random.key(1), EPOCHS)):
        # At first the latent vector costs little: at full cost it would not be used before the decoder can read it.
        state = epoch(state, key, jnp.minimum(1.0, (i + 1) / WARM_UP))
        bits = float(bits_per_dim(eqx.combine(state[0], frozen), jax.random.key(2), val, 10).mean())
        if bits < best_bits:
            best, best_bits = state[0], bits
    return eqx.combine(best, frozen)


def pixels(vae: VAE, n: int) -> np.ndarray:
    """Return samples: a latent vector of the prior, then each pixel of its distribution."""
    key_z, key_x = jax.random.split(jax.random.key(3))
    logits = jax.vmap(vae.logits)(jax.random.normal(key_z, (n, LATENT)))
    return np.asarray(jax.random.categorical(key_x, logits), np.uint8).reshape(n, 8, 8, 1)


def main(directory: Path) -> None:
    train, test = split()
    vae = fit(train)
    for name, draws in (("ELBO", 1), ("importance-weighted bound of 200 draws", 200)):
        bits = bits_per_dim(vae, jax.random.key(4), jnp.asarray(test, float), draws)
        print(f"{name}: {bits.mean():.3f} ± {bits.std() / math.sqrt(len(test)):.3f} bits per dimension")
    draw(directory / "vae.png", held_out=test, samples=pixels(vae, 100))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
