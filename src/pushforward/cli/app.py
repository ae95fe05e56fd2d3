"""The program: its commands, each in the file of its name."""

import os

import typer

from .console import explained
from .evaluate import evaluate
from .fit import fit
from .info import info
from .plot import plot
from .sample import sample
from .score import score

app = typer.Typer(
    help="Fit a normalizing flow to a table or images: exact densities and exact samples. Log-densities are in nats.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(explained(fit))
app.command()(explained(sample))
app.command()(explained(score))
app.command()(explained(evaluate))
app.command()(explained(plot))
app.command()(explained(info))


def main() -> None:
    """Run the command line."""
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # One device per processor core: densities and draws of many rows are computed on all of them.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(cores))
    app(prog_name="pushforward")
