"""The contract of a strictly increasing map of the line."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float


class AbstractUnivariate(eqx.Module):
    """A strictly increasing map of the line to itself: what the literature calls the transformer.

    Pure and elementwise: it holds no arrays; its `num_params` parameters per element come as an
    argument, unconstrained, and the map constrains them. All-zero parameters give the identity, so
    that a conditioner whose last layer starts at zero starts a flow at the identity. The same object
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
