"""A density whose condition a network embeds."""

from collections.abc import Sequence
from typing import final

import equinox as eqx

from .._errors import bad
from .._methods import method
from .._shapes import Shapes, frozen
from .._types import Conditions, ConditionTree, Events, Keys, Scalars
from ..networks import AbstractEmbedding
from ..supports import AbstractSupport
from ._base import (
    AbstractDistribution,
    AbstractEmbeddingDistribution,
    View,
    embed_batch,
    log_prob_batch,
    sample_and_log_prob_batch,
)


@final
class Embedded(AbstractEmbeddingDistribution):
    """A density given a set, a series, an image, or a tree of them; a network that is trained too embeds the condition.

        p(x | c) = q(x | h(c))

    A condition is an array or a tree of arrays of the embedding's `in_shape`, with leading axes that broadcast with the
    leading axes of `x`. It is embedded once, for any number of events: thousands of draws of a posterior cost one pass
    of the network.

    Arguments:
        distribution: q, conditional, of `cond_shape` (embedding.out_dim,), such as pf.flows.nsf(key, dim, cond_dim=32).
            Before training, `pushforward.fit` sets the location and scale of q's condition from h(c) of the untrained
            network; h(c) stays of order one during training.
        embedding: h, a network such as `pushforward.networks.DeepSet`.

    Raises:
        ValueError: if `distribution` is not conditioned on `embedding.out_dim` numbers.

    Reference:
        "BayesFlow: Learning Complex Stochastic Models with Invertible Neural Networks", Radev, Mertens, Voss,
        Ardizzone, Köthe, 2020.
    """

    distribution: AbstractDistribution
    embedding: AbstractEmbedding
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: Shapes = eqx.field(static=True)

    def __init__(self, distribution: AbstractDistribution, embedding: AbstractEmbedding):
        self.distribution = distribution
        self.embedding = embedding
        self.shape = distribution.shape
        self.cond_shape = frozen(embedding.in_shape)

    def __check_init__(self) -> None:
        """Check that the distribution takes what the embedding gives."""
        out = (self.embedding.out_dim,)
        if self.distribution.cond_shape != out:
            rule = f"conditioned on shape {out}, the embedding's `out_dim`"
            remedy = f"Build the flow with `cond_dim={out[0]}`."
            raise bad("distribution", rule, f"`cond_shape {self.distribution.cond_shape}`", remedy)

    @property
    def support(self) -> AbstractSupport:
        """The support of the distribution."""
        return self.distribution.support

    @property
    def embeds(self) -> bool:
        """True: this distribution embeds its condition."""
        return True

    @method
    def embed(self, condition: ConditionTree) -> Conditions:
        """Return h(c), shape (out_dim, n), of n conditions along the last axis."""
        return embed_batch(self.distribution, self.embedding(condition))

    def held(self) -> tuple[tuple[AbstractDistribution, View], ...]:
        """Return the distribution, which sees the embedded condition."""
        return ((self.distribution, lambda events, condition: (events, self.embedding(condition))),)

    def with_held(self, distributions: Sequence[AbstractDistribution]) -> "Embedded":
        """Return this distribution with other parts."""
        (distribution,) = distributions
        return Embedded(distribution, self.embedding)

    def _log_prob_batch(self, x: Events, condition: Conditions) -> Scalars:
        return log_prob_batch(self.distribution, x, condition)

    def _sample_and_log_prob_batch(self, keys: Keys, condition: Conditions) -> tuple[Events, Scalars]:
        return sample_and_log_prob_batch(self.distribution, keys, condition)
