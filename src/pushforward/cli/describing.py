"""`pushforward info`: what a model is, how it was fitted, what it scored."""

import math
from typing import Any

import typer

from ..data.pictures.images import size_of
from .image_model import ImageModel
from .judging import TITLES
from .model import NamedModel, name_epoch

#: A name and what is to be said under it.
Lines = list[tuple[str, str]]


def describe_model(model: NamedModel | ImageModel) -> None:
    """Print what is known of a model."""
    for name, text in _of_images(model) if isinstance(model, ImageModel) else _of_table(model):
        typer.echo(f"{name:<19} {text}")


def _of_table(model: NamedModel) -> Lines:
    about = model.about
    lines = [("columns", ", ".join(model.columns))]
    if model.given:
        lines.append(("given", ", ".join(model.given)))
    data = []
    if "options" in about:
        rows = about["rows"]
        lines.append(("weights", about["weights"] or "none"))
        data = [("data", f"{about['data']}: {rows['read']:,} rows, {rows['complete']:,} complete, {_split(about)}")]
    scores = {f"held out, {TITLES[name]}": score for name, score in about.get("held_out", {}).items()}
    lines += _of_fit(about, data, scores)
    return [*lines, ("units", "log-densities and losses in nats per row, of data in the units of the table")]


def _of_images(model: ImageModel) -> Lines:
    about = model.about
    lines = [("images", f"{size_of(model.flow.shape)} (height × width × channels), {model.levels} levels")]
    if model.classes:
        lines.append(("classes", ", ".join(model.classes)))
    data = []
    if "options" in about:
        data = [("data", f"{about['data']}: {about['rows']['read']:,} images, {_split(about)}")]
    score = about.get("held_out", {}).get("bits_per_dim")
    lines += _of_fit(about, data, {"held out, bits/dim": score} if score else {}, places=4)
    return [*lines, ("units", "losses in nats per image, of pixels from 0 with noise in [0, 1)")]


def _of_fit(about: dict[str, Any], data: Lines, scores: dict[str, list[float]], places: int = 3) -> Lines:
    """Return what is the same for tables and images: flow, fit and scores around the lines on the data."""
    if "options" not in about:
        return [("flow", "saved from Python; nothing is noted of its fit")]
    options = "".join(f", {name} {value}" for name, value in about["options"].items())
    history, best = about["history"], about["best_epoch"]
    kept = history if best >= 0 else {}
    losses = "".join(f", {name} {values[best]:.4f}" for name, values in kept.items() if len(values) > best)
    fit = (
        f"{len(history['train'])} epochs in {about['seconds']:.0f} s, "
        f"{about['skipped_steps']} steps skipped; best: {name_epoch(best)}{losses}"
    )
    return [
        ("flow", f"{about['flow']}{options}; {about['parameters']:,} parameters"),
        *data,
        ("fit", fit),
        *(
            (name, f"{mean:.{places}f} ± {error:.{places}f}")
            for name, (mean, error) in scores.items()
            if math.isfinite(mean)
        ),
        ("written by", f"pushforward {about['version']}"),
    ]


def _split(about: dict[str, Any]) -> str:
    rows = about["rows"]
    return f"{rows['fit']:,} to fit, {rows['held_out']:,} held out; seed {about['seed']}"
