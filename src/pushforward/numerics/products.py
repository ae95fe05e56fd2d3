"""The precision of matrix products and convolutions."""

from typing import Any

import jax

#: The name by which `Stack` knows the result of a convolution, which it keeps as it does that of a matrix product.
PRODUCT = "product"


def precision() -> jax.lax.Precision | None:
    """Return the precision of products: that of their operands, unless who uses JAX has chosen one for all products.

    On GPUs and TPUs, JAX multiplies float32 to three digits if nobody says otherwise. The parallel and the incremental
    form of a network, and a linear map and its inverse, would then agree to three digits, too: samples would not have
    the density that is computed for them. On CPUs this changes nothing.
    """
    config: Any = jax.config  # its annotations leave most options out
    return jax.lax.Precision.HIGHEST if config.jax_default_matmul_precision is None else None
