"""Degrees and masks of masked autoregressive networks."""

import numpy as np
from numpy.typing import NDArray


def hidden_degrees(width: int, dim: int, lowest: int) -> NDArray[np.int64]:
    """Return the sorted degrees of `width` hidden units; a unit of degree g sees the first g elements.

    Degrees run over lowest, ..., dim - 1, in contiguous blocks that differ in size by at most one. With
    fewer units than degrees, they are spread evenly from the lowest to the largest degree: without the lowest the
    first parameters would not see the condition, and without the largest no unit would see the last elements.

    Arguments:
        width: number of units.
        dim: number of elements.
        lowest: 1, or 0 if there should be units that see the condition only.
    """
    lowest = min(lowest, dim - 1)
    count = dim - lowest
    if width >= count:
        return lowest + (np.arange(width) * count) // width
    if width == 1:
        return np.array([dim - 1])
    return lowest + np.rint(np.linspace(0, count - 1, width)).astype(np.int64)


def input_mask(degrees: NDArray[np.int64], dim: int) -> NDArray[np.bool_]:
    """Return the mask (units, dim): a unit of degree g sees elements 0, ..., g - 1."""
    return np.arange(dim)[None, :] < degrees[:, None]


def hidden_mask(degrees_out: NDArray[np.int64], degrees_in: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the mask (units out, units in): a unit sees units of its own degree or a lower one."""
    return degrees_in[None, :] <= degrees_out[:, None]


def output_mask(dim: int, num_params: int, degrees: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the mask (num_params * dim, units): the parameters of element i see units of degree <= i."""
    return np.tile(degrees[None, :] <= np.arange(dim)[:, None], (num_params, 1))


def window_starts(degrees: NDArray[np.int64], dim: int, span: int = 1) -> tuple[NDArray[np.int64], int]:
    """Return the first unit of each `span` of the degrees 0, ..., dim - 1, and the largest number of units in a span.

    A window of this size from a start covers the units of the span; starts are moved down so that the
    window ends within the layer.
    """
    starts = np.searchsorted(degrees, np.arange(0, dim, span))
    size = int(np.diff(starts, append=len(degrees)).max())
    return np.minimum(starts, len(degrees) - size), size
