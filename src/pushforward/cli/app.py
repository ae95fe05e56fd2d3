"""The program: its commands, each in the file of its name."""

import gc
import os
from collections.abc import Callable

import typer

from .anomaly import anomaly
from .compare import compare
from .console import explained
from .describe import describe
from .evaluate import evaluate
from .fit import fit
from .impute import impute
from .info import info
from .plot import plot
from .predict import predict
from .relations import relations
from .report import report
from .sample import sample
from .score import score

#: The commands, in the order of the help.
COMMANDS: list[Callable[..., None]] = [
    *(fit, describe, info, sample, impute, predict, score, anomaly, compare, relations, evaluate, plot, report),
]
#: Those that compute little, so that no compiled programs are kept for the next time.
LIGHT = (describe, info)

app = typer.Typer(
    help="Fit a density to a table as it is, or to images, and ask it: exact densities and exact samples, in nats.",
    no_args_is_help=True,
    # Rich takes three times as long to import as all else that the help needs.
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    # As a `short_help` the first line is shown whole.
    app.command(short_help=(command.__doc__ or "").partition("\n")[0])(explained(command, command not in LIGHT))


def main() -> None:
    """Run the command line."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # One device per processor core: densities and draws of many rows are computed on all of them.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores))
    # Imports and compilation leave little garbage and much to look through for it: it took one twentieth of their time.
    gc.set_threshold(100_000, 20, 20)
    app(prog_name="pushforward")
