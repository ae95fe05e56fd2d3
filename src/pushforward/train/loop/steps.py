"""Many steps of an optimizer in one program on the device."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from ..._types import Key, Scalar
from ...networks.weights import of_networks, thresholds
from ...numerics.products import precision
from ...parallel.compile import compiled
from ...parallel.members import for_each
from ...parallel.mesh import AXIS, Spec, shared
from ..rows.batch import Batch

#: (model, batch, key) -> scalar.
Loss: TypeAlias = Callable[[Any, Batch, Key], Scalar]


@final
class State(eqx.Module):
    """The state of the loop on the device: each step passes it to the next, and a checkpoint stores it.

    Attributes:
        params: the trained arrays of the flow.
        opt_state: the state of the optimizer.
        streak: number of steps skipped in a row so far, of each member if there are members.
        average: the moving average of `params`, or None.
    """

    params: PyTree
    opt_state: PyTree
    streak: Int[Array, "..."]
    average: PyTree = None

    @property
    def result(self) -> PyTree:
        """The arrays to evaluate and to return."""
        return self.params if self.average is None else self.average


@final
class StepInputs(eqx.Module):
    """Some steps to take, one per batch.

    Attributes:
        frozen: the flow without its trained arrays.
        batches: the batches, stacked along their first axis.
        rates: learning rate of each step.
        keys: random key of each step.
        decays: decay of the moving average at each step, or None.
        loss: see `Problem`.
        optimizer, max_skipped, devices, members: see `Settings`.
    """

    frozen: PyTree
    batches: Batch
    rates: Array
    keys: Array
    loss: Loss = eqx.field(static=True)
    optimizer: optax.GradientTransformation = eqx.field(static=True)
    max_skipped: int = eqx.field(static=True)
    devices: int = eqx.field(static=True, default=1)
    members: int | None = eqx.field(static=True, default=None)
    decays: Array | None = None


@jax.jit
def copy_arrays(tree: PyTree) -> PyTree:
    """Return copies of the arrays, which can be donated; none is weakly typed, since JAX would then compile twice."""
    return jax.tree.map(lambda a: jnp.array(a, dtype=jnp.result_type(a), copy=True), tree)


@partial(jax.jit, static_argnames=("optimizer", "averaged", "members"))
def start_state(
    params: PyTree, optimizer: optax.GradientTransformation, averaged: bool, members: int | None = None
) -> State:
    """Return the state before the first step, of arrays of its own, which can be donated."""
    initial = optimizer.init if members is None else jax.vmap(optimizer.init)
    streak = jnp.zeros(() if members is None else (members,), jnp.int32)
    return copy_arrays(State(params, initial(params), streak, params if averaged else None))


@final
class FiniteAdam(optax.GradientTransformationExtraArgs):
    """Adam. Its updates, before the learning rate, are finite if the squares of the gradients are finite."""


@lru_cache
def adam(clip_norm: float | int | None, decay: float | int = 0.0, sparsity: float | int = 0.0) -> FiniteAdam:
    """Return Adam of unit learning rate; one object per setting, so that repeated fits share a compilation.

    Arguments:
        clip_norm: largest global norm of a gradient, or None.
        decay: of the weights of networks, decoupled from the gradients.
        sparsity: of the weights of dense layers, decoupled from the gradients.

    Reference:
        "Adam: A Method for Stochastic Optimization", Kingma, Ba, 2015; "Decoupled Weight Decay Regularization",
        Loshchilov, Hutter, 2019.
    """
    unit = optax.adamw(1.0, weight_decay=decay, mask=of_networks) if decay else optax.adam(1.0)
    if sparsity:
        unit = optax.chain(unit, _sparse(sparsity))
    return FiniteAdam(*clipped(unit, clip_norm))


def _sparse(sparsity: float | int) -> optax.GradientTransformationExtraArgs:
    """Return a change of updates u, of learning rate r, that moves weights w towards zero, and leaves those there that
    would pass it: w + r u becomes sign(w + r u) max(|w + r u| - r t, 0), t the sparsity that is asked of w.

    Reference:
        "Efficient Online and Batch Learning Using Forward Backward Splitting", Duchi, Singer, 2009.
    """

    def shrink(updates: PyTree, params: PyTree, *, rate: Array, **_: Any) -> PyTree:
        def one(threshold: float, u: Array, w: Array) -> Array:
            if not threshold:
                return u
            # u - clip(w / r + u), without the quotient, which is infinite at the end of a schedule.
            r, t = rate.astype(w.dtype), threshold * sparsity
            new = w + r * u
            return jnp.where(jnp.abs(new) <= r * t, -w / jnp.where(r > 0, r, 1), u - t * jnp.sign(new))

        return jax.tree.map(one, thresholds(params), updates, params)

    def update(updates: PyTree, state: Any, params: PyTree = None, **extra: Any) -> tuple[PyTree, Any]:
        return shrink(updates, params, **extra), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def clipped(optimizer: optax.GradientTransformation, clip_norm: float | int | None) -> optax.GradientTransformation:
    """Return `optimizer` with the global norm of the gradient clipped."""
    if clip_norm is None:
        return optimizer

    def clip(grads: PyTree, _: PyTree) -> PyTree:
        factor = clip_norm / jnp.maximum(jnp.sqrt(_square_norm(grads)), clip_norm)
        return jax.tree.map(lambda g: factor.astype(g.dtype) * g, grads)

    return optax.chain(optax.stateless(clip), optimizer)


def _square_norm(tree: PyTree) -> Scalar:
    """Return the sum of squares, as a dot product: on CPU, XLA would write the squares to memory before adding them."""
    squares = [jnp.vdot(a, a, precision=precision()) for a in jax.tree.leaves(tree)]
    return sum(squares, start=jnp.zeros(()))


@partial(compiled, donate="all-except-first")
def take_steps(inputs: StepInputs, state: State) -> tuple[State, Array, Array]:
    """Take one step per batch of a chunk, all on the device.

    Once more than `max_skipped` steps in a row were non-finite, no further step is taken, so that the returned
    parameters are the ones that failed.

    Several members are trained side by side: arrays of the state and of the model have an axis in front, the weights of
    a batch an axis behind, and each member takes a step of its own.

    With several devices, each computes the loss and gradient of a part of the batch. They exchange the sums and all
    take the same step, so that all hold the same state.

    Arguments:
        inputs: the steps to take.
        state: the state before the first step; donated.

    Returns:
        The state; per step, the loss and the number of skips in a row, of each member if there are members.
    """
    arrays, rest = eqx.partition(inputs.frozen, eqx.is_array)
    several = inputs.devices > 1
    update = optax.with_extra_args_support(inputs.optimizer).update

    def steps(
        state: State, arrays: PyTree, batches: Batch, rates: Array, keys: Array, decays: Array | None
    ) -> tuple[State, Array, Array]:
        def step(state: State, of_step: tuple[Any, Array, Key, Array | None]) -> tuple[State, tuple[Array, Array]]:
            batch, rate, key, decay = of_step
            if several:
                key = jax.random.fold_in(key, jax.lax.axis_index(AXIS))
            if inputs.members is None:
                return one_step(state, arrays, batch, rate, key, decay)
            weights, keys = jnp.moveaxis(batch.weight, -1, 0), jax.random.split(key, inputs.members)

            def of_member(state: State, arrays: PyTree, weight: Array, key: Key) -> tuple[State, tuple[Array, Array]]:
                return one_step(state, arrays, replace(batch, weight=weight), rate, key, decay)

            return for_each(of_member, state, arrays, weights, keys)

        def one_step(
            state: State, arrays: PyTree, batch: Batch, rate: Array, key: Key, decay: Array | None
        ) -> tuple[State, tuple[Array, Array]]:
            frozen = eqx.combine(arrays, rest)

            def of_params(params: PyTree) -> Scalar:
                return inputs.loss(eqx.combine(params, frozen), batch, key)

            value, grads = jax.value_and_grad(of_params)(state.params)
            if several:
                value, grads = jax.lax.psum((value, grads), AXIS)
            updates, opt_state = update(grads, state.opt_state, state.params, value=value, rate=rate)
            updates = jax.tree.map(lambda u: rate.astype(u.dtype) * u, updates)
            # Squares, because optimizers square gradients: 1e20 is finite in float32, its square is not.
            seen = grads if isinstance(inputs.optimizer, FiniteAdam) else (grads, updates)
            finite = jnp.isfinite(value) & jnp.isfinite(_square_norm(seen)) & jnp.isfinite(jnp.square(rate))
            halted = state.streak > inputs.max_skipped
            streak = jnp.where(halted, state.streak, jnp.where(finite, 0, state.streak + 1))
            new = (optax.apply_updates(state.params, updates), opt_state)
            kept = (state.params, state.opt_state)
            params, opt_state = jax.tree.map(lambda a, b: jnp.where(finite & ~halted, a, b), new, kept)
            average = state.average
            if decay is not None:
                average = jax.tree.map(lambda a, p: a + (1 - decay).astype(a.dtype) * (p - a), average, params)
            return State(params, opt_state, streak, average), (value, streak)

        state, (losses, streaks) = jax.lax.scan(step, state, (batches, rates, keys, decays))
        return state, losses, streaks

    if several:
        steps = shared(steps, inputs.devices, (Spec(), Spec(), Spec(None, AXIS), Spec(), Spec(), Spec()), Spec())
    return steps(state, arrays, inputs.batches, inputs.rates, inputs.keys, inputs.decays)
