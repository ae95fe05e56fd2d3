"""Fit a flow to a density that is known up to a constant."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from .._errors import bad, require, require_count, require_key
from .._types import Key
from ..distributions._base import AbstractDistribution
from ..distributions.pushforward import Pushforward
from ..parallel.mesh import sharing
from ..parallel.share import least_rows
from .defaults import DENSITY_LEARNING_RATE
from .loop.fingerprint import digest_density, digest_start
from .loop.minimize import Problem
from .loop.result import FitResult
from .loop.schedule import Schedule
from .objectives.density._base import AbstractDensityObjective, AbstractReplayObjective
from .objectives.density.problem import DensityLoss, draw_batches, powers_of_steps, renew_memory
from .objectives.density.reverse_kl import ReverseKL
from .objectives.density.target import check_end, check_start, checked_log_density, explain_target
from .optimization import Optimization, choose_optimization
from .session import Plan, session
from .start.locate import locate

#: Numbers folded into the key for draws outside the steps; step numbers are smaller.
LOOK = 2**31


def fit_density(
    key: Key,
    flow: Pushforward,
    log_density: Callable[[Any], Any],
    *,
    objective: AbstractDensityObjective | None = None,
    steps: int = 2000,
    batch_size: int = 512,
    annealing: float | int | None = None,
    optimization: Optimization | None = None,
    learning_rate: float | int | Schedule | None = None,
    optimizer: optax.GradientTransformation | None = None,
    clip_norm: float | int | None = 5.0,
    max_skipped: int = 20,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[Pushforward]:
    """Fit a flow q to a density p known up to a constant factor, and return it with the record of the fit.

        minimize KL(q | p) = E_q[log q(x) - log p(x)],   or another `objective`

    First, `fit_density` sets the bijections of the flow that hold location, scale and correlations (`Standardize`,
    `Whiten`; the flows of `pushforward.flows` have them) from the modes of the density and the curvature there, unless
    they are set already. A flow that ends with a support (`pf.adapt.constrain`) is fitted in the unconstrained space
    in front of it. Coupling flows (`pf.flows.nsf(..., wiring="coupling")`, `real_nvp`) sample fastest and suit this
    best. The fit does not tell how good it is: call `pf.evaluate.importance`.

    Arguments: Start
        key: random key: decides the starts of the search for modes, and the draws.
        flow: the initial flow, unconditional; it is not changed.
        log_density: a function of one event, an array of `flow.shape`, that returns log p, a number, up to a constant;
            made of JAX operations. -inf stands for density zero. Its result is cast to the precision of the flow.

    Arguments: Objective
        objective: `ReverseKL` (None), `ForwardKL`, `AlphaDivergence`, or `FAB` for many modes; all of `pf.train`.
        annealing: the share of the steps, from 0 to 1, in which p^b takes the place of p, b rising from 0.01 to 1;
            None: 0.5 for `FAB`, which learns all modes while it can still carry events between them, else 0. The flow
            finds modes that lie far apart more easily in this flatter density.

    Arguments: Optimization
        optimization: the next four arguments, and `average`, as one object.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `steps` (2e-3 if None), or a schedule,
            a function of the step. Must be None with an `optimizer`, which has its own learning rate.
        optimizer: any optax optimizer, in place of Adam.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.

    Arguments: Length
        steps: number of optimizer steps.
        batch_size: draws per step; the gradient of a large batch is accumulated in pieces of bounded memory.

    Arguments: Files
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after every 50 steps (`FAB`: 10). The same call again resumes
            from that state and gives the result of an uninterrupted fit, bit for bit; after a finished fit it returns
            at once.

    Returns:
        `history["train"]` is the mean loss over the steps of each epoch, in nats; for the reverse KL this is the
        negative evidence lower bound, KL(q | p) - log Z.

    Raises:
        ValueError: if an argument is not as stated; if the log-density is NaN or +inf, or zero where the flow has
            mass, at draws of the initial flow; if it is finite nowhere; if `checkpoint` is of another fit.
        NonFiniteError: if more than `max_skipped` steps in a row are not finite, or the log-density is NaN or +inf at
            draws of the fitted flow. It names the non-finite values and their place, and carries the best finite
            parameters.

    Reference:
        "Variational Inference with Normalizing Flows", Rezende, Mohamed, 2015; "Disentangling impact of capacity,
        objective, batchsize, estimators, and step-size on flow VI", Agrawal, Domke, 2024.
    """
    started = time.monotonic()
    require_key(key)
    if not isinstance(flow, Pushforward):
        raise bad("flow", "a Pushforward, such as pf.flows.nsf(key, dim)", f"`{type(flow).__name__}`")
    if flow.cond_shape is not None:
        raise bad("flow", "unconditional", f"`a flow conditioned on shape {flow.cond_shape}`")
    objective = ReverseKL() if objective is None else objective
    if not isinstance(objective, AbstractDensityObjective):
        raise bad("objective", "an objective of pf.train, such as pf.train.ReverseKL()", objective)
    optimization = choose_optimization(
        optimization,
        Optimization(),
        learning_rate=learning_rate,
        optimizer=optimizer,
        clip_norm=clip_norm,
        max_skipped=max_skipped,
    )
    for name, value in {"steps": steps, "batch_size": batch_size}.items():
        require_count(name, value)
    annealing = objective.annealing if annealing is None else annealing
    require(0 <= annealing <= 1, "annealing", "from 0 to 1", annealing)
    dtype = _dtype(flow)
    log_density = checked_log_density(log_density, flow.shape, dtype)
    seed = np.asarray(jax.random.key_data(key))
    devices = sharing(batch_size, least_rows("density"), flow) if objective.shared else 1
    plan = Plan(DENSITY_LEARNING_RATE, steps, math.ceil(steps / objective.epoch), steps, devices)

    def identity() -> dict[str, str]:
        given = {"objective": objective, "steps": steps, "batch_size": batch_size, "annealing": annealing}
        return {**digest_density(log_density, flow.shape), **digest_start(seed, flow, given)}

    with session(optimization, plan, identity, checkpoint=checkpoint, progress=progress, started=started) as run:
        model = locate(log_density, flow, seed.ravel().tolist())
        # The loop derives the keys of the steps from `key` itself.
        at_start, renewing = jax.random.split(jax.random.fold_in(key, LOOK))
        check_start(model, log_density, at_start, zeros=objective.zeros)
        powers = powers_of_steps(steps, annealing, dtype)
        problem = Problem(
            DensityLoss(objective, log_density),
            draw_batches(objective, powers, batch_size, devices, seed),
            None,
            lambda flow, batch, rows: explain_target(flow, log_density, at_start),
        )
        if isinstance(objective, AbstractReplayObjective):
            renew = renew_memory(objective, log_density, powers, renewing)
            problem = replace(problem, memory=objective.start(flow.shape, dtype), renew=renew)
        result = run.minimize(key, model, problem)
        check_end(result, log_density, at_start, steps)
        return result


def _dtype(flow: AbstractDistribution) -> Any:
    dtypes = [leaf.dtype for leaf in jax.tree.leaves(flow) if eqx.is_inexact_array(leaf)]
    return jnp.result_type(*dtypes) if dtypes else jnp.result_type(float)
