"""Coupling: one part of an event sets the map of the other part."""

from typing import final

import equinox as eqx

from ..._errors import require, require_count
from ..._types import Conditions, Events, Key, Scalars
from ...networks.conditioners._base import AbstractConditioner
from ...networks.settings import MLPSettings
from ...univariate._base import AbstractUnivariate
from .._base import AbstractBatchBijection
from ._parts import require_parts
from .split import AbstractSplit, Halves


@final
class Coupling(AbstractBatchBijection):
    """Coupling: a part of the event passes through and sets the parameters of a map of the rest.

        x_a = z_a,   x_b = u(z_b; params(z_a, condition)),   log|det| = Σ log u'

    Both directions cost one pass of the network. Put a `Permute` between couplings, or let successive couplings pass
    different parts. `Coupling.mlp` builds the usual coupling of a vector.

    Arguments:
        conditioner: the network that gives the parameters.
        univariate: u.
        split: which elements pass through: `Halves` of a vector or of channels, `Checkerboard`.
        shape: of one event; by default, of the vector of the elements that pass through and those that are mapped.

    Raises:
        ValueError: if the network does not fit the parts, or `split` does not fit the shape.

    Reference:
        "NICE: Non-linear Independent Components Estimation", Dinh, Krueger, Bengio, 2014; "Density Estimation using
        Real NVP", Dinh, Sohl-Dickstein, Bengio, 2017.
    """

    conditioner: AbstractConditioner
    univariate: AbstractUnivariate
    split: AbstractSplit
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(
        self,
        conditioner: AbstractConditioner,
        univariate: AbstractUnivariate,
        split: AbstractSplit | None = None,
        shape: tuple[int, ...] | None = None,
    ):
        require_parts(conditioner, AbstractConditioner, univariate)
        self.conditioner = conditioner
        self.univariate = univariate
        self.split = Halves() if split is None else split
        self.shape = (conditioner.in_shape[0] + conditioner.out_shape[0],) if shape is None else tuple(shape)
        self.cond_shape = (conditioner.cond_dim,) if conditioner.cond_dim else None

    @classmethod
    def mlp(
        cls,
        key: Key,
        univariate: AbstractUnivariate,
        dim: int,
        *,
        cond_dim: int = 0,
        network: MLPSettings = MLPSettings(),
    ) -> "Coupling":
        """Return a coupling of a vector, with a multilayer perceptron; the first dim // 2 elements pass through.

        For dim = 1 the parameters depend on the condition only.

        Arguments:
            key: for the network.
            univariate: u.
            dim: number of elements.
            cond_dim: elements of the condition, 0 for none.
            network: how the network is built.
        """
        require_count("dim", dim)
        passes = int(dim) // 2
        return cls(network.build(key, passes, (int(dim) - passes, univariate.num_params), cond_dim), univariate)

    def __check_init__(self) -> None:
        """Check that the conditioner fits."""
        seen, moved = self.split.shapes(self.shape)
        rule = f"of in_shape {seen} and out_shape {(*moved, self.univariate.num_params)}"
        fits = (self.conditioner.in_shape, self.conditioner.out_shape) == (seen, (*moved, self.univariate.num_params))
        given = f"`in_shape {self.conditioner.in_shape}, out_shape {self.conditioner.out_shape}`"
        require(fits, "conditioner", rule, given)

    def _forward_batch(self, z: Events, condition: Conditions) -> tuple[Events, Scalars]:
        params = self.conditioner(self.split.seen(z), condition)
        moved, log_derivative = self.univariate.forward_and_log_derivative(self.split.moved(z), params)
        x, log_derivative = self.split.join(z, moved, log_derivative)
        return x, log_derivative.sum(axis=tuple(range(len(self.shape))))

    def _inverse_batch(self, x: Events, condition: Conditions) -> tuple[Events, Scalars]:
        params = self.conditioner(self.split.seen(x), condition)
        moved, log_derivative = self.univariate.inverse_and_log_derivative(self.split.moved(x), params)
        z, log_derivative = self.split.join(x, moved, log_derivative)
        return z, log_derivative.sum(axis=tuple(range(len(self.shape))))
