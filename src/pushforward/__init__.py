"""Normalizing flows: densities that are evaluated exactly and sampled exactly.

    import pushforward as pf

A density is a base distribution pushed forward through an invertible map, log p(x) = log p(z) - log|det df/dz|.
`pf.flows` builds the architectures, `pf.fit` learns one from data, `pf.save` and `pf.load` keep it.
"""

from . import bijections as bijections
from . import conditioners as conditioners
from . import distributions as distributions
from . import evaluate as evaluate
from . import flows as flows
from . import univariate as univariate
from .distributions import Pushforward as Pushforward
