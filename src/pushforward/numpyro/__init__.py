"""Flows and NumPyro models, both ways; needs `pip install "pushforward[numpyro]"`.

A model's posterior is a log-density that a flow is fitted to (`posterior`), a flow is a distribution inside a model
(`FlowDistribution`) or a guide of its posterior (`AutoFlow`), and a fitted flow straightens the space for HMC
(`Posterior.guide` with `numpyro.infer.reparam.NeuTraReparam`).
"""

try:
    import numpyro as _numpyro
except ImportError as error:
    raise ImportError("pushforward.numpyro needs NumPyro: pip install pushforward[numpyro]") from error

from .distribution import FlowDistribution as FlowDistribution
from .guide import AutoFlow as AutoFlow
from .target import Posterior as Posterior
from .target import posterior as posterior

del _numpyro
