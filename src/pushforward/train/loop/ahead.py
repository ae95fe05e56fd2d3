"""Compilation of the training steps while the host does something else."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import NamedSharding
from jaxtyping import PyTree

from ..._fields import trainable
from ..._types import Key
from ...numerics.keys import fold_in
from ...parallel.compile import prepare
from ...parallel.mesh import AXIS, Spec, mesh
from .minimize import Problem, Settings
from .steps import State, StepInputs, start_state, take_steps


@contextmanager
def compiling(key: Key, model: Any, problem: Problem, settings: Settings) -> Iterator[None]:
    """Compile the first steps of `minimize` in a thread, as long as the context is open.

    XLA compiles outside the lock of the interpreter and on one core mostly, so that another one can compile, or
    evaluate, something else. Arguments are as in `minimize`.
    """

    def work() -> None:
        try:
            prepare(take_steps, *_first(key, model, problem, settings))
        except Exception:
            # The first step meets the same error, and says it.
            return

    if any(leaf.committed for leaf in jax.tree.leaves(model) if isinstance(leaf, jax.Array)):
        # The user has chosen the device, which shapes do not tell.
        yield
        return
    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _first(key: Key, model: Any, problem: Problem, settings: Settings) -> tuple[StepInputs, State]:
    """Return the arguments of the first steps, as shapes."""
    devices = settings.devices
    params, frozen = eqx.partition(model, trainable(model))
    state = jax.eval_shape(
        lambda p: start_state(p, settings.optimizer, settings.average is not None, settings.members), params
    )
    chunk = next(iter(problem.chunks(0, problem.memory)))
    steps = np.arange(len(chunk.rows))
    # Arrays stand for others of their shape: the schedule need not be computed.
    rates = jax.device_put(np.zeros(steps.shape, np.float32))
    decays = None if settings.average is None else rates
    fixed = (problem.loss, settings.optimizer, settings.max_skipped, devices, settings.members)
    inputs = StepInputs(frozen, chunk.batches, rates, fold_in(key, steps), *fixed, decays)
    placed = _shapes(frozen, devices, Spec()), _shapes(chunk.batches, devices, Spec(None, AXIS))
    return eqx.tree_at(lambda i: (i.frozen, i.batches), inputs, placed), _shapes(state, devices, Spec())


def _shapes(tree: PyTree, devices: int, spec: Spec) -> PyTree:
    """Return a tree with shapes in place of its arrays, on so many devices."""
    sharding = None if devices == 1 else NamedSharding(mesh(devices), spec)

    def shape(a: Any) -> Any:
        if not isinstance(a, jax.Array | np.ndarray | jax.ShapeDtypeStruct):
            return a
        weak = bool(getattr(a, "weak_type", False))
        return jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding, weak_type=weak)

    return jax.tree.map(shape, tree)
