"""The choice of a bijection from all real arrays onto a support."""

from functools import singledispatch

from .._errors import bad
from ..supports import AbstractSupport
from ._base import AbstractBijection


@singledispatch
def onto(support: AbstractSupport) -> AbstractBijection:
    """Return a bijection from all real arrays onto a support.

    The file of each map registers it for its kind of support.

    Arguments:
        support: a set of `pushforward.supports`.

    Raises:
        ValueError: if none exists: for whole numbers, categories, a circle, a sphere, or a product with one of these.
    """
    if not isinstance(support, AbstractSupport):
        raise bad("support", "a set of pushforward.supports", support)
    remedy = "Whole numbers, categories, circles and spheres are no continuous image of the real numbers without seams."
    raise bad("support", "one that all real arrays can be mapped onto", f"`{type(support).__name__}`", remedy)
