"""The devices of JAX, among which a batch is shared."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec
from jaxtyping import PyTree

T = TypeVar("T")

#: Name of the axis of devices, in collective operations.
AXIS = "devices"


def sharing(rows: int, least: int, *args: PyTree) -> int:
    """Return how many devices share `rows` rows: each receives `least` rows at least.

    One if an array of `args` has been put on a device on purpose: that is left to who did it.
    """
    if any(leaf.committed for leaf in jax.tree.leaves(args) if isinstance(leaf, jax.Array)):
        return 1
    return max(1, min(jax.local_device_count(), rows // least))


@lru_cache
def mesh(devices: int) -> Mesh:
    """Return the first of the devices, in a row."""
    return Mesh(np.array(jax.local_devices()[:devices]), AXIS)


def shared(f: Callable[..., Any], devices: int, in_specs: Any, out_specs: Any) -> Callable[..., Any]:
    """Return f, to be run on each of the devices on its part of what a spec says is cut."""
    # The check is that what is not cut is the same everywhere, and does not know of custom derivatives.
    return jax.shard_map(f, mesh=mesh(devices), in_specs=in_specs, out_specs=out_specs, check_vma=False)


def place(tree: T, devices: int, spec: Spec) -> T:
    """Return the arrays of a tree where programs of so many devices read them; with one, as they are."""
    return tree if devices == 1 else jax.device_put(tree, NamedSharding(mesh(devices), spec))


def gather(tree: T, devices: int) -> T:
    """Return copies of the arrays of a tree where any other result would be; with one device, the arrays."""
    # By way of the host, since JAX would keep in mind that the user wanted them on a device.
    return tree if devices == 1 else jax.tree.map(lambda a: jnp.asarray(np.array(a)), tree)
