"""Names for the arrays that cross the package's boundaries."""

from typing import Any, TypeAlias

import jaxtyping
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

#: A JAX random key, new style (`jax.random.key`) or old (`jax.random.PRNGKey`).
Key: TypeAlias = PRNGKeyArray | UInt32[Array, "2"]
#: A key for each event of a batch.
Keys: TypeAlias = jaxtyping.Key[Array, " n"] | UInt32[Array, "n 2"]
#: log|det|, or any other number.
Scalar: TypeAlias = Float[Array, ""]
#: One event: the argument of a bijection.
Event: TypeAlias = Float[Array, "..."]
#: The condition of a map or density, for one event.
Condition: TypeAlias = Float[Array, "..."] | None
#: A number per event of a batch.
Scalars: TypeAlias = Float[Array, " n"]
#: A batch of events, along the last axis.
Events: TypeAlias = Float[Array, "... n"]
#: The conditions of a batch of events, along the last axis.
Conditions: TypeAlias = Float[Array, "... n"] | None
#: The condition of a density, for one event or a batch: an array, a tree of arrays, or None, as `cond_shape` says.
ConditionTree: TypeAlias = Any
#: A permutation.
Indices: TypeAlias = Int[Array, "..."]
#: An integer of Python or NumPy.
Whole: TypeAlias = int | np.integer
#: An argument from a user: a NumPy or JAX array, nested lists, or a number.
ArrayLike: TypeAlias = Any
