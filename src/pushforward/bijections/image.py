"""The image of a support under a bijection."""

from functools import singledispatch
from typing import final

import equinox as eqx

from .._errors import require
from ..supports import AbstractSimpleSupport, AbstractSupport, Real
from ..supports._base import Batch, Mask, events_outside, flat
from ._base import AbstractBijection, AbstractComposite, inverse_batch
from .composites.chain import Chain
from .composites.invert import Invert
from .constraints._base import AbstractConstraint
from .onto import onto


@final
class Image(AbstractSimpleSupport):
    """The image of a support: all x = f(z) for z in the support.

    Arguments:
        bijection: f, unconditional.
        support: of z.

    Raises:
        ValueError: if the shapes differ, or if `bijection` is conditional, as the image then depends on the condition.
    """

    bijection: AbstractBijection
    support: AbstractSupport
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, bijection: AbstractBijection, support: AbstractSupport):
        self.bijection = bijection
        self.support = support
        self.shape = support.shape

    def __check_init__(self) -> None:
        """Check that the map and the support fit together."""
        _require_fit(self.bijection, self.support)
        cond_shape = self.bijection.cond_shape
        remedy = "The support of what a conditional map makes of bounded numbers depends on the condition."
        require(cond_shape is None, "bijection", "unconditional", f"`cond_shape {cond_shape}`", remedy)

    @property
    def measure(self) -> str:
        """The measure of the support of z."""
        return self.support.measure

    @property
    def rule(self) -> str:
        """The rule of the support of z, and the map."""
        return f"what {type(self.bijection).__name__} makes of an event that is {self.support.rule}"

    def outside(self, x: Batch) -> Mask:
        """Return whether the inverse of each event lies outside the support of z or has log-determinant -inf."""
        batch = x.shape[len(self.shape) :]
        z, log_det = inverse_batch(self.bijection, x.reshape((*self.shape, -1)), None)
        return ((log_det == -float("inf")) | events_outside(self.support, z)).reshape(batch)

    def features(self, x: Batch) -> Batch:
        """Return the elements."""
        return flat(self, x)


@onto.register
def _(support: Image) -> Chain:
    return Chain([onto(support.support), support.bijection])


def image(bijection: AbstractBijection, support: AbstractSupport) -> AbstractSupport:
    """Return the image of a support under a bijection.

    A map of all real arrays onto themselves leaves the support `Real`. A map onto a support (`AbstractConstraint`)
    takes `Real` to that support, and its inverse takes the support to `Real`. Maps side by side give a `Product`. Any
    other image is an `Image`.

    Arguments:
        bijection: any, conditional or not.
        support: of events on the map's base side, of the map's shape.

    Raises:
        ValueError: if the shapes differ, or the image depends on the condition of a conditional map.
    """
    _require_fit(bijection, support)
    return image_of(bijection, support, False)


@singledispatch
def image_of(bijection: AbstractBijection, support: AbstractSupport, inverted: bool) -> AbstractSupport:
    """Return the image under a bijection, or its inverse; a composite with a rule of its own registers it here."""
    if isinstance(bijection, AbstractComposite):
        return _image_of_composite(bijection, support, inverted)
    codomain = bijection.codomain if isinstance(bijection, AbstractConstraint) else Real(bijection.shape)
    domain, onto_which = (codomain, Real(bijection.shape)) if inverted else (Real(bijection.shape), codomain)
    return onto_which if support.equals(domain) else image_by_inverse(bijection, support, inverted)


def _image_of_composite(bijection: AbstractComposite, support: AbstractSupport, inverted: bool) -> AbstractSupport:
    parts = bijection.parts()[:: -1 if inverted else 1]
    if all(part.is_whole for part in parts):
        for part in parts:
            support = image_of(part.bijection, support, inverted != part.inverted)
        return support
    if isinstance(support, Real):
        inner = (image_of(p.bijection, Real(p.bijection.shape), inverted != p.inverted) for p in parts)
        if all(isinstance(s, Real) for s in inner):
            return support
    return image_by_inverse(bijection, support, inverted)


def image_by_inverse(bijection: AbstractBijection, support: AbstractSupport, inverted: bool) -> Image:
    """Return the image as an `Image`, defined by the map alone."""
    return Image(Invert(bijection) if inverted else bijection, support)


def _require_fit(bijection: AbstractBijection, support: AbstractSupport) -> None:
    require(bijection.shape == support.shape, "support", f"of the map's shape {bijection.shape}", support.shape)
