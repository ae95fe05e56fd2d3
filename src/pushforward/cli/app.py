"""The commands and their options; the work is in the files beside this one."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .console import explained, split_names

app = typer.Typer(
    help="Fit a normalizing flow to a table: exact densities and exact samples. Log-densities are in nats.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Flow(StrEnum):
    """Architectures that `fit` offers."""

    nsf = "nsf"
    maf = "maf"
    real_nvp = "real_nvp"
    nice = "nice"
    iaf = "iaf"


Model = Annotated[Path, typer.Argument(help="A file that `pushforward fit` wrote.")]
Data = Annotated[Path, typer.Argument(help="A table: .csv, .parquet, .feather, .npy or .npz.")]
Out = Annotated[Path, typer.Option("-o", "--output", help="File to write; its ending names the format.")]


@app.command()
@explained
def fit(
    data: Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="File for the model.")],
    columns: Annotated[str | None, typer.Option(help="Columns to use, a,b,c; all by default.")] = None,
    exclude: Annotated[str | None, typer.Option(help="Columns to leave out, a,b,c.")] = None,
    given: Annotated[str | None, typer.Option(help="Columns to condition on, a,b,c: p(others | given).")] = None,
    weights: Annotated[str | None, typer.Option(help="Column that holds the weights of the rows.")] = None,
    flow: Annotated[Flow, typer.Option(help="Architecture.")] = Flow.nsf,
    layers: Annotated[int | None, typer.Option(help="Number of layers.", min=1)] = None,
    hidden: Annotated[str | None, typer.Option(help="Widths of the hidden layers, 128,128.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs to run.", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows in a batch.", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the learning rate.")] = None,
    test_fraction: Annotated[float, typer.Option(help="Share of the rows held out to judge by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides the split, the initial weights, the batches.", min=0)] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Directory of the fit's state; MODEL.checkpoint by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a killed fit from its checkpoint.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse missing values, drop no row.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors and notes.")] = False,
) -> None:
    """Fit a flow to the columns of a table, and judge it on held-out rows."""
    from .fitting import Request, fit_table

    fit_table(
        Request(
            data=data,
            output=output,
            columns=split_names(columns),
            exclude=split_names(exclude),
            given=split_names(given),
            weights=weights,
            flow=flow.value,
            layers=layers,
            hidden=split_names(hidden),
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            test_fraction=test_fraction,
            seed=seed,
            checkpoint=checkpoint or output.with_name(output.name + ".checkpoint"),
            resume=resume,
            strict=strict,
            quiet=quiet,
        )
    )


@app.command()
@explained
def sample(
    model: Model,
    output: Out,
    n: Annotated[int, typer.Option("-n", help="Rows to draw; with --given FILE, for each of its rows.", min=1)],
    given: Annotated[
        str | None, typer.Option(help="What to condition on: name=value,... or a table with these columns.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 0,
) -> None:
    """Draw rows from a model."""
    from .using import sample_table

    sample_table(model, output, n, given, seed)


@app.command()
@explained
def score(model: Model, data: Data, output: Out) -> None:
    """Write DATA with a column log_prob: the log-density of each row, in nats.

    Rows stay in their order; a row with a missing value has an empty log_prob.
    """
    from .using import score_table

    score_table(model, data, output)


@app.command()
@explained
def evaluate(model: Model, data: Data) -> None:
    """Compare the log-likelihood of held-out rows with that of a Gaussian and of a kernel density estimate.

    Where DATA is the table of the fit, these are the rows that the fit held out, and the other two are
    fitted on the rows of the fit. Where it is not, DATA is split in two: the other two are fitted
    on one half, and all three are judged on the other.
    """
    from .judging import evaluate_table

    evaluate_table(model, data)


@app.command()
@explained
def plot(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write: .png, .pdf or .svg.")],
    data: Annotated[Path | None, typer.Argument(help="A table to compare the samples with.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to draw, a,b,c; the first 12 by default.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 0,
) -> None:
    """Draw samples, against DATA if given, in a corner plot, and the loss curves of the fit."""
    from .picture import plot_model

    plot_model(model, data, output, split_names(columns), seed)


@app.command()
@explained
def info(model: Model) -> None:
    """Say what a model is: its columns, its architecture, how it was fitted, what it scored."""
    from .using import describe_model

    describe_model(model)


def main() -> None:
    """Run the command line."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # A device per processor core: densities and draws of many rows are shared among them.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores))
    app(prog_name="pushforward")
