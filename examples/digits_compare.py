"""A flow, a VAE and a GAN of the same digits: bits per dimension of digits held out, and how good the samples are.

    python examples/digits_compare.py [DIRECTORY]

Trains all three, in a few minutes on two cores, prints a table, and draws samples of all beside digits in
DIRECTORY/digits_compare.png. The bits per dimension are upper bounds of the same thing, the bits of the pixels: of the
flow by draws of the noise, of the VAE by draws of its encoder (of one draw, its ELBO). Samples are compared with digits
held out in the principal components of the others, and so are further digits, in the last row: see
`pf.evaluate.compare_images`.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp

import digits
import gan
import pushforward as pf
import vae

DRAWS, SAMPLES = 100, 400
#: A GAN has no density.
NONE = [float("nan")] * 2


def main(directory: Path) -> None:
    train, test = digits.split()
    key = jax.random.key(5)
    result, autoencoder, adversarial = digits.fit(train), vae.fit(train), gan.fit(train)
    flow, noise = result.flow, result.dequantizer
    bounds = [pf.evaluate.bits_per_dim(key, flow, test, dequantizer=noise, samples=k) for k in (1, DRAWS)]
    of_flow = [bound.bits_per_dim for bound in bounds]
    of_vae = [float(vae.bits_per_dim(autoencoder, key, jnp.asarray(test, float), k).mean()) for k in (1, DRAWS)]
    rows = {
        "flow": (of_flow, digits.pixels(flow, SAMPLES)),
        "VAE": (of_vae, vae.pixels(autoencoder, SAMPLES)),
        "GAN": (NONE, gan.pixels(adversarial, SAMPLES)),
    }
    found = {name: pf.evaluate.compare_images(test, images, train=train) for name, (_, images) in rows.items()}
    print(f"\n{'':12} bits/dim, 1 draw  {DRAWS} draws  precision  recall  classifier")
    line = "{:12} {:16.3f} {:10.3f} {:10.2f} {:7.2f} {:11.2f}".format
    for name, its in found.items():
        print(line(name, *rows[name][0], its.precision, its.recall, its.c2st.value))
    its = found["flow"]
    print(line("other digits", *NONE, its.baseline_precision, its.baseline_recall, its.baseline_c2st.value))
    digits.draw(directory / "digits_compare.png", held_out=test, **{name: images for name, (_, images) in rows.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
