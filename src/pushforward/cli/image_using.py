"""`pushforward sample` and `score` for a model of images."""

import io
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import typer

from .. import adapt
from .._errors import bad, require
from ..data import Images, require_writable, to_pixels, write_grid
from ..data.pictures.images import size_of
from ..data.tables.files import format_of, write_arrow
from ..evaluate.bits_per_dim import bits_per_dim
from ..io.atomic import write_atomically
from .console import note
from .image_model import ImageModel

#: The endings of what samples are written to.
ENDINGS = (".png", ".npy", ".npz")
#: Classes that a grid has columns for.
MOST_COLUMNS = 20


def sample_images(
    model: ImageModel,
    output: Path,
    n: int,
    label: str | None,
    temperature: float | None,
    guidance: float | None,
    seed: int,
) -> None:
    """Draw images and write them as a picture or as arrays."""
    ending, channels = output.suffix.lower(), model.flow.shape[2]
    require(ending in ENDINGS, "-o", f"a file ending in {', '.join(ENDINGS)} for images", str(output))
    rule = "a .npy or .npz file for images that are neither gray nor color"
    require(ending != ".png" or channels in (1, 3), "-o", rule, f"`{channels} channels`")
    require_writable(output)
    condition = model.condition_of(label, n)
    flow = model.flow
    if guidance is not None:
        require(bool(model.classes), "--guidance", "left out for a model without classes", guidance)
        require(0 <= guidance < math.inf, "--guidance", "finite and not negative", guidance)
        flow = adapt.guide(flow, guidance)
    if temperature is not None:
        require(0 < temperature < math.inf, "--temperature", "positive and finite", temperature)
        flow = adapt.temper(flow, temperature)
    key = jax.random.key(seed)
    x = flow.sample(key, (n,)) if condition is None else flow.sample(key, (), condition)
    pixels = to_pixels(x, model.levels)
    labels = None if condition is None else condition.argmax(axis=1)
    if ending == ".png":
        # Classes that take turns have a column each.
        in_columns = label is None and 1 < len(model.classes) <= MOST_COLUMNS
        write_grid(output, pixels, len(model.classes) if in_columns else None, model.levels)
    else:
        _write_arrays(output, Images(pixels, labels, (), model.classes, model.levels))
    typer.echo(f"{n:,} images of {size_of(model.flow.shape)} written to {output}.")


def score_images(model: ImageModel, data: Path, output: Path, labels: bool) -> None:
    """Write a table with a row for each image: its file or place, its log-density, its bits per dimension."""
    import pyarrow as pa

    kind = format_of(output)
    require_writable(output)
    images, condition = model.read(data, labels)
    if images.names and kind in ("npy", "npz"):
        raise bad("-o", "a .csv, .parquet or .feather file, as there are names of files to write", str(output))
    which = {"file": images.names} if images.names else {"index": np.arange(images.pixels.shape[0])}
    bits = bits_per_dim(jax.random.key(0), model.flow, images.pixels, condition).per_image
    log_prob = -bits * math.log(2) * math.prod(model.flow.shape)
    write_arrow(pa.table({**which, "log_prob": log_prob, "bits_per_dim": bits}), output)
    mean = f"mean {log_prob.mean():.2f} nats per image, {bits.mean():.4f} bits per dimension"
    typer.echo(f"{data}: {images.report().rstrip('.')}; {mean}. Written to {output}.")
    wrong = int((~np.isfinite(log_prob)).sum())
    if wrong:
        note(f"{wrong:,} images have a log-density that is not finite.")


def _write_arrays(path: Path, images: Images) -> None:
    data = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(data, images.pixels)
    else:
        arrays: dict[str, Any] = {"images": images.pixels, "levels": images.levels}
        if images.labels is not None:
            arrays["labels"] = np.asarray(images.classes)[images.labels]
        np.savez(data, **arrays)
    write_atomically(path, data.getvalue())
