"""The program: its commands, each in the file of its name."""

import gc
import os

import typer

from .console import explained
from .evaluate import evaluate
from .fit import fit
from .info import info
from .plot import plot
from .sample import sample
from .score import score

#: The commands, and whether they compute much, so that compiled programs are kept for the next time.
COMMANDS = {fit: True, sample: True, score: True, evaluate: True, plot: True, info: False}

app = typer.Typer(
    help="Fit a normalizing flow to a table or images: exact densities and exact samples. Log-densities are in nats.",
    no_args_is_help=True,
    # Rich takes three times as long to import as all else that the help needs.
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command, computes in COMMANDS.items():
    # As a `short_help` the first line is shown whole.
    app.command(short_help=(command.__doc__ or "").partition("\n")[0])(explained(command, computes))


def main() -> None:
    """Run the command line."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # One device per processor core: densities and draws of many rows are computed on all of them.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores))
    # Imports and compilation leave little garbage and much to look through for it: it took one twentieth of their time.
    gc.set_threshold(100_000, 20, 20)
    app(prog_name="pushforward")
