"""The contract of a map of all real arrays onto a support."""

from abc import abstractmethod

from ...supports import AbstractSupport
from .._base import AbstractBijection


class AbstractConstraint(AbstractBijection):
    """A bijection from all real arrays of its shape onto a support that is not all real arrays.

    Any other map that is no composite is assumed to map all real arrays onto all real arrays. Outside the support the
    inverse has log-determinant -inf: the density there is zero.
    """

    @property
    @abstractmethod
    def codomain(self) -> AbstractSupport:
        """The support."""
