"""Flows and NumPyro models, both ways; needs `pip install "pushforward[numpyro]"`.

`posterior` gives a model's posterior as a log-density to fit a flow to. `FlowDistribution` makes a flow a distribution
inside a model, and `AutoFlow` makes it a guide. A fitted flow can precondition HMC (`Posterior.guide` with
`numpyro.infer.reparam.NeuTraReparam`).
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
