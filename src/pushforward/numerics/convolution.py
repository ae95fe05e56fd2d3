"""Convolution of images, fast in loops too."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .products import precision

#: The most elements that the tangent of a kernel spreads out at a time, on CPU, so that they fit into the cache.
SPREAD = 2**19


def convolve(images: Float[Array, "n h w c"], kernel: Float[Array, "k k c m"]) -> Float[Array, "n h w m"]:
    """Return the convolution of images, with zeros around them, and a kernel of odd size.

        out[n, i, j] = Σ images[n, i + a - k // 2, j + b - k // 2] kernel[a, b]

    XLA on CPU hands a convolution to its library if images are (n, h, w, c) and kernels (h, w, in, out). It brings
    other layouts into this form, but not within a loop, such as the loop over the layers of a stack: there the
    convolutions that JAX derives for a gradient take twenty times as long. The tangents here are written so that their
    transposes are convolutions in this form, or matrix products.

    Arguments:
        images: shape (n, height, width, channels).
        kernel: shape (k, k, channels, channels of the result), k odd.
    """
    return _times(images, kernel[0, 0]) if kernel.shape[0] == 1 else _convolve(images, kernel)


def _times(images: Array, matrix: Array) -> Array:
    """Return the product at each pixel as one matrix product: the library takes no gradient summed over more axes."""
    pixels = images.reshape((-1, images.shape[-1]))
    return jnp.matmul(pixels, matrix, precision=precision()).reshape((*images.shape[:-1], -1))


@jax.custom_jvp
def _convolve(images: Array, kernel: Array) -> Array:
    return _conv(images, kernel, ("NHWC", "HWIO", "NHWC"))


@_convolve.defjvp
def _jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    images, kernel = primals
    d_images, d_kernel = tangents
    # The transpose exchanges inputs and outputs of the kernel: from (h, w, out, in) to the layout of the library.
    moved = _conv(d_images, kernel.swapaxes(2, 3), ("NHWC", "HWOI", "NHWC"))
    by_kernel = _of_kernel if jax.default_backend() == "cpu" else _convolve
    return _convolve(images, kernel), moved + by_kernel(images, d_kernel)


def _conv(images: Array, kernel: Array, layout: tuple[str, str, str]) -> Array:
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=layout, precision=precision())


def _of_kernel(images: Array, kernel: Array) -> Array:
    """Return the convolution by one matrix product for all places of the kernel, some images at a time.

    Its transpose, the gradient of a kernel, is one product too, and takes a quarter to a half of the time of a product
    for each place. The images or the result, whichever has fewer channels, are copied for each place, since the copies
    take k² times as much memory.
    """
    size, _, channels, out = kernel.shape
    count, height, width, _ = images.shape
    most = size // 2
    shifts = [(i, j) for i in range(size) for j in range(size)]

    def of_images(some: Array) -> Array:
        wide = jnp.pad(some, ((0, 0), (most, most), (most, most), (0, 0)))
        places = jnp.concatenate([wide[:, i : i + height, j : j + width] for i, j in shifts], -1)
        return _times(places, kernel.reshape((-1, out)))

    def of_result(some: Array) -> Array:
        places = jnp.split(_times(some, jnp.moveaxis(kernel, 2, 0).reshape((channels, -1))), size**2, axis=-1)
        # One cut and a padding for each place: the transpose then has one padding and a cut for each place, and is
        # faster.
        wide = [
            jnp.pad(place, ((0, 0), (2 * most - i, i), (2 * most - j, j), (0, 0)))
            for place, (i, j) in zip(places, shifts, strict=True)
        ]
        return sum(wide[1:], start=wide[0])[:, most : most + height, most : most + width]

    each = height * width * size**2 * min(channels, out)
    part = max(k for k in range(1, count + 1) if count % k == 0 and (k == 1 or k * each <= SPREAD))
    # The checkpoint keeps only the images for the gradient.
    one = jax.checkpoint(of_images if channels < out else of_result)
    moved = jax.lax.map(one, images.reshape((count // part, part, height, width, channels)))
    return moved.reshape((count, height, width, out))
