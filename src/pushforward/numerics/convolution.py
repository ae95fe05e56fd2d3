"""Convolution of images, fast in loops too."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def convolve(images: Float[Array, "n h w c"], kernel: Float[Array, "k k c m"]) -> Float[Array, "n h w m"]:
    """Return the convolution of images with a kernel of odd size, with zeros around them.

        out[n, i, j] = Σ images[n, i + a - k // 2, j + b - k // 2] kernel[a, b]

    XLA on CPU hands a convolution to its library if images come as (n, h, w, c) and kernels as (h, w, in, out). It puts
    others into this form, but not within a loop, such as over the layers of a stack: there those that JAX would take
    for the gradient need twenty times as long. The tangents here are written so that their transposes are in this form,
    or matrix products.

    Arguments:
        images: shape (n, height, width, channels).
        kernel: shape (k, k, channels, channels of the result), k odd.
    """
    if kernel.shape[0] == 1:
        return images @ kernel[0, 0]
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@convolve.defjvp
def _jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    images, kernel = primals
    d_images, d_kernel = tangents
    size, (height, width, channels) = kernel.shape[0], images.shape[1:]
    # The transpose exchanges inputs and outputs of the kernel: from (h, w, out, in) to what the library takes.
    turned = ("NHWC", "HWOI", "NHWC")
    moved = jax.lax.conv_general_dilated(d_images, kernel.swapaxes(2, 3), (1, 1), "SAME", dimension_numbers=turned)
    most = size // 2
    padded = jnp.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    for i in range(size):
        for j in range(size):
            shifted = padded[:, i : i + height, j : j + width].reshape((-1, channels))
            moved = moved + (shifted @ d_kernel[i, j]).reshape(moved.shape)
    return convolve(images, kernel), moved
