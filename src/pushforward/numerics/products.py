"""The precision of matrix products and convolutions."""

from typing import Any

import jax

#: The name that marks the results of convolutions for `Stack`, which keeps them as it keeps matrix products.
PRODUCT = "product"


def precision() -> jax.lax.Precision | None:
    """Return the precision of products: the precision of their operands, unless the user has set a default in JAX.

    On GPUs and TPUs, JAX multiplies float32 to three digits by default. The parallel and the incremental form of a
    network, and a linear map and its inverse, would then agree to three digits only: samples would not have
    the density that is computed for them. On CPUs this changes nothing.
    """
    config: Any = jax.config  # its annotations leave most options out
    return jax.lax.Precision.HIGHEST if config.jax_default_matmul_precision is None else None
