"""The commands and their options; the work, on a table or on images, is in the files beside this one."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .console import explained, require_left_out, split_names

app = typer.Typer(
    help="Fit a normalizing flow to a table or images: exact densities and exact samples. Log-densities are in nats.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Flow(StrEnum):
    """Architectures that `fit` offers, first for tables, then for images."""

    nsf = "nsf"
    maf = "maf"
    real_nvp = "real_nvp"
    nice = "nice"
    iaf = "iaf"
    glow = "glow"
    real_nvp_image = "real_nvp_image"
    tarflow = "tarflow"
    nice_image = "nice_image"


#: The first is the default.
OF_TABLES = (Flow.nsf, Flow.maf, Flow.real_nvp, Flow.nice, Flow.iaf)
OF_IMAGES = (Flow.glow, Flow.real_nvp_image, Flow.tarflow, Flow.nice_image)

Model = Annotated[Path, typer.Argument(help="A file that `pushforward fit` wrote.")]
Data = Annotated[
    Path,
    typer.Argument(
        help="A table: .csv, .parquet, .feather, .npy or .npz. Or images: a folder of PNG or JPEG files (or of one "
        "folder of them for each class), an .npy or .npz array of 3 or 4 axes, an IDX file (MNIST), the word digits."
    ),
]
Out = Annotated[Path, typer.Option("-o", "--output", help="File to write; its ending names the format.")]

TABLE, IMAGES = "Options for tables", "Options for images"
Labels = Annotated[
    bool,
    typer.Option("--labels/--no-labels", help="Whether the classes of the images count.", rich_help_panel=IMAGES),
]


@app.command()
@explained
def fit(
    data: Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="File for the model.")],
    flow: Annotated[Flow | None, typer.Option(help="Architecture; nsf for tables, glow for images.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs to run.", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows or images in a batch.", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak of the learning rate.")] = None,
    test_fraction: Annotated[float, typer.Option(help="Share of the data held out to judge by.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides the split, the initial weights, the batches.", min=0)] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Directory of the fit's state; MODEL.checkpoint by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a killed fit from its checkpoint.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors and notes.")] = False,
    columns: Annotated[
        str | None, typer.Option(help="Columns to use, a,b,c; all by default.", rich_help_panel=TABLE)
    ] = None,
    exclude: Annotated[str | None, typer.Option(help="Columns to leave out, a,b,c.", rich_help_panel=TABLE)] = None,
    given: Annotated[
        str | None, typer.Option(help="Columns to condition on, a,b,c: p(others | given).", rich_help_panel=TABLE)
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Column that holds the weights of the rows.", rich_help_panel=TABLE)
    ] = None,
    layers: Annotated[int | None, typer.Option(help="Number of layers.", min=1, rich_help_panel=TABLE)] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Widths of the hidden layers, 128,128.", rich_help_panel=TABLE)
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse missing values, drop no row.", rich_help_panel=TABLE)
    ] = False,
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="Condition on the class labels.", rich_help_panel=IMAGES)
    ] = False,
    flip: Annotated[
        bool, typer.Option("--flip", help="Mirror images left to right at random.", rich_help_panel=IMAGES)
    ] = False,
    shift: Annotated[
        int | None,
        typer.Option(help="Shift images at random by up to so many pixels.", min=1, rich_help_panel=IMAGES),
    ] = None,
) -> None:
    """Fit a flow to the columns of a table or to images, and judge it on held-out rows or images."""
    from ..data.pictures.read_images import holds_images
    from .run import Run

    run = Run(
        data=data,
        output=output,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        test_fraction=test_fraction,
        seed=seed,
        checkpoint=checkpoint or output.with_name(output.name + ".checkpoint"),
        resume=resume,
        quiet=quiet,
    )
    of_tables = {"--columns": columns, "--exclude": exclude, "--given": given, "--weights": weights}
    of_tables |= {"--layers": layers, "--hidden": hidden, "--strict": strict}
    # A name without an ending that does not exist is that of a folder.
    if holds_images(data) or not (data.exists() or data.suffix):
        from .images import ImageRequest, fit_images

        require_left_out(of_tables, f"{data} holds images, and no table")
        fit_images(ImageRequest(run, _one_of(OF_IMAGES, flow, "images"), labels, flip, shift or 0))
    else:
        from .fitting import Request, fit_table

        require_left_out({"--labels": labels, "--flip": flip, "--shift": shift}, "it is an option for images")
        fit_table(
            Request(
                run,
                columns=split_names(columns),
                exclude=split_names(exclude),
                given=split_names(given),
                weights=weights,
                flow=_one_of(OF_TABLES, flow, "tables"),
                layers=layers,
                hidden=split_names(hidden),
                strict=strict,
            )
        )


@app.command()
@explained
def sample(
    model: Model,
    output: Out,
    n: Annotated[
        int, typer.Option("-n", help="Rows or images to draw; with --given FILE, for each of its rows.", min=1)
    ],
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 0,
    given: Annotated[
        str | None,
        typer.Option(help="What to condition on: name=value,... or a table with these columns.", rich_help_panel=TABLE),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Class of the images; by default the classes take turns.", rich_help_panel=IMAGES),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Below 1: images closer to the typical, less diverse.", rich_help_panel=IMAGES),
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(help="Weight of the class over none in a tarflow with labels.", rich_help_panel=IMAGES),
    ] = None,
) -> None:
    """Draw rows, or images: a .png file shows them in a grid, .npy and .npz files hold their pixels."""
    from .model import NamedModel, open_model

    opened = open_model(model)
    if isinstance(opened, NamedModel):
        from .using import sample_table

        of_images = {"--label": label, "--temperature": temperature, "--guidance": guidance}
        require_left_out(of_images, f"{model} is a model of a table, not of images")
        sample_table(opened, output, n, given, seed)
    else:
        from .image_using import sample_images

        require_left_out({"--given": given}, f"{model} is a model of images, not of a table")
        sample_images(opened, output, n, label, temperature, guidance, seed)


@app.command()
@explained
def score(model: Model, data: Data, output: Out, labels: Labels = True) -> None:
    """Write the log-density of each row or image, in nats, in a column log_prob.

    A table is written with its columns, rows in their order; a row with a missing value has an empty log_prob.

    Of images are written the file or index, log_prob and bits_per_dim. Likelihood alone does not tell whether an image
    is like those of the fit: flows give simple images of another kind higher likelihoods ("Do Deep Generative Models
    Know What They Don't Know?", Nalisnick, Matsukawa, Teh, Gorur, Lakshminarayanan, 2019).
    """
    from .model import NamedModel, open_model

    opened = open_model(model)
    if isinstance(opened, NamedModel):
        from .using import score_table

        require_left_out({"--no-labels": not labels}, f"{model} is a model of a table, not of images")
        score_table(opened, data, output)
    else:
        from .image_using import score_images

        score_images(opened, data, output, labels)


@app.command()
@explained
def evaluate(model: Model, data: Data, labels: Labels = True) -> None:
    """Judge a model by held-out rows or images.

    The log-likelihood of rows is compared with that of a Gaussian and of a kernel density estimate.
    Where DATA is the table of the fit, these are the rows that the fit held out, and the other two are
    fitted on the rows of the fit. Where it is not, DATA is split in two: the other two are fitted
    on one half, and all three are judged on the other.

    Of images the bits per dimension are printed: of those that the fit held out if DATA are the images of the fit, else
    of all.
    """
    from .model import NamedModel, open_model

    opened = open_model(model)
    if isinstance(opened, NamedModel):
        from .judging import evaluate_table

        require_left_out({"--no-labels": not labels}, f"{model} is a model of a table, not of images")
        evaluate_table(opened, data)
    else:
        from .images import evaluate_images

        evaluate_images(opened, data, labels)


@app.command()
@explained
def plot(
    model: Model,
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write: .png, .pdf or .svg.")],
    data: Annotated[Path | None, typer.Argument(help="A table to compare the samples with.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns to draw, a,b,c; the first 12 by default.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 0,
) -> None:
    """Draw samples of a table, against DATA if given, in a corner plot, and the loss curves of the fit."""
    from .._errors import bad
    from .model import NamedModel, open_model
    from .picture import plot_model

    opened = open_model(model)
    if not isinstance(opened, NamedModel):
        remedy = f"Draw images with: pushforward sample {model} -n 64 -o grid.png."
        raise bad("MODEL", "a model of a table", f"`a model of images in {model}`", remedy)
    plot_model(opened, data, output, split_names(columns), seed)


@app.command()
@explained
def info(model: Model) -> None:
    """Say what a model is: its columns or images, its architecture, how it was fitted, what it scored."""
    from .describing import describe_model
    from .model import open_model

    describe_model(open_model(model))


def _one_of(flows: tuple[Flow, ...], asked: Flow | None, data: str) -> str:
    """Return the name of the architecture asked for, the first by default."""
    from .._errors import require

    rule = f"one of {', '.join(flows)}, the architectures for {data}"
    require(asked is None or asked in flows, "--flow", rule, str(asked))
    return (asked or flows[0]).value


def main() -> None:
    """Run the command line."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # A device per processor core: densities and draws of many rows are shared among them.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores))
    app(prog_name="pushforward")
