"""`pushforward fit`: from data to a saved model, judged on held-out rows."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, final

import typer

from .._architectures import architecture_names
from .console import note, split_names
from .options import IMAGES, TABLE, Data, options_of

#: The density of tables of any kinds, which is no function of `pushforward.flows`.
ANY_ORDER = "any-order"
FLOWS = (ANY_ORDER, *architecture_names("tables"), *architecture_names("images"))
#: How the help begins of options that choose a flow on numbers in place of the density of any kinds of columns.
NUMBERS = "Tables of numbers: "


def _known(flow: str | None) -> str | None:
    if flow is not None and flow not in FLOWS:
        raise typer.BadParameter(f"{flow!r} is not one of {', '.join(map(repr, FLOWS))}.")
    return flow


def fit(
    data: Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="File for the model.")],
    flow: Annotated[
        str | None,
        typer.Option(
            help="Architecture; any-order for tables, glow for images.",
            metavar=f"<{'|'.join(FLOWS)}>",
            callback=_known,
        ),
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help=NUMBERS + "try architectures and sizes, take the best.")
    ] = False,
    minutes: Annotated[float | None, typer.Option(help=NUMBERS + "time for a search, the last fit included.")] = None,
    max_epochs: Annotated[int | None, typer.Option("--max-epochs", "--epochs", help="Most epochs to run.", min=1)] = (
        None
    ),
    batch_size: Annotated[int | None, typer.Option(help="Rows or images in a batch.", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the learning rate.")] = None,
    test_fraction: Annotated[float, typer.Option(help="Share of the data held out to judge by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides the split, the initial weights, the batches.", min=0)] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Directory of the fit's state; MODEL.checkpoint by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a killed fit from its checkpoint.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors and notes.")] = False,
    columns: Annotated[str | None, typer.Option(help=TABLE + "columns to use, a,b,c; all by default.")] = None,
    exclude: Annotated[str | None, typer.Option(help=TABLE + "columns to leave out, a,b,c.")] = None,
    given: Annotated[
        str | None, typer.Option(help=TABLE + "columns to condition on, a,b,c: p(others | given).")
    ] = None,
    weights: Annotated[str | None, typer.Option(help=TABLE + "column that holds the weights of the rows.")] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind", help=TABLE + "kind of a column where the one found is not right, fare=positive; again for each."
        ),
    ] = None,
    members: Annotated[
        int | None, typer.Option(help=TABLE + "networks whose probabilities are averaged.", min=1)
    ] = None,
    layers: Annotated[int | None, typer.Option(help=NUMBERS + "number of layers.", min=1)] = None,
    hidden: Annotated[str | None, typer.Option(help=NUMBERS + "widths of the hidden layers, 128,128.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help=NUMBERS + "refuse missing values, drop no row.")] = False,
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help=IMAGES + "condition on the class labels.")
    ] = False,
    flip: Annotated[bool, typer.Option("--flip", help=IMAGES + "mirror images left to right at random.")] = False,
    shift: Annotated[
        int | None,
        typer.Option(help=IMAGES + "shift images at random by up to so many pixels.", min=1),
    ] = None,
) -> None:
    """Fit a density to a table as it is, or to images, and judge it on held-out rows or images.

    The kinds of the columns of a table are found and shown; text, dates, counts and empty cells need no preparation.
    With --flow NAME, --search, --layers, --hidden or --strict, the table is one of numbers, and the density a flow.
    """
    if search:
        _require_free({"flow": flow, "layers": layers, "hidden": hidden})
    run = Run(
        data=data,
        output=output,
        flow=flow,
        seed=seed,
        test_fraction=test_fraction,
        checkpoint=checkpoint or output.with_name(output.name + ".checkpoint"),
        resume=resume,
        quiet=quiet,
        settings={"max_epochs": max_epochs, "batch_size": batch_size, "learning_rate": learning_rate},
    )
    of_tables = {"columns": split_names(columns), "exclude": split_names(exclude), "given": split_names(given)}
    of_tables |= {"weights": weights, "kinds": kinds or None, "members": members}
    of_numbers = {"layers": layers, "hidden": _widths(hidden), "strict": strict or None}
    of_numbers |= {"search": search or None, "minutes": minutes}
    of_images = {"labels": labels or None, "flip": flip or None, "shift": shift}
    numbers = any(value is not None for value in of_numbers.values())
    run_fit(run, {**of_tables, **of_numbers, **of_images}, numbers)


@final
@dataclass(frozen=True)
class Run:
    """The options of every fit, for any data; None in `settings` stands for the default of `pushforward.fit`."""

    data: Path
    output: Path
    flow: str | None
    seed: int
    test_fraction: float
    checkpoint: Path
    resume: bool
    quiet: bool
    settings: dict[str, Any]

    def say(self, text: str) -> None:
        """Print a text unless the run is quiet."""
        if text and not self.quiet:
            typer.echo(text)


def run_fit(run: Run, options: dict[str, Any], numbers: bool) -> None:
    """Read, check, split, fit, save, evaluate; all errors of the user are found before the fit.

    Arguments:
        run: the options of every fit.
        options: those of one kind of data.
        numbers: whether one of them calls for a flow on a table of numbers.
    """
    from .. import models
    from ..flows import architecture

    flow = models.VectorModel.default if run.flow is None and numbers else run.flow
    kind = models.kind_of(run.data, flow)
    reason = f"{run.data} holds {kind.of}"
    if run.flow == ANY_ORDER:
        reason += f", and --flow is {ANY_ORDER}"
    reading, building, fitting = options_of(options, reason, kind.read_new, kind.build, kind.fit)
    if run.flow is not None and run.flow != kind.default:
        architecture(kind.architectures, run.flow)
    _require_no_data(run)
    _require_resumable(run)
    data = kind.read_new(run.data, **reading)
    run.say(f"{run.data}: {data.report()}")
    model = kind.build(data, seed=run.seed, flow=run.flow, **building)
    train, test = model.split(data, run.test_fraction, run.seed)
    run.say(model.headline())
    built = model.architecture
    size = "" if built is None or fitting.get("search") else f"Model: {built.name}, {built.parameters:,} parameters. "
    run.say(f"{size}{kind.rows}: {train.size:,} to fit, {test.size:,} held out.")
    model = _fit(run, model, data, fitting)
    if model.record is not None and model.record.search:
        run.say(f"Chosen: {model.architecture}.\n{models.table_of(model.record.search)}")
    # Save before the evaluation: an interruption from here on does not lose the fit.
    model.save(run.output)
    shutil.rmtree(run.checkpoint, ignore_errors=True)
    if test.size:
        evaluation = model.evaluate(data)
        model = model.with_scores(evaluation.scores)
        model.save(run.output)
        run.say(evaluation.text)
    record = model.record
    if record is not None:
        epochs = f"{len(record.history['train'])} epochs, best: {models.name_epoch(record.best_epoch)}"
        run.say(f"Saved {run.output}: {epochs}; {record.seconds:.0f} s.")


def _fit(run: Run, model: Any, data: Any, options: dict[str, Any]) -> Any:
    settings = {name: value for name, value in run.settings.items() if value is not None}
    progress = {"progress": False} if run.quiet else {}
    try:
        model = model.fit(
            data,
            seed=run.seed,
            test_fraction=run.test_fraction,
            source=run.data.name,
            checkpoint=run.checkpoint,
            **options,
            **settings,
            **progress,
        )
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. The same command with --resume continues the fit.", err=True)
        raise typer.Exit(130) from None
    skipped = model.record.skipped_steps
    if skipped:
        note(f"{skipped} steps were skipped, because the loss or its gradient was not finite.")
    return model


def _require_free(given: dict[str, Any]) -> None:
    """Check that options are left out which a search decides."""
    from .._errors import require

    for name, value in given.items():
        require(value is None, name, "left out with --search, which chooses it", value)


def _widths(hidden: str | None) -> tuple[int, ...] | None:
    """Return the widths of hidden layers from a text such as "128,128"."""
    from .._errors import bad

    try:
        widths = tuple(int(width) for width in split_names(hidden) or ())
    except ValueError:
        raise bad("--hidden", "widths such as 128,128", hidden) from None
    return widths or None


def _require_no_data(run: Run) -> None:
    """Check that the model file will not replace data, above all the data of the fit."""
    from .._errors import require
    from ..data import SUFFIXES, require_writable

    remedy = "Name the model as in -o model.pf."
    same = run.output.exists() and run.data.exists() and run.output.samefile(run.data)
    require(not same, "-o", "another file than DATA", str(run.output), remedy)
    ending = run.output.suffix.lower()
    require(ending not in SUFFIXES, "-o", "a file that does not end as tables do", str(run.output), remedy)
    require_writable(run.output)


def _require_resumable(run: Run) -> None:
    path = run.checkpoint
    left = path.is_dir() and any(path.iterdir())
    if left and not run.resume:
        raise ValueError(
            f"{path} holds the state of a fit that did not finish; continue it with --resume, or remove the "
            "directory to start anew."
        )
    if run.resume and not left:
        note(f"there is nothing to resume in {path}: the fit starts anew.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"Cannot write the checkpoint {path}: no permission.")
