"""`pushforward evaluate`: what a model scores on held-out rows."""

import typer

from .options import Data, Labels, Model, options_of


def evaluate(model: Model, data: Data, labels: Labels = True) -> None:
    """Judge a model by held-out rows or images.

    The log-likelihood of rows is compared with that of a Gaussian and of a kernel density estimate.
    Where DATA is the table of the fit, these are the rows that the fit held out, and the other two are
    fitted on the rows of the fit. Where it is not, DATA is split in two: the other two are fitted
    on one half, and all three are judged on the other.

    Of images the bits per dimension are printed: of those that the fit held out if DATA are the images of the fit, else
    of all.
    """
    from .. import models

    opened = models.load(model)
    asked = {"labels": None if labels else False}
    (options,) = options_of(asked, f"{model} is a model of {opened.of}", opened.evaluate)
    rows = opened.read(data)
    typer.echo(f"{data}: {rows.report()}")
    evaluation = opened.evaluate(rows, **options)
    typer.echo(evaluation.judged)
    typer.echo(evaluation.text)
