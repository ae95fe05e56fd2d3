"""Reverse Kullback-Leibler divergence: minimize E_q[log q(x) - log p(x)]."""

from dataclasses import dataclass
from typing import Literal, final

from ...._errors import require
from ...._types import Key, Scalar, Scalars
from ....distributions._base import AbstractDistribution
from ...rows.batch import Batch
from ._base import AbstractDensityObjective, Target, accumulated, constant, weighted_sum


@final
@dataclass(frozen=True)
class ReverseKL(AbstractDensityObjective):
    """KL(q | p) = E_q[log q(x) - log p(x)], the negative evidence lower bound, up to log Z.

    It is mode-seeking: it only evaluates p where the flow has mass, so a mode that the flow has lost costs nothing, and
    one mode is better than a bridge between two. Its gradient by reparameterization, x = f(z), is the least noisy of
    all objectives.

    Arguments:
        gradient: "path" leaves out the score of q, which has expectation zero but adds noise; the gradient then
            vanishes for every draw if the flow is exact. It needs the inverse of the flow at its draws. "total" is the
            plain derivative; take it for flows whose inverse is slow, such as `pf.flows.iaf`.

    Reference:
        "Sticking the Landing: Simple, Lower-Variance Gradient Estimators for Variational Inference", Roeder, Wu,
        Duvenaud, 2017; "Gradients should stay on Path: Better Estimators of the Reverse- and Forward KL Divergence
        for Normalizing Flows", Vaitl, Nicoli, Nakajima, Kessel, 2022.
    """

    gradient: Literal["path", "total"] = "path"
    shared = True
    zeros = False
    epoch = 50
    annealing = 0.0

    def __post_init__(self) -> None:
        """Check the name of the gradient."""
        require(self.gradient in ("path", "total"), "gradient", '"path" or "total"', self.gradient)

    def loss(self, flow: AbstractDistribution, target: Target, batch: Batch, key: Key) -> Scalar:
        """Return Σ w (log q(x) - log p(x)) of draws x."""

        def of_draws(key: Key, weight: Scalars) -> Scalar:
            if self.gradient == "path":
                x = flow.sample(key, (len(weight),))
                log_q = constant(flow).log_prob(x)
            else:
                x, log_q = flow.sample_and_log_prob(key, (len(weight),))
            return weighted_sum(weight, log_q - target(x))

        return accumulated(of_draws, key, batch.weight)
