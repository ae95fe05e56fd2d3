"""The contract of a strictly increasing map of the line."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float


class AbstractUnivariate(eqx.Module):
    """A strictly increasing map of the line to itself, called the transformer in the literature.

    It is pure and elementwise, and holds no arrays: its `num_params` parameters per element are an
    argument, unconstrained, and the map constrains them. All-zero parameters give the identity, so
    a flow starts at the identity if the last layer of its conditioner starts at zero. The same object
    serves `Elementwise`, `Coupling` and `Autoregressive`.
    """

    num_params: eqx.AbstractVar[int]

    @abstractmethod
    def forward_and_log_derivative(
        self, z: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return f(z) and log f'(z), both of the shape of `z`.

        Arguments:
            z: any shape.
            params: the shape of `z` followed by `num_params`, unconstrained.
        """

    @abstractmethod
    def inverse_and_log_derivative(
        self, x: Float[Array, "..."], params: Float[Array, "... num_params"]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return f⁻¹(x) and log (f⁻¹)'(x) = -log f'(f⁻¹(x)), both of the shape of `x`.

        Arguments:
            x: any shape.
            params: the shape of `x` followed by `num_params`, unconstrained.
        """
