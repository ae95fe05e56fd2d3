"""Bits per dimension of MNIST after so many minutes of training, beside normflows; memory and time of images.

    python -m benchmarks.images --flow FLOW [--minutes M] [--seed S] [--threads N] [--data FOLDER] [--out FOLDER]
    python -m benchmarks.images --pictures [--minutes M] [--seed S] [--threads N] [--data FOLDER] [--out FOLDER]
    python -m benchmarks.images --sampling [FILE]
    python -m benchmarks.images --memory [KEEP]

The data are the 10,000 images of the test part of MNIST, "t10k-images-idx3-ubyte.gz" in FOLDER: in the order of the
file 8,000 to train on, 1,000 for validation, 1,000 for the figures. All flows are densities of pixels + u, u uniform
in [0, 1), and the figures are bounds on the bits of the discrete pixels: of one draw u of each image, and the tighter
one of 16 draws, log of the mean of 16 densities. The minutes are those of training, with compilation and the
validation after each epoch; the flow of the best validation is judged.

FLOW is one of ours, by `pf.fit`, which takes 1,000 rows for validation by itself from the first 9,000; or
"normflows", the Glow of that library's documentation (see `benchmarks.normflows_glow`), or "normflows_small", the same
with fewer and narrower blocks, which take more steps in the same time.

Published figures are of 50,000 or 60,000 training images and of hours on GPUs: see `PUBLISHED`.

`--pictures` trains a TarFlow of all 10,000 images with normal noise, given their classes, and draws each class with the
noise taken off, without and with guidance: the way to good samples, of which likelihoods say nothing. A classifier
tells how many of the draws are of the class that was asked for.

`--sampling` draws images of 7 x 7 patches from a TarFlow, with the keys and values of the patches before kept, and with
the full pass repeated for each patch, and by `pushforward.adapt.jacobi`; the flow is a random one, or that of FILE.
`--memory` tells the largest resident memory of a process that trains Glow on
random images of 32 x 32 x 3, in batches of 64, with 3 scales of 8 steps; KEEP is what a step keeps for its gradient.
"""

import argparse
import gzip
import json
import math
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import pushforward as pf
from pushforward._fields import trainable
from pushforward.networks import AbstractAutoregressiveConditioner

from .sampling_cost import _perturbed, _seconds
from .worker import confine

NAME = "t10k-images-idx3-ubyte.gz"
DATA = Path(__file__).parents[2] / "shared" / "data" / "mnist"
TRAIN, VAL, TEST = 8_000, 1_000, 1_000
#: Uniform draws of the tighter bound.
DRAWS = 16
#: Of `--pictures`: the standard deviation of the noise, in levels, weights of the guidance, and draws for each.
SIGMA, GUIDANCE, DRAWN = 25.6, (0.0, 1.0, 2.0), 400
#: Jacobi passes of each block whose error is told.
PASSES = (4, 8, 16, 32)
#: Rows of which two epochs tell how long an epoch of all rows takes.
PROBE = 1_440
#: Bits per dimension of the test part of MNIST, and where they stand.
PUBLISHED = {
    "NICE": (
        4.36,
        "8 - 1980.50 / (784 ln 2), of the log-likelihood in NICE, Dinh, Krueger, Bengio, 2014",
    ),
    "Real NVP": (1.06, "table 2 of FFJORD, Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, 2019"),
    "Glow": (1.05, "the same"),
    "FFJORD": (0.99, "the same"),
}
#: Per flow: arguments of the flow, and of the fit.
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nice_image": ({}, {"batch_size": 128, "learning_rate": 1e-3}),
    "real_nvp_image": (
        {"width": 32, "blocks": 1, "pairs": 1, "bins": 8},
        {"batch_size": 16, "learning_rate": 1e-3, "augment": pf.train.RandomShift(1), "noise": "learned"},
    ),
    "glow": (
        {"width": 32, "steps": 4, "bins": 8},
        {"batch_size": 16, "learning_rate": 1e-3, "augment": pf.train.RandomShift(1), "noise": "learned"},
    ),
    "tarflow": (
        {"patch": 4, "width": 64, "layers": 1, "bins": 8},
        {"batch_size": 16, "learning_rate": 1.5e-3, "augment": pf.train.RandomShift(1), "noise": "learned"},
    ),
    "normflows": ({"levels": 2, "steps": 16, "hidden": 256}, {"batch": 128, "rate": 1e-3}),
    "normflows_small": ({"levels": 2, "steps": 8, "hidden": 64}, {"batch": 64, "rate": 1e-3}),
}


def read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the images for training, validation and test: (images, 28, 28, 1), uint8."""
    with gzip.open(folder / NAME) as file:
        content = file.read()
    # The format is "idx": a magic number and three sizes, 32-bit integers of the highest byte first, then the pixels.
    images = np.frombuffer(content, np.uint8, offset=16).reshape(*np.frombuffer(content, ">i4", 4)[1:], 1)
    train, val, test = np.split(images[: TRAIN + VAL + TEST], [TRAIN, TRAIN + VAL])
    return train, val, test


def summary(bits: np.ndarray) -> tuple[float, float]:
    """Return the mean and its standard error."""
    return float(bits.mean()), float(bits.std(ddof=1) / math.sqrt(len(bits)))


def of_normflows(
    settings: tuple[dict[str, Any], dict[str, Any]], images: tuple[np.ndarray, ...], seconds: float, seed: int, _: Path
) -> tuple[dict[str, Any], np.ndarray]:
    """Train, judge and sample the Glow of normflows."""
    import torch

    from . import normflows_glow

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    train, val, test = images
    model, figures = normflows_glow.train(train, val, seconds, seed, settings[0] | settings[1])
    judged = [summary(normflows_glow.bits_per_dim(model, test, draws, seed)) for draws in (1, DRAWS)]
    return figures | _bounds(*judged), normflows_glow.sample(model, 100)


def of_pushforward(
    settings: tuple[dict[str, Any], dict[str, Any]],
    images: tuple[np.ndarray, ...],
    seconds: float,
    seed: int,
    path: Path,
) -> tuple[dict[str, Any], np.ndarray]:
    """Train, judge, save and sample a flow of ours, for as many epochs as the time allows."""
    of_flow, of_fit = settings
    train, val, test = images
    keys = jax.random.split(jax.random.key(seed), 5)
    flow = getattr(pf.flows, path.stem)(keys[0], test.shape[1:], **of_flow)
    x = np.concatenate([train, val])
    of_fit = {"noise": "uniform", "average": 0.999, "val_fraction": VAL / len(x)} | of_fit
    if of_fit["noise"] == "learned":
        of_fit["noise"] = pf.adapt.dequantizer(keys[4], test.shape[1:], width=16)

    def fit(rows: int, epochs: int) -> pf.train.FitResult[pf.Pushforward]:
        return pf.fit(keys[1], flow, x[:rows], max_epochs=epochs, patience=epochs, **of_fit)

    result, passed = fit_for(seconds, fit, len(x))
    figures = {
        "seconds": passed,
        "epochs": len(result.history["val"]),
        "best_epoch": result.best_epoch + 1,
        "validation": min(result.history["val"]) / (test[0].size * math.log(2)),
        "skipped": result.skipped_steps,
        "parameters": sum(a.size for a, t in zip(*map(jax.tree.leaves, (flow, trainable(flow))), strict=True) if t),
    }
    pf.save(path.with_suffix(".pf"), result.flow)
    noise = result.dequantizer
    if noise is not None:
        pf.save(path.with_name(f"{path.name}-noise.pf"), noise)
    found = [
        pf.evaluate.bits_per_dim(keys[2], result.flow, test, dequantizer=noise, samples=draws) for draws in (1, DRAWS)
    ]
    drawn = np.asarray(result.flow.sample(keys[3], 100))
    pixels = np.clip(np.floor(drawn), 0, 255).astype(np.uint8)
    return figures | _bounds(*((f.bits_per_dim, f.standard_error) for f in found)), pixels


def fit_for(
    seconds: float, fit: Callable[[int, int], pf.train.FitResult[pf.Pushforward]], rows: int
) -> tuple[pf.train.FitResult[pf.Pushforward], float]:
    """Return a fit of all rows, for as many epochs as the time allows, and the seconds that it took, trials included.

    Arguments:
        seconds: for compilation, trials and the fit.
        fit: a function of the number of rows and of epochs.
        rows: all of them.
    """
    began, times = time.perf_counter(), []
    for count in (1, 1, 3):  # the first compiles; the last two differ by two epochs and nothing else
        start = time.perf_counter()
        fit(PROBE, count)
        times.append(time.perf_counter() - start)
    epoch, compilation = (times[2] - times[1]) / 2 * rows / PROBE, times[0] - times[1]
    # The fit compiles anew: an epoch of all rows has more steps.
    left = seconds - (time.perf_counter() - began) - compilation
    epochs = max(1, int(left / epoch))
    print(f"{times[0]:.0f} s to compile and try; {epoch:.1f} s an epoch, so {epochs} epochs", flush=True)
    return fit(rows, epochs), time.perf_counter() - began


def pictures(minutes: float, seed: int, data: Path, out: Path) -> None:
    """Train a flow of images with normal noise, given their classes, and draw each class."""
    images = pf.data.read_images(data / NAME)
    classes = len(images.classes)
    labels = np.eye(classes, dtype=np.float32)
    keys = jax.random.split(jax.random.key(seed), 3)
    of_flow, of_fit = SETTINGS["tarflow"]
    flow = pf.flows.tarflow(keys[0], images.shape, cond_dim=classes, **of_flow)
    settings = of_fit | {"augment": None, "noise": SIGMA, "drop_condition": 0.1, "average": 0.999}

    def fit(rows: int, epochs: int) -> pf.train.FitResult[pf.Pushforward]:
        x, condition = images.pixels[:rows], labels[images.labels[:rows]]
        return pf.fit(keys[1], flow, x, condition, max_epochs=epochs, patience=epochs, **settings)

    result, passed = fit_for(60 * minutes, fit, len(images.pixels))
    print(f"{passed:.0f} s; {result}")
    out.mkdir(parents=True, exist_ok=True)
    pf.save(out / "pictures.pf", result.flow)
    # A classifier of digits says whether the draws are what was asked for; it learns from the first 8,000 images.
    classifier = make_pipeline(PCA(50), SVC(C=10.0)).fit(_flat(images.pixels[:TRAIN]), images.labels[:TRAIN])
    others, whose = images.pixels[TRAIN:], images.labels[TRAIN:]
    print(f"right classes of images held out from the classifier: {classifier.score(_flat(others), whose):.3f}\n")
    print("| guidance | right classes | precision | recall |\n|---|---|---|---|")
    asked = np.arange(DRAWN) % classes
    condition = labels[asked]
    results = []
    for weight in GUIDANCE:
        drawn = pf.adapt.guide(result.flow, weight).sample(keys[2], (), condition)
        clean = pf.adapt.denoise(result.flow, drawn, SIGMA, condition)
        # The noise was about the pixels: half a level more, and rounding down is rounding.
        pixels = pf.data.to_pixels(clean + 0.5)
        found = pf.evaluate.compare_images(others[:DRAWN], pixels, train=images.pixels[:TRAIN])
        results.append(found)
        right = classifier.score(_flat(pixels), asked)
        print(f"| {weight:g} | {right:.3f} | {found.precision:.2f} | {found.recall:.2f} |", flush=True)
        pf.data.write_grid(out / f"pictures-{weight:g}.png", pixels[: 10 * classes], columns=classes)
    print(f"| other images | | {results[0].baseline_precision:.2f} | {results[0].baseline_recall:.2f} |")


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / 255


def _bounds(one: tuple[float, float], many: tuple[float, float]) -> dict[str, float]:
    names = ("bits_per_dim", "standard_error", f"bits_per_dim_{DRAWS}", f"standard_error_{DRAWS}")
    return dict(zip(names, (*one, *many), strict=True))


def grid(images: np.ndarray) -> np.ndarray:
    """Return a square number of images as one."""
    side = math.isqrt(len(images))
    _, height, width, _ = images.shape
    return images.reshape(side, side, height, width).swapaxes(1, 2).reshape(side * height, side * width)


def bits(name: str, minutes: float, seed: int, data: Path, out: Path) -> None:
    """Train one flow and write its figures, samples and, if it is ours, the flow itself."""
    from matplotlib import image

    settings, images = SETTINGS[name], read(data)
    out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    run = of_normflows if name.startswith("normflows") else of_pushforward
    figures, samples = run(settings, images, 60 * minutes, seed, out / name)
    total = time.perf_counter() - began
    threads = len(os.sched_getaffinity(0))
    about = {"flow": name, "seed": seed, "minutes": minutes, "threads": threads}
    figures = about | figures | {"total_seconds": total, "settings": settings}
    image.imsave(out / f"{name}.png", grid(samples), cmap="gray", vmin=0, vmax=255)
    with (out / "results.jsonl").open("a") as file:
        file.write(json.dumps(figures, default=str) + "\n")
    print(json.dumps(figures, default=str))
    print(f"\n| MNIST, test | bits/dim, one draw | {DRAWS} draws | |\n|---|---|---|---|")
    bounds = [f"{figures[f'bits_per_dim{k}']:.3f} ± {figures[f'standard_error{k}']:.3f}" for k in ("", f"_{DRAWS}")]
    rows = "the first 9,000 less 1,000 at random" if run is of_pushforward else "the first 8,000"
    print(f"| {name} | {bounds[0]} | {bounds[1]} | trained {figures['seconds']:.0f} s on {rows}, {threads} threads |")
    for flow, (value, source) in PUBLISHED.items():
        print(f"| {flow}, published | {value:.2f} | | trained on 50,000 or 60,000 images: {source} |")


class Recomputed(AbstractAutoregressiveConditioner):
    """A conditioner that keeps nothing: each step has the parameters of a full pass, of which it needs one row."""

    conditioner: AbstractAutoregressiveConditioner
    dim: int = eqx.field(static=True)
    token: tuple[int, ...] = eqx.field(static=True)
    num_params: int = eqx.field(static=True)
    cond_dim: int = eqx.field(static=True)
    order: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, conditioner: AbstractAutoregressiveConditioner):
        self.conditioner = conditioner
        for name in ("dim", "token", "num_params", "cond_dim", "order"):
            setattr(self, name, getattr(conditioner, name))

    @property
    def block(self) -> int:
        """The number of steps of a block: all."""
        return self.dim

    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        """Return all parameters."""
        return self.conditioner(x, condition)

    def start(self, condition: Array | None = None, batch: tuple[int, ...] = ()) -> Any:
        """Return the elements, none of which is known, and the condition."""
        return jnp.zeros((self.dim, *self.token, *batch)), condition

    def enter(self, known: Any, number: Any) -> Any:
        """Return the state."""
        return known

    def params_at(self, block: Any, i: Any) -> tuple[Array, Any]:
        """Return a row of a full pass."""
        return self.conditioner(*block)[jnp.array(self.order)[i]], block

    def advance(self, block: Any, i: Any, x_i: Array) -> Any:
        """Return the elements with one more."""
        x, condition = block
        return x.at[jnp.array(self.order)[i]].set(x_i), condition

    def leave(self, block: Any) -> Any:
        """Return the state."""
        return block


def sampling(path: Path | None, images: int = 64, repetitions: int = 5) -> None:
    """Print the time of samples with and without what is kept of the patches before, and how far they are apart."""
    keys = jax.random.split(jax.random.key(0), 3)
    kept = pf.load(path) if path else _perturbed(pf.flows.tarflow(keys[0], (28, 28, 1), patch=4), keys[1], 0.1)
    network = pf.networks.CausalTransformer
    again = jax.tree.map(
        lambda part: Recomputed(part) if isinstance(part, network) else part,
        kept,
        is_leaf=lambda part: isinstance(part, network),
    )
    x = kept.sample(keys[2], images)
    tasks = {
        "log-densities": lambda: kept.log_prob(x),
        "samples, keys and values kept": lambda: kept.sample(keys[2], images),
        "samples, a full pass for each patch": lambda: again.sample(keys[2], images),
    }
    parallel = {k: pf.adapt.jacobi(kept, k) for k in PASSES}
    tasks |= {f"samples, {k} Jacobi passes": lambda f=f: f.sample(keys[2], images) for k, f in parallel.items()}
    for task in tasks.values():
        task().block_until_ready()
    times = np.median([[_seconds(task) for task in tasks.values()] for _ in range(repetitions)], axis=0)
    print(f"{images} images of 28 x 28, 49 patches, medians of {repetitions} repetitions\n\n| | seconds |\n|---|---|")
    for name, value in zip(tasks, times, strict=True):
        print(f"| {name} | {value:.3f} |")
    apart = np.abs(np.asarray(again.sample(keys[2], images)) - np.asarray(x)).max()
    print(f"\nratio {times[2] / times[1]:.1f}; the samples differ by {apart:.1e} of 256 levels at most")
    print("\n| Jacobi passes | largest error, levels | mean error | images with an error below half a level |")
    print("|---|---|---|---|")
    for k, flow in parallel.items():
        error = np.abs(np.asarray(flow.sample(keys[2], images)) - np.asarray(x)).reshape(images, -1)
        print(f"| {k} | {error.max():.1e} | {error.mean():.1e} | {np.mean(error.max(axis=1) < 0.5):.2f} |")


def memory(keep: Any) -> None:
    """Print the peak of the resident memory before and after some steps of Glow."""
    images = np.random.default_rng(0).integers(0, 256, (8 * 64, 32, 32, 3), np.uint8)
    flow = pf.flows.glow(jax.random.key(0), images.shape[1:], scales=3, steps=8, keep=keep)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = pf.fit(jax.random.key(1), flow, images, noise="uniform", batch_size=64, max_epochs=1, val_fraction=0)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"keep={keep!r}: peak {after / 2**20:.2f} GiB, before the fit {before / 2**20:.2f} GiB, {result.seconds:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--flow", choices=SETTINGS)
    what.add_argument("--pictures", action="store_true")
    what.add_argument("--sampling", metavar="FILE", type=Path, nargs="?", const=Path(), help="a random flow, or FILE")
    what.add_argument("--memory", metavar="KEEP", nargs="?", const="products", choices=get_args(pf.bijections.Keep))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=Path("."))
    args = parser.parse_args()
    confine(args.threads)
    # A device for each core shares the batches of training better than threads share products.
    jax.config.update("jax_num_cpu_devices", args.threads)
    if args.sampling is not None:
        sampling(args.sampling if args.sampling.name else None)
    elif args.pictures:
        pictures(args.minutes, args.seed, args.data, args.out)
    elif args.memory:
        memory(args.memory)
    else:
        bits(args.flow, args.minutes, args.seed, args.data, args.out)


if __name__ == "__main__":
    main()
