"""The weights of the networks in a model: which they are, and others to start from."""

from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from numpy.typing import NDArray

from .conditioners._base import AbstractAutoregressiveConditioner, AbstractConditioner, AbstractDense
from .embeddings._base import AbstractEmbedding
from .subsets._base import AbstractSubsetNetwork

T = TypeVar("T")

#: Sparsity that is asked of the weights between layers, relative to that of the weights of inputs.
INNER = 0.15
NETWORKS = (AbstractConditioner, AbstractAutoregressiveConditioner, AbstractEmbedding, AbstractSubsetNetwork)


def of_networks(model: T) -> T:
    """Return True for each array of a network in a model, and False for any other."""

    def mark(node: Any) -> Any:
        return jax.tree.map(lambda _: isinstance(node, NETWORKS), node)

    return jax.tree.map(mark, model, is_leaf=lambda node: isinstance(node, NETWORKS))


def thresholds(model: T) -> T:
    """Return how strongly sparsity is asked of each array: 1 for the weights of inputs, `INNER` for other weights of
    dense layers, and 0 for any other array.
    """

    def mark(node: Any) -> Any:
        marks = jax.tree.map(lambda _: 0.0, node)
        if not isinstance(node, AbstractDense):
            return marks
        return eqx.tree_at(lambda net: net.weights, marks, (1.0, *(INNER for _ in node.weights[1:])))

    return jax.tree.map(mark, model, is_leaf=lambda node: isinstance(node, AbstractDense))


def redraw(seed: NDArray[Any], number: int, model: T) -> T:
    """Return a model of the same architecture whose networks start from other weights.

    Every network of this package draws its weights independently and symmetrically around zero, with a scale that is
    constant along the last axis. So weights in another random order along that axis, with random signs, are distributed
    like new ones, whatever builds the network. Arrays without numbers of both signs, such as the zeros of a last layer,
    stay as they are.

    Arguments:
        seed: the data of a random key, which decides the weights.
        number: decides them too.
        model: any pytree, not yet trained.
    """
    rng = np.random.default_rng([4, number, *seed.ravel().tolist()])

    def other(a: Any) -> Any:
        if not eqx.is_inexact_array(a):
            return a
        values: NDArray[Any] = np.asarray(a)
        if values.size == 0 or not values.min() < 0 < values.max():
            return a
        signs = rng.choice(np.array([-1, 1], values.dtype), values.shape)
        return jax.device_put(signs * rng.permuted(values, axis=-1))

    def network(node: Any) -> Any:
        return jax.tree.map(other, node) if isinstance(node, NETWORKS) else node

    return jax.tree.map(network, model, is_leaf=lambda node: isinstance(node, NETWORKS))
