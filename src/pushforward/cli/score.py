"""`pushforward score`: the log-density of each row."""

import typer

from .options import Data, Labels, Model, Output, options_of


def score(model: Model, data: Data, output: Output, labels: Labels = True) -> None:
    """Write the log-density of each row or image, in nats, in a column log_prob.

    A table is written with all its columns, rows in their order. With a model of a table of any
    kinds a row with empty cells has the log-density of its others; with a flow on numbers its log_prob is empty.

    For images, the file or index, log_prob and bits_per_dim are written. Likelihood alone does not tell whether an
    image is like the images of the fit: flows give simple images of another kind higher likelihoods ("Do Deep
    Generative Models Know What They Don't Know?", Nalisnick, Matsukawa, Teh, Gorur, Lakshminarayanan, 2019).
    """
    from .. import models

    opened = models.load(model)
    asked = {"labels": None if labels else False}
    (options,) = options_of(asked, f"{model} is a model of {opened.of}", opened.score_to)
    typer.echo(opened.score_to(data, output, **options))
