"""`pushforward fit` and `evaluate` of images: from pixels to a saved model, judged on held-out images."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import jax
import numpy as np
import typer

from .. import flows
from .._errors import require
from .._types import Event, Key
from ..data import Images, read_images
from ..data.pictures.images import size_of
from ..evaluate.bits_per_dim import BitsPerDim, bits_per_dim
from ..train import RandomFlip, RandomShift
from ..train.objectives.data.maximum_likelihood import Augment
from .console import note
from .image_model import ImageModel, one_hot
from .model import fingerprint, split_rows
from .run import Run, Verdict, at, check, count_parameters, fit_flow, keep

#: The largest pixel below which images of 256 levels are probably of fewer.
DARK = 127
#: The size from which patches of a tarflow are 4 x 4.
FOUR_FROM = 16
#: Decay of the average of the parameters over the steps, and how often a fit with classes goes without them.
AVERAGE, DROPPED = 0.999, 0.1


@final
@dataclass(frozen=True)
class ImageRequest:
    """The options of `pushforward fit` for images."""

    run: Run
    flow: str
    labels: bool
    flip: bool
    shift: int


@final
@dataclass(frozen=True)
class InTurn:
    """Several random changes of an image, one after the other."""

    changes: tuple[Augment, ...]

    def __call__(self, key: Key, image: Event) -> Event:
        """Return the image after all changes."""
        for change, one in zip(self.changes, jax.random.split(key, len(self.changes)), strict=True):
            image = change(one, image)
        return image


def fit_images(request: ImageRequest) -> None:
    """Read, check, split, fit, save, judge; what cannot work is found before the fit, not after."""
    run = request.run
    check(run)
    images = read_images(run.data)
    run.say(f"{run.data}: {images.report()}")
    largest = int(images.pixels.max())
    require(largest > int(images.pixels.min()), "DATA", "images of more than one shade", f"`{largest} in all pixels`")
    if images.levels > DARK >= largest:
        remedy = "if they have fewer, say so by an array `levels` in an .npz file beside them"
        note(f"no pixel is above {largest}, and there are {images.levels} levels: {remedy}.")
    size = min(images.shape[:2])
    require(request.shift < size, "--shift", f"below the size of the images, {size_of(images.shape)}", request.shift)
    classes = _classes(request, images)
    condition = one_hot(images.labels, len(classes)) if classes and images.labels is not None else None
    train, test = split_rows(images.pixels.shape[0], run.test_fraction, run.seed)

    key_flow, key_fit = jax.random.split(jax.random.key(run.seed))
    architecture = getattr(flows, request.flow)
    options = {"patch": _patch(images.shape)} if request.flow == "tarflow" else {}
    flow = architecture(key_flow, images.shape, levels=images.levels, cond_dim=len(classes), **options)
    parameters = count_parameters(flow)
    run.say(f"Flow: {request.flow}, {parameters:,} parameters. Images: {train.size:,} to fit, {test.size:,} held out.")
    result = fit_flow(
        run,
        key_fit,
        flow,
        images.pixels[train],
        at(condition, train),
        noise="uniform",
        average=AVERAGE,
        augment=_augment(request),
        drop_condition=DROPPED if classes else 0.0,
    )
    about: dict[str, Any] = {
        "kind": "images",
        "shape": list(images.shape),
        "levels": images.levels,
        "classes": list(classes),
        "flow": request.flow,
        "options": {"flip": request.flip, "shift": request.shift, **options},
        "parameters": parameters,
        "fingerprint": _fingerprint(images),
        "rows": {"read": images.pixels.shape[0], "fit": train.size, "held_out": test.size},
    }
    model = ImageModel(result.flow, images.levels, classes, about)

    def verdict() -> Verdict:
        bits = _judge(model, images, condition, test, run.seed)
        return {"bits_per_dim": [bits.bits_per_dim, bits.standard_error]}, [_line(model, bits, test.size)]

    keep(run, result, about, verdict if test.size else None)


def evaluate_images(model: ImageModel, data: Path, labels: bool) -> None:
    """Say how many bits per dimension images take, those that were held out if they are the images of the fit."""
    images, condition = model.read(data, labels)
    typer.echo(f"{data}: {images.report()}")
    rows, about = np.arange(images.pixels.shape[0]), model.about
    seed = about.get("seed", 0)
    if about.get("fingerprint") == _fingerprint(images) and about["test_fraction"] > 0:
        rows = split_rows(rows.size, about["test_fraction"], seed)[1]
        typer.echo("These are the images of the fit: judged on those that the fit held out.")
    else:
        typer.echo("These are not the images of the fit, or the fit held none out: all are judged.")
        typer.echo("Images that the flow was fitted on, if there are any among them, flatter it.")
    require(rows.size > 0, "DATA", "images of which the fit held some out", f"`{images.pixels.shape[0]}`")
    typer.echo(_line(model, _judge(model, images, condition, rows, seed), rows.size))


def _classes(request: ImageRequest, images: Images) -> tuple[str, ...]:
    """Return the names of the classes to condition on."""
    if not request.labels:
        if images.labels is not None:
            note("the labels are not used; --labels conditions on them.")
        return ()
    remedy = "Sort the files into a folder for each class, or give an .npz file `labels`."
    found = f"`{len(images.classes) or 'no'} classes`"
    require(images.labels is not None, "--labels", "left out for images without labels", found, remedy)
    require(len(images.classes) > 1, "--labels", "left out for images of one class", found)
    return images.classes


def _patch(shape: tuple[int, int, int]) -> int:
    """Return a side of patches that divides the image: 4, or 2 in images of which 4 would leave a few patches."""
    sides = (4, 2) if min(shape[:2]) >= FOUR_FROM else (2,)
    return next((side for side in sides if shape[0] % side == shape[1] % side == 0), 1)


def _augment(request: ImageRequest) -> Augment | None:
    changes = (*([RandomFlip()] if request.flip else []), *([RandomShift(request.shift)] if request.shift else []))
    return changes[0] if len(changes) == 1 else InTurn(changes) if changes else None


def _judge(model: ImageModel, images: Images, condition: np.ndarray | None, rows: np.ndarray, seed: int) -> BitsPerDim:
    return bits_per_dim(jax.random.key(seed), model.flow, images.pixels[rows], at(condition, rows))


def _line(model: ImageModel, bits: BitsPerDim, n: int) -> str:
    return (
        f"Bits per dimension of {n:,} images (lower is better): {bits.bits_per_dim:.4f} ± {bits.standard_error:.4f}; "
        f"{math.log2(model.levels):.4f} without a model."
    )


def _fingerprint(images: Images) -> str:
    return fingerprint([size_of(images.shape)], images.pixels)
