"""The convolution against the compiler's own, with all derivatives, alone and in a loop."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward.numerics.convolution
from pushforward.numerics import convolve


def plain(images: Any, kernel: Any) -> Any:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=layout)


@pytest.mark.parametrize(
    ("size", "channels", "backend"),
    [(1, (2, 3), "cpu"), (3, (2, 3), "cpu"), (3, (3, 2), "cpu"), (5, (3, 2), "cpu"), (3, (3, 2), "gpu")],
)
def test_values_and_derivatives_are_those_of_the_compilers_convolution(
    size: int, channels: tuple[int, int], backend: str, key: jax.Array, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    # Two of the four images at a time.
    monkeypatch.setattr(pushforward.numerics.convolution, "SPREAD", 2 * 3 * 4 * size**2 * min(channels))
    images = jax.random.normal(key, (4, 3, 4, channels[0]))
    kernel = jax.random.normal(key, (size, size, *channels))

    def study(convolution: Any) -> Any:
        modes = [mode(convolution, (0, 1))(images, kernel) for mode in (jax.jacfwd, jax.jacrev)]
        return convolution(images, kernel), modes

    for mine, theirs in zip(
        *(jax.tree.leaves(jax.jit(study, static_argnums=0)(c)) for c in (convolve, plain)), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_no_gradient_in_a_loop_is_a_convolution_that_the_library_does_not_take(key: jax.Array):
    """Within a loop XLA leaves a convolution as it is: the images first, channels last, kernels (h, w, in, out)."""
    kernels = jax.random.normal(key, (2, 3, 3, 4, 4))

    def step(images: Any, kernel: Any) -> tuple[Any, None]:
        return jnp.tanh(convolve(images, kernel)), None

    def through(kernels: Any, images: Any) -> Any:
        return jax.lax.scan(step, images, kernels)[0].sum()

    images = jax.random.normal(key, (2, 3, 4, 4))
    text = str(jax.make_jaxpr(jax.grad(through, (0, 1)))(kernels, images))
    specs = [part.split(")")[0] for part in text.split("dimension_numbers=ConvDimensionNumbers(")[1:]]
    assert specs
    assert set(specs) == {"lhs_spec=(0, 3, 1, 2"}, specs
    numbers = [line for line in text.split("\n") if "rhs_spec" in line]
    assert all("rhs_spec=(3, 2, 0, 1)" in line and "out_spec=(0, 3, 1, 2)" in line for line in numbers)
