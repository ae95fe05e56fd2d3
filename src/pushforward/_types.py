"""Names for the arrays that cross the package's boundaries."""

from typing import Any, TypeAlias

import jaxtyping
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

#: A JAX random key, new style (`jax.random.key`) or old (`jax.random.PRNGKey`).
Key: TypeAlias = PRNGKeyArray | UInt32[Array, "2"]
#: Keys of a batch.
Keys: TypeAlias = jaxtyping.Key[Array, " n"] | UInt32[Array, "n 2"]
#: log|det|, or any other number.
Scalar: TypeAlias = Float[Array, ""]
#: One event: the argument of a bijection.
Event: TypeAlias = Float[Array, "..."]
#: What a conditional map or density is conditioned on, for one event.
Condition: TypeAlias = Float[Array, "..."] | None
#: A number per event of a batch.
Scalars: TypeAlias = Float[Array, " n"]
#: A batch of events, its last axis.
Events: TypeAlias = Float[Array, "... n"]
#: What a batch is conditioned on.
Conditions: TypeAlias = Float[Array, "... n"] | None
#: What a density is conditioned on, for one event or a batch: an array, a tree of arrays, or None, like `cond_shape`.
ConditionTree: TypeAlias = Any
#: A permutation.
Indices: TypeAlias = Int[Array, "..."]
#: A whole number, also one that comes out of NumPy.
Whole: TypeAlias = int | np.integer
#: What users hand over: NumPy, JAX, nested lists, numbers.
ArrayLike: TypeAlias = Any
