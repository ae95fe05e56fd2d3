"""Images with an exact density: a flow of scikit-learn's digits, 8 x 8 pixels of 17 levels, with bits per dimension.

    python examples/digits.py [DIRECTORY]

Trains for a minute or two on two cores, prints the bits per dimension of digits that it did not see, and draws samples
beside digits in DIRECTORY/digits.png. `digits_compare.py` compares the flow with a VAE and a GAN.
"""

import sys
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import pushforward as pf

LEVELS = 17
HELD_OUT, EPOCHS, BATCH, RATE = 400, 20, 16, 2e-3


def split() -> tuple[np.ndarray, np.ndarray]:
    """Return images to train on, (1397, 8, 8, 1), and images held out, (400, 8, 8, 1), with pixels from 0 to 16."""
    rows, _ = load_digits(return_X_y=True)
    images = np.random.default_rng(0).permutation(np.asarray(rows)).astype(np.uint8).reshape(-1, 8, 8, 1)
    return images[HELD_OUT:], images[:HELD_OUT]


def fit(train: np.ndarray) -> pf.train.FitResult[pf.Pushforward]:
    """Return a flow of digits with noise, and the noise: learned along, for the edges of uniform noise are hard."""
    flow = pf.flows.tarflow(jax.random.key(0), (8, 8, 1), levels=LEVELS, patch=2, layers=1, width=64, bins=8)
    noise = pf.adapt.dequantizer(jax.random.key(4), (8, 8, 1), levels=LEVELS, width=16)
    settings = {"batch_size": BATCH, "learning_rate": RATE, "max_epochs": EPOCHS, "average": 0.99}
    result = pf.fit(jax.random.key(1), flow, train, noise=noise, **settings)
    print(f"trained in {result.seconds:.0f} s, best epoch {result.best_epoch + 1} of {len(result.history['val'])}")
    return result


def pixels(flow: pf.Pushforward, n: int) -> np.ndarray:
    """Return samples as pixels: the flow is a density of pixels plus a number from 0 to 1."""
    return np.clip(np.floor(flow.sample(jax.random.key(2), n)), 0, LEVELS - 1).astype(np.uint8)


def draw(path: Path, **images: np.ndarray) -> None:
    """Draw images beside each other, under their names."""
    figure, axes = plt.subplots(1, len(images), figsize=(3.2 * len(images), 3.4), layout="constrained")
    for ax, (name, some) in zip(axes, images.items(), strict=True):
        pf.plot.image_grid(some[:100], levels=LEVELS, ax=ax)
        ax.set_title(name.replace("_", " "))
    figure.savefig(path, dpi=150)


def main(directory: Path) -> None:
    train, test = split()
    result = fit(train)
    flow = result.flow
    # One draw of the noise bounds the bits of the pixels from above; more make the bound tighter.
    for samples in (1, 100):
        print(pf.evaluate.bits_per_dim(jax.random.key(3), flow, test, dequantizer=result.dequantizer, samples=samples))
    draw(directory / "digits.png", held_out=test, samples=pixels(flow, 100))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
