"""`pushforward evaluate`: the scores of a model on held-out rows."""

import typer

from .options import Data, Labels, Model, options_of


def evaluate(model: Model, data: Data, labels: Labels = True) -> None:
    """Judge a model by held-out rows or images.

    The log-likelihood of the model is compared with a Gaussian and a kernel density estimate.
    If DATA is the table of the fit, all three are judged on the rows that the fit held out, and the two
    baselines are fitted on the rows of the fit. If not, DATA is split in two: the baselines are fitted
    on one half, and all three are judged on the other.

    For images, the bits per dimension are printed: of the held-out images if DATA are the images of the fit, else of
    all images.
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
