"""pushforward: its ready-made flows, trained by the loop of `pf.fit`, which scans over batches on the device.

The splines are alone (`affine=False`), as in the other libraries; "default" is the flow that a user gets.
"""

import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from pushforward._fields import trainable
from pushforward.numerics.moments import moments
from pushforward.parallel.mesh import AXIS, gather, place, sharing
from pushforward.parallel.mesh import Spec as Cut
from pushforward.parallel.share import least_rows
from pushforward.train import MaximumLikelihood
from pushforward.train.loop.steps import State, StepInputs, adam, copy_arrays, take_steps
from pushforward.train.objectives.data._base import BatchLoss
from pushforward.train.rows.batch import Batch
from pushforward.train.rows.rows import Rows
from pushforward.train.start.standardize import standardize

from ..spec import Spec
from ._jax import count

# As the page on speed advises: a device per core, among which large batches are shared.
jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))

#: Of rows, without noise.
LOSS = BatchLoss(MaximumLikelihood())


def _flow(spec: Spec) -> pf.Pushforward:
    key = jax.random.key(spec.seed)
    common = {"cond_dim": spec.condition, "layers": spec.layers, "hidden": spec.hidden}
    splines = {"bins": spec.bins, "bound": spec.bound}
    match spec.architecture:
        case "default":
            return pf.flows.nsf(key, spec.dim, **common, **splines)
        case "nsf":
            return pf.flows.nsf(key, spec.dim, **common, **splines, affine=False)
        case "coupling":
            return pf.flows.nsf(key, spec.dim, **common, **splines, affine=False, wiring="coupling")
        case "maf":
            return pf.flows.maf(key, spec.dim, **common)
        case "real_nvp":
            return pf.flows.real_nvp(key, spec.dim, **common)
    raise ValueError(spec.architecture)


def _perturbed(flow: pf.Pushforward, key: Any) -> pf.Pushforward:
    params, frozen = eqx.partition(flow, trainable(flow))
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    moved = [
        leaf + 0.1 * jax.random.normal(k, leaf.shape) / np.sqrt(leaf.shape[-1])
        for k, leaf in zip(keys, leaves, strict=True)
    ]
    return eqx.combine(jax.tree.unflatten(structure, moved), frozen)


class _Trained:
    """A flow and the state of `pf.fit`."""

    def __init__(self, spec: Spec):
        self._spec, self._taken = spec, 0
        self._key = jax.random.key(spec.seed)
        self._optimizer, self._devices = adam(5.0), sharing(spec.batch, least_rows("vectors"))
        self._flow: pf.Pushforward | None = None
        flow = _flow(spec)
        self._begin(_perturbed(flow, self._key) if spec.perturbed else flow)

    def _begin(self, flow: pf.Pushforward) -> None:
        params, self._frozen = eqx.partition(flow, trainable(flow))
        state = copy_arrays(State(params, self._optimizer.init(params), jnp.zeros((), jnp.int32)))
        self._state = place(state, self._devices, Cut())
        self._flow = flow
        self.parameters = count(params)

    def see(self, x: np.ndarray) -> None:
        """Whiten as `pf.fit` does, if the flow is the default one; the others are as the peers' are."""
        if self._spec.architecture != "default":
            return
        rows = np.arange(len(x))
        of_x = moments([(x.astype(np.float64), np.ones(len(x)))])
        self._begin(standardize(self._current(), Rows(x, None, None), rows, of_x, None))

    def place(self, x: np.ndarray, condition: np.ndarray | None) -> Batch:
        batches = Batch(np.full(x.shape[:2], 1 / x.shape[1], np.float32), x, condition)
        return jax.tree.map(jnp.asarray, place(batches, self._devices, Cut(None, AXIS)))

    def train(self, placed: Batch) -> float:
        steps = len(placed.x)
        rates = jnp.asarray(self._spec.rates(self._taken, steps))
        self._key, key = jax.random.split(self._key)
        keys = jax.random.split(key, steps)
        inputs = StepInputs(self._frozen, placed, rates, keys, LOSS, self._optimizer, 20, self._devices)
        self._state, losses, _ = take_steps(inputs, self._state)
        self._taken += steps
        self._flow = None
        return float(jax.block_until_ready((losses, self._state))[0][-1])

    def array(self, a: np.ndarray | None) -> Any:
        return None if a is None else jnp.asarray(a)

    def _current(self) -> pf.Pushforward:
        # As `pf.fit` returns it: once, not in every call.
        flow = self._flow
        if flow is None:
            flow = self._flow = eqx.combine(gather(self._state.params, self._devices), self._frozen)
        return flow

    def log_prob(self, x: Any, condition: Any) -> Any:
        return self._current().log_prob(x, condition).block_until_ready()

    def sample(self, n: int, condition: Any) -> Any:
        self._key, key = jax.random.split(self._key)
        return self._current().sample(key, (n,) if condition is None else (), condition).block_until_ready()


def build(spec: Spec, compiled: bool) -> _Trained:
    return _Trained(spec)
