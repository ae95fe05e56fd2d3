"""A density of images."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, ClassVar, final

import jax
import numpy as np
from jaxtyping import Float

from .. import adapt
from .._architectures import Data
from .._errors import bad, require, require_count
from .._types import Key
from ..data import Images, format_of, holds_images, read_images, require_writable, to_pixels, write_images
from ..data.pictures.images import LEVELS, size_of
from ..data.pictures.write_images import require_image_file
from ..data.tables.files import write_arrow
from ..distributions import Pushforward
from ..evaluate import BitsPerDim, bits_per_dim
from ..flows import architecture
from ._base import AbstractModel, Evaluation, Path
from ._classes import classes_of_file, classes_to_learn, conditions_of_images, conditions_of_label
from ._pixels import augmentation, check_shades, patch_side
from .held_out import data_fingerprint, held_out_rows
from .record import Architecture, Lines, Record, RowCounts, Score, describe_fit

#: Decay of the average of the parameters, and probability with which a fit with classes drops them.
AVERAGE, DROPPED = 0.999, 0.1
#: Most classes that have a column each in a grid.
MOST_COLUMNS = 20


@final
@dataclass(frozen=True)
class ImageModel(AbstractModel[Images]):
    """A density of images of one size, conditional on their class if they have classes.

        model = pf.models.ImageModel.build(images, labels=True).fit(images)

    Attributes:
        flow: the density of pixels with added noise in [0, 1), given the class if there are classes.
        levels: number of values of a pixel.
        classes: the names of the classes, in the order of the flow's condition; () if it has none.
        architecture: the architecture of the flow; None if it is not known.
        record: record of the fit; None if there is none.
    """

    flow: Pushforward  # pyright: ignore[reportIncompatibleVariableOverride]  # narrower, and frozen
    levels: int = LEVELS
    classes: tuple[str, ...] = ()
    architecture: Architecture | None = None
    record: Record | None = None

    architectures: ClassVar[Data] = "images"
    default: ClassVar[str] = "glow"
    of: ClassVar[str] = "images"
    rows: ClassVar[str] = "Images"

    @classmethod
    def holds(cls, path: Path, flow: str | None = None) -> bool:
        """Whether `path` holds images, or is the name of a folder."""
        path = FilePath(path)
        return holds_images(path) or not (path.exists() or path.suffix)

    @classmethod
    def restore(cls, flow: Any, metadata: Mapping[str, Any]) -> "ImageModel | None":
        """Return the model of a flow on images; with 256 levels and classes 0, 1, ... if the file names none."""
        if not isinstance(flow, Pushforward) or len(flow.shape) != 3 or len(flow.cond_shape or (0,)) != 1:
            return None
        levels = metadata.get("levels", LEVELS)
        ok = isinstance(levels, int) and 2 <= levels <= LEVELS
        require(ok, "model", f"saved with levels from 2 to {LEVELS}", levels)
        classes = classes_of_file(metadata, (flow.cond_shape or (0,))[0])
        known = Architecture.from_json(metadata), Record.from_json(metadata)
        return ImageModel(flow, levels, classes, *known)

    @classmethod
    def read_new(cls, path: Path) -> Images:
        """Read images to fit a model to, as `pushforward.data.read_images` does."""
        return read_images(path)

    @classmethod
    def build(cls, data: Images, *, seed: int = 0, flow: str | None = None, labels: bool = False) -> "ImageModel":
        """Return a model of images that is not fitted yet.

        Arguments:
            data: images that give size, levels and classes.
            seed: decides the initial weights.
            flow: one of `pushforward.flows.architectures("images")`; "glow" by default.
            labels: whether to condition on the class.

        Raises:
            ValueError: if all pixels are the same, or `labels` is set and there are fewer than two classes.
        """
        check_shades(data)
        classes = classes_to_learn(data, labels)
        name = cls.default if flow is None else flow
        options = {"patch": patch_side(data.shape)} if name == "tarflow" else {}
        key = jax.random.split(jax.random.key(seed))[0]
        of = architecture("images", name)
        built = of(key, data.shape, levels=data.levels, cond_dim=len(classes), **options)
        return ImageModel(built, data.levels, classes, Architecture.of(name, options, built))

    def split(self, data: Images, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the images to fit and of the held-out images, in order."""
        return held_out_rows(len(data), test_fraction, seed)

    def fit(
        self,
        data: Images,
        *,
        seed: int = 0,
        test_fraction: float = 0.1,
        source: str = "",
        flip: bool = False,
        shift: int = 0,
        **options: Any,
    ) -> "ImageModel":
        """Return the model fitted to the images that are not held out, with the record of the fit.

        Unless `options` say otherwise, the fit adds uniform noise at each use of an image, averages the parameters over
        the steps, and drops the class of an image with probability 1/10.

        Arguments:
            data: images like the images given to `build`.
            seed: decides which images are held out, and the fit.
            test_fraction: the share of the images to hold out, from 0 to below 1.
            source: the name of the data, for the record.
            flip: mirror images left to right at random.
            shift: the most pixels by which images are shifted at random.
            options: arguments of `pushforward.fit` such as `max_epochs`.

        Raises:
            ValueError, NonFiniteError: as `pushforward.fit` does.
        """
        from ..train import fit

        rule = f"below the size of the images, {size_of(data.shape)}"
        require(shift < min(data.shape[:2]), "shift", rule, shift)
        train, test = self.split(data, test_fraction, seed)
        usual = {
            "noise": "uniform",
            "average": AVERAGE,
            "augment": augmentation(flip, shift),
            "drop_condition": DROPPED if self.classes else 0.0,
        }
        condition = conditions_of_images(self.classes, data, True)
        key = jax.random.split(jax.random.key(seed))[1]
        result = fit(
            key,
            self.flow,
            data.pixels[train],
            None if condition is None else condition[train],
            **{**usual, **options},
        )
        record = Record.of(
            result,
            seed=seed,
            test_fraction=test_fraction,
            data=source,
            fingerprint=_fingerprint(data),
            rows=RowCounts(len(data), len(data), train.size, test.size),
        )
        of = self.architecture
        of = None if of is None else replace(of, options={"flip": flip, "shift": shift, **of.options})
        return replace(self, flow=result.flow, architecture=of, record=record)

    def bits_per_dim(self, images: Images, *, labels: bool = True, seed: int = 0) -> BitsPerDim:
        """Return the bits per dimension of each image, from one draw of the noise.

        Arguments:
            images: images of the size, the levels and the classes of the model.
            labels: whether to condition on their classes.
            seed: decides the noise.

        Raises:
            ValueError: if the images have another size, more levels, or unknown classes.
        """
        self._require_like(images)
        return bits_per_dim(
            jax.random.key(seed), self.flow, images.pixels, conditions_of_images(self.classes, images, labels)
        )

    def log_prob(self, images: Images, *, labels: bool = True, seed: int = 0) -> Float[np.ndarray, " images"]:
        """Return a lower bound of the log-probability of each image, in nats; arguments as for `bits_per_dim`."""
        bits = self.bits_per_dim(images, labels=labels, seed=seed).per_image
        return -bits * math.log(2) * math.prod(self.flow.shape)

    def sample(
        self,
        key: Key,
        n: int,
        *,
        label: str | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
    ) -> Images:
        """Draw images.

        Arguments:
            key: decides the draws.
            n: number of images.
            label: their class; by default the classes take turns.
            temperature: below 1 for more typical, less diverse images.
            guidance: weight of the class in `pushforward.adapt.guide`, for flows that it accepts.

        Raises:
            ValueError: if there is no such class, or an argument is out of range.
        """
        require_count("n", n)
        condition, flow = conditions_of_label(self.classes, label, n), self.flow
        if guidance is not None:
            require(bool(self.classes), "guidance", "left out for a model without classes", guidance)
            require(0 <= guidance < math.inf, "guidance", "finite and not negative", guidance)
            flow = adapt.guide(flow, guidance)
        if temperature is not None:
            require(0 < temperature < math.inf, "temperature", "positive and finite", temperature)
            flow = adapt.temper(flow, temperature)
        x = flow.sample(key, (n,)) if condition is None else flow.sample(key, (), condition)
        labels = None if condition is None else condition.argmax(axis=1)
        return Images(to_pixels(x, self.levels), labels, (), self.classes, self.levels)

    def read(self, path: Path) -> Images:
        """Read images of the model's size and levels.

        Raises:
            OSError, ValueError: as `read_images` does, and if the images have another size or more levels.
        """
        remedy = "A table needs a model that was fitted to a table."
        rule = f"images, as MODEL is of images of {size_of(self.flow.shape)}"
        require(holds_images(path) or not FilePath(path).exists(), "data", rule, f"`{path}`", remedy)
        images = read_images(path)
        self._require_like(images)
        if images.levels > self.levels:
            text = f"pixels in {path} are taken for the first of {self.levels} levels, those of the model."
            warnings.warn(text, UserWarning, stacklevel=2)
        return images

    def evaluate(self, data: Images, *, labels: bool = True) -> Evaluation:
        """Return the bits per dimension: of the held-out images if `data` are the images of the fit, else of all.

        Arguments:
            data: images from `read`.
            labels: whether to condition on their classes.
        """
        record, images = self.record, data
        if record is not None and record.rows.held_out and record.fingerprint == _fingerprint(data):
            rows = self.split(data, record.test_fraction, record.seed)[1]
            some = None if data.labels is None else data.labels[rows]
            images = replace(data, pixels=data.pixels[rows], labels=some, names=())
            judged = "These are the images of the fit: judged on those that the fit held out."
        else:
            judged = (
                "These are not the images of the fit, or the fit held none out: all are judged.\n"
                "Images that the flow was fitted on, if there are any among them, flatter it."
            )
        bits = self.bits_per_dim(images, labels=labels, seed=0 if record is None else record.seed)
        text = (
            f"Bits per dimension of {len(images):,} images (lower is better): "
            f"{bits.bits_per_dim:.4f} ± {bits.standard_error:.4f}; {math.log2(self.levels):.4f} without a model."
        )
        score, title = Score(bits.bits_per_dim, bits.standard_error), "bits per dimension"
        return Evaluation({"bits_per_dim": score}, judged, text, {"bits_per_dim": title})

    def sample_to(
        self,
        output: Path,
        n: int,
        seed: int = 0,
        *,
        label: str | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
    ) -> str:
        """Draw images and write them as a picture or as arrays.

        Arguments:
            output: a .png file for a grid, a .npy or .npz file for the pixels.
            n, label, temperature, guidance: as for `sample`.
            seed: decides the draws.
        """
        require_image_file(output, self.flow.shape[2])
        key = jax.random.key(seed)
        images = self.sample(key, n, label=label, temperature=temperature, guidance=guidance)
        # Each class that takes turns has its own column.
        in_columns = label is None and 1 < len(self.classes) <= MOST_COLUMNS
        write_images(output, images, len(self.classes) if in_columns else None)
        return f"{n:,} images of {size_of(self.flow.shape)} written to {output}."

    def score_to(self, data: Path, output: Path, *, labels: bool = True) -> str:
        """Write a table with a row for each image: its file or place, its log-density, its bits per dimension.

        Arguments:
            data: a folder or a file of images.
            output: a .csv, .parquet or .feather file; a .npz or .npy file if the images have no file names.
            labels: whether to condition on the classes of the images.
        """
        import pyarrow as pa

        kind = format_of(output)
        require_writable(output)
        images = self.read(data)
        if images.names and kind in ("npy", "npz"):
            rule = "a .csv, .parquet or .feather file, as there are names of files to write"
            raise bad("output", rule, str(output))
        which = {"file": images.names} if images.names else {"index": np.arange(len(images))}
        log_prob = self.log_prob(images, labels=labels)
        bits = -log_prob / (math.log(2) * math.prod(self.flow.shape))
        write_arrow(pa.table({**which, "log_prob": log_prob, "bits_per_dim": bits}), output)
        wrong = int((~np.isfinite(log_prob)).sum())
        if wrong:
            warnings.warn(f"{wrong:,} images have a log-density that is not finite.", UserWarning, stacklevel=2)
        mean = f"mean {log_prob.mean():.2f} nats per image, {bits.mean():.4f} bits per dimension"
        return f"{data}: {images.report().rstrip('.')}; {mean}. Written to {output}."

    def headline(self) -> str:
        """Return an empty text: the report of the images is enough."""
        return ""

    def describe(self) -> Lines:
        """Return a description of the model: pairs of a name and its text."""
        size = f"{size_of(self.flow.shape)} (height × width × channels), {self.levels} levels"
        lines, record = [("images", size)], self.record
        if self.classes:
            lines.append(("classes", ", ".join(self.classes)))
        data = "" if record is None else f"{record.data}: {record.rows.read:,} images, {record.describe_rows()}"
        lines += describe_fit(self.architecture, record, data, {"bits_per_dim": "bits/dim"}, places=4)
        return [*lines, ("units", "losses in nats per image, of pixels from 0 with noise in [0, 1)")]

    def metadata(self) -> dict[str, Any]:
        """Return the metadata that are saved with the flow and read by `restore`."""
        about = {"kind": "images", "shape": list(self.flow.shape), "levels": self.levels, "classes": list(self.classes)}
        of = {} if self.architecture is None else self.architecture.to_json()
        record = {} if self.record is None else self.record.to_json()
        return {**about, **of, **record}

    def _require_like(self, images: Images) -> None:
        """Raise a ValueError unless the images have the size and the levels of the model."""
        rule = f"images of {size_of(self.flow.shape)} (height × width × channels), as those of MODEL"
        require(images.shape == self.flow.shape, "data", rule, f"`{size_of(images.shape)}`")
        largest, rule = int(images.pixels.max()), f"images of pixels from 0 to {self.levels - 1}, as those of MODEL"
        require(largest < self.levels, "data", rule, f"`a pixel of {largest}`")


def _fingerprint(images: Images) -> str:
    return data_fingerprint([size_of(images.shape)], images.pixels)
