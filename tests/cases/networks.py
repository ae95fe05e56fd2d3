"""The networks."""

from typing import Any

import jax

from pushforward import networks as c

from ._case import Case

#: Widths of the hidden layers.
SMALL = (8, 8)
UNSEEN = "a single token is seen by no other"
SEES_NOTHING = "no unit of a first masked layer sees an element when there is one element and no condition"


def transformer(key: jax.Array, dim: int, size: int, num_params: int, **settings: Any) -> c.CausalTransformer:
    return c.CausalTransformer(key, dim, size, num_params, **{"width": 4, "heads": 2, **settings})


CONDITIONERS = [
    Case("MLP:", lambda key: c.MLP(key, 3, (2, 4), hidden=SMALL)),
    Case("MLP:conditional", lambda key: c.MLP(key, 3, (2, 4), cond_dim=2, hidden=(7,), activation="tanh")),
    Case("MLP:condition-only", lambda key: c.MLP(key, 0, (1, 4), cond_dim=2, hidden=SMALL)),
    Case("MLP:nothing", lambda key: c.MLP(key, 0, (1, 4), hidden=SMALL)),
    Case("MLP:residual", lambda key: c.MLP(key, 3, (2, 4), hidden=(8, 8, 8), residual=True, activation="silu")),
    Case("MaskedMLP:", lambda key: c.MaskedMLP(key, 4, 3, hidden=SMALL)),
    Case("MaskedMLP:conditional", lambda key: c.MaskedMLP(key, 4, 3, cond_dim=2, hidden=(9, 7))),
    Case("MaskedMLP:one", lambda key: c.MaskedMLP(key, 1, 3, hidden=SMALL), dead={".weights[0]": SEES_NOTHING}),
    Case("MaskedMLP:one-conditional", lambda key: c.MaskedMLP(key, 1, 3, cond_dim=2, hidden=SMALL)),
    Case("MaskedMLP:narrow", lambda key: c.MaskedMLP(key, 6, 2, hidden=(3, 2), activation="gelu")),
    Case("MaskedMLP:narrow-conditional", lambda key: c.MaskedMLP(key, 6, 2, cond_dim=1, hidden=(3, 4, 2))),
    Case("MaskedMLP:not-multiple", lambda key: c.MaskedMLP(key, 5, 2, hidden=(11, 7, 13))),
    Case("MaskedMLP:one-layer", lambda key: c.MaskedMLP(key, 4, 3, hidden=(10,), activation="tanh")),
    Case("MaskedMLP:residual", lambda key: c.MaskedMLP(key, 4, 3, hidden=(9, 9, 9), residual=True)),
    Case(
        "MaskedMLP:residual-conditional",
        lambda key: c.MaskedMLP(key, 5, 2, cond_dim=3, hidden=(9, 9, 4), residual=True, activation="silu"),
    ),
    Case("MaskedMLP:blocks", lambda key: c.MaskedMLP(key, 35, 2, hidden=(40, 23, 71))),
    Case(
        "MaskedMLP:blocks-conditional",
        lambda key: c.MaskedMLP(
            key, 37, 1, cond_dim=2, hidden=(5, 50), order=tuple(reversed(range(37))), activation="gelu"
        ),
    ),
    Case(
        "MaskedMLP:blocks-residual",
        lambda key: c.MaskedMLP(key, 36, 2, cond_dim=1, hidden=(60, 60, 60), residual=True),
    ),
    Case("ConvNet:", lambda key: c.ConvNet(key, (3, 4, 2), (3, 4, 1, 2), width=4, blocks=1)),
    Case(
        "ConvNet:conditional",
        lambda key: c.ConvNet(key, (2, 3, 1), (2, 3, 3, 1), width=4, blocks=2, cond_dim=2, activation="silu"),
    ),
    Case("CausalTransformer:", lambda key: transformer(key, 4, 2, 3)),
    Case(
        "CausalTransformer:order-conditional",
        lambda key: transformer(key, 5, 1, 2, cond_dim=3, order=(3, 0, 4, 2, 1), layers=1),
    ),
    Case(
        "CausalTransformer:one-conditional",
        lambda key: transformer(key, 1, 3, 2, cond_dim=2),
        dead={".embed": UNSEEN},
    ),
    Case("Guided:transformer", lambda key: c.Guided(transformer(key, 3, 2, 2, cond_dim=2), 1.5)),
    Case("Guided:blocks", lambda key: c.Guided(c.MaskedMLP(key, 35, 1, cond_dim=2, hidden=(40,)), 0.5)),
    Case("MaskedMLP:order", lambda key: c.MaskedMLP(key, 4, 3, order=(2, 0, 3, 1), hidden=SMALL)),
    Case(
        "MaskedMLP:order-conditional",
        lambda key: c.MaskedMLP(key, 5, 2, cond_dim=2, order=(4, 3, 2, 1, 0), hidden=(7,)),
    ),
]


def tree_embedding(key: jax.Array) -> c.TreeEmbedding:
    """Return an embedding of a set with a mask, and numbers beside it."""
    for_set, for_rest = jax.random.split(key)
    parts = {"set": c.DeepSet(for_set, (5, 2), 3, width=6, masked=True), "rest": c.VectorEmbedding(for_rest, (2,), 2)}
    return c.TreeEmbedding(parts)


EMBEDDINGS = [
    Case("VectorEmbedding:", lambda key: c.VectorEmbedding(key, (4,), 3, width=6)),
    Case("VectorEmbedding:matrix", lambda key: c.VectorEmbedding(key, (2, 3), 3, width=6, layers=1, activation="tanh")),
    Case("DeepSet:", lambda key: c.DeepSet(key, (5, 2), 3, width=6)),
    Case("DeepSet:masked", lambda key: c.DeepSet(key, (5, 2), 3, width=6, masked=True)),
    Case("SeriesEmbedding:", lambda key: c.SeriesEmbedding(key, (6, 2), 3, width=6, blocks=2)),
    Case("SeriesEmbedding:masked", lambda key: c.SeriesEmbedding(key, (6, 1), 3, width=6, blocks=2, masked=True)),
    Case("ImageEmbedding:", lambda key: c.ImageEmbedding(key, (5, 4, 1), 3, width=6, blocks=2)),
    Case("ImageEmbedding:masked", lambda key: c.ImageEmbedding(key, (3, 4, 2), 3, width=6, blocks=1, masked=True)),
    Case("TreeEmbedding:", tree_embedding),
    Case("TreeEmbedding:tuple", lambda key: c.TreeEmbedding((c.VectorEmbedding(key, (2,), 2), tree_embedding(key)))),
]
