"""The devices of JAX that share a batch."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec
from jaxtyping import PyTree

T = TypeVar("T")

#: Name of the axis of devices, in collective operations.
AXIS = "devices"


def sharing(rows: int, least: int, *args: PyTree) -> int:
    """Return how many devices share `rows` rows, so that each receives at least `least` rows.

    It is one if the user has put an array of `args` on a device.
    """
    if any(leaf.committed for leaf in jax.tree.leaves(args) if isinstance(leaf, jax.Array)):
        return 1
    return max(1, min(jax.local_device_count(), rows // least))


@lru_cache
def mesh(devices: int) -> Mesh:
    """Return a mesh of the first `devices` devices along one axis."""
    return Mesh(np.array(jax.local_devices()[:devices]), AXIS)


def shared(f: Callable[..., Any], devices: int, in_specs: Any, out_specs: Any) -> Callable[..., Any]:
    """Return f run on each device, with the device's part of every argument that `in_specs` cuts."""
    # `check_vma` would check that uncut arrays are equal on all devices, but does not support custom derivatives.
    return jax.shard_map(f, mesh=mesh(devices), in_specs=in_specs, out_specs=out_specs, check_vma=False)


def place(tree: T, devices: int, spec: Spec) -> T:
    """Return the tree with its arrays placed by `spec` on the first `devices` devices; unchanged with one device."""
    return tree if devices == 1 else jax.device_put(tree, NamedSharding(mesh(devices), spec))


def gather(tree: T, devices: int) -> T:
    """Return the tree with its arrays copied to JAX's default device; unchanged with one device."""
    # Copied through the host, since a direct transfer would commit the arrays to a device.
    return tree if devices == 1 else jax.tree.map(lambda a: jax.device_put(np.array(a)), tree)
