"""The contract of a map of all real arrays onto a support."""

from abc import abstractmethod

from ...supports import AbstractSupport
from .._base import AbstractBijection


class AbstractConstraint(AbstractBijection):
    """A bijection of all real arrays of its shape onto a support that is not all real arrays.

    Every other map that is no composite is taken for one of all real arrays onto themselves. Outside the support the
    inverse has log-determinant -inf: the density there is zero.
    """

    @property
    @abstractmethod
    def codomain(self) -> AbstractSupport:
        """The support."""
