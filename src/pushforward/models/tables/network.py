"""The network of a model of a table, before a fit."""

from typing import Any

from ..._types import Key
from ...columns import AnyOrder
from ...networks import SubsetMLP
from .coding import Coding


def default_settings(rows: int, parts: int) -> dict[str, Any]:
    """Return the sizes of the network for a table."""
    del parts
    return {"width": 256 if rows >= 2000 else 128, "depth": 2}


def new_density(key: Key, coding: Coding, **settings: Any) -> AnyOrder:
    """Return the density in which all columns are independent: columns are drawn in their order, after the marks."""
    heads = [marginal.head() for marginal in coding.marginals]
    network = SubsetMLP(key, [h.num_features for h in heads], [h.num_params for h in heads], **settings)
    return with_marginals(coding, AnyOrder(heads, network))


def with_marginals(coding: Coding, density: AnyOrder) -> AnyOrder:
    """Return the density with the heads of other marginals of the same kinds; conditions come first, then marks."""
    given = coding.of_columns(coding.schema.given)
    parts = range(len(coding.marginals))
    order = sorted(parts, key=lambda part: (not given[part], not coding.is_mark[part], part))
    return AnyOrder([marginal.head() for marginal in coding.marginals], density.network, order, density.members)
