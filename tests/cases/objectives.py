"""What a fit can minimize: objectives for data, for a log-density, and estimators of a marginal likelihood."""

import numpy as np

from pushforward import distributions as d
from pushforward import train as t

from ._case import Case


def _noise(key: object) -> d.Pushforward:
    """Return noise in (0, 1) given a vector of two elements."""
    from pushforward import bijections as b
    from pushforward import networks as c
    from pushforward import univariate as u

    network = c.MLP(key, 2, (2, 2), hidden=(4,))  # pyright: ignore[reportArgumentType]
    return d.Pushforward(d.StandardNormal((2,)), b.Chain([b.Elementwise(u.Affine(), (2,), network), b.Sigmoid((2,))]))


#: Of rows of whole numbers, two columns, with a condition of two.
OF_DATA = [
    Case("MaximumLikelihood:", lambda key: t.MaximumLikelihood()),
    Case("MaximumLikelihood:uniform", lambda key: t.MaximumLikelihood("uniform")),
    Case("MaximumLikelihood:normal-dropped", lambda key: t.MaximumLikelihood(0.3, drop_condition=0.5)),
    Case("MaximumLikelihood:learned", lambda key: t.MaximumLikelihood(_noise(key))),
]
#: Of a flow and a normal log-density, both of two elements.
OF_DENSITIES = [
    Case("ReverseKL:", lambda key: t.ReverseKL()),
    Case("ReverseKL:total", lambda key: t.ReverseKL("total")),
    Case("ForwardKL:", lambda key: t.ForwardKL()),
    Case("AlphaDivergence:", lambda key: t.AlphaDivergence(1.5)),
    Case("FAB:", lambda key: t.FAB()),
]
#: Of log E[w].
ESTIMATORS = [
    Case("LogMeanExp:", lambda key: t.LogMeanExp(32)),
    Case("Debiased:single", lambda key: t.Debiased(8, 2)),
    Case("Debiased:roulette", lambda key: t.Debiased(8, 2, "roulette")),
]
#: Of cells of rows, see `pushforward.columns`.
OF_COLUMNS = [Case("AnySubset:", lambda key: t.AnySubset((0, 1)))]
OBJECTIVES = [*OF_DATA, *OF_DENSITIES, *ESTIMATORS, *OF_COLUMNS]
ROWS = np.random.default_rng(0).integers(0, 5, size=(12, 2)).astype(np.float32)
