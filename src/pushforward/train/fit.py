"""Fit a flow to data."""

import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from .._errors import bad, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from ..networks.weights import redraw
from ..parallel.mesh import sharing
from ..parallel.share import least_rows
from .defaults import Length, defaults_for
from .gaussians import add_gaussians, choose_gaussians, equal_mixture
from .loop.fingerprint import digest_rows, digest_start, tree_digest
from .loop.minimize import Problem
from .loop.result import FitResult
from .loop.schedule import Schedule
from .members import count_members, explain_member, mean_validation, set_members, stack, unstack
from .objectives.data._base import AbstractDataObjective, BatchLoss
from .objectives.data.evaluate import check_support, evaluator, validation
from .objectives.data.maximum_likelihood import Augment, MaximumLikelihood, Noise, choose_objective
from .optimization import Optimization, choose_optimization
from .rows.checks import check_columns, check_groups, check_table, warn_constant_conditions
from .rows.rows import shuffled
from .rows.split import group_copies, split_for_members
from .session import Plan, session


def fit(
    key: Key,
    flow: AbstractDistribution,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    members: int | None = None,
    gaussians: bool | None = None,
    objective: AbstractDataObjective | None = None,
    noise: Noise = None,
    augment: Augment | None = None,
    drop_condition: float | int = 0,
    optimization: Optimization | None = None,
    learning_rate: float | int | Schedule | None = None,
    optimizer: optax.GradientTransformation | None = None,
    decay: float | int | None = None,
    sparsity: float | int = 0,
    clip_norm: float | int | None = 5.0,
    max_skipped: int = 20,
    average: float | int | None = None,
    batch_size: int | None = None,
    max_epochs: int | None = None,
    patience: int = 20,
    val_fraction: float | int = 0.1,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[Any]:
    """Fit a flow to data by maximum likelihood and return it with the record of the fit.

        minimize Σ_i w_i (-log p(x_i | c_i)) / Σ_i w_i   over the trainable arrays of `flow`

    First, `fit` sets the bijections of the flow that hold location, scale, correlations and heavy tails of the data
    (`Standardize`, `Whiten`, `TukeyH`, `StandardizeCondition`, `Regress`; the flows of `pushforward.flows` have them)
    in closed form, unless they are set already, and each `ActNorm` from a batch of the data
    (`pushforward.train.initialize`). The same arguments give the same result, bit for bit, on the same machine with the
    same number of devices. Devices share the batches if each receives at least 128 rows (4096 if it is not a CPU; 16
    events of several axes) and `flow` is not committed to one device.

    Images, and other whole numbers, have no density: with `noise="uniform"` a flow learns the density of x + u, u
    uniform in [0, 1), and the mean log-density of x + u is a lower bound of the mean log-probability of x. If the noise
    comes from a distribution q(u | x) trained with the flow, the bound is tighter: E[log p(x + u) - log q(u | x)].

    Arguments: Start
        key: random key: decides the validation rows and the order of the others.
        flow: the initial flow; it is not changed.

    Arguments: Data
        x: shape (rows, *flow.shape), any real dtype; NumPy memory maps are read in pieces. Taken as float32, or as
            float64 if it is float64 and 64-bit JAX is enabled. Also a data frame of pandas, Polars or PyArrow, a
            `pushforward.data.Table` or a structured array: errors then name its columns.
        condition: shape (rows, *flow.cond_shape), of the same types as x, for a conditional flow.
        weights: shape (rows,), non-negative, of any scale; rows of weight zero are left out.
        groups: shape (rows,), a label of any kind for each row, such as a patient or a day. All rows of a group are
            on the same side of the validation split. So are all copies of a row, unless there is `noise`.
        val_fraction: share of the rows kept for validation, from 0 (the fit never stops early) to below 1.
        members: number of flows to fit, side by side in one program; the result is their equal mixture, a
            `pushforward.distributions.Mixture`. The networks of each start from weights of their own, and each keeps
            validation rows of its own, so that all rows teach. They stop at the epoch of the best mean validation loss.
            None: three for a new flow of vectors that has networks, fewer if they would have more than two million
            parameters, and one otherwise.
        gaussians: whether to put a mixture of Gaussians, of which BIC chooses the number, beside the flow, with the
            weight that the validation rows give it; the result is then a mixture of both, if that is better on these
            rows. None: if the events are vectors without bounds or noise, and the flow is new.

    Arguments: Objective
        objective: an objective of `pushforward.train`; None for `MaximumLikelihood(noise, augment, drop_condition)`.
        noise: the noise u added to x at each use: "uniform" for whole numbers; a number, the standard deviation of
            normal noise; or a distribution of u in (0, 1), of the event's shape and conditioned on the event, which is
            trained with the flow and returned as `dequantizer`. The flow then learns the density of x + u.
        augment: a random change of an event before each use for training, (key, event) -> event, such as
            `pushforward.train.RandomFlip()` or `RandomShift(pixels)`; functions of one module compare equal.
        drop_condition: probability with which the condition of a row is replaced by zeros in training, from 0 to below
            1; `pushforward.adapt.guide` needs a flow trained so.

    Arguments: Optimization
        optimization: the next seven arguments as one object.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `max_epochs`, or a schedule, a function
            of the step. If None, 5e-3, or 1e-3 for events of several axes. Must be None with an `optimizer`, which has
            its own learning rate.
        optimizer: any optax optimizer, in place of Adam.
        decay: weight decay: each step scales the weights of the networks by 1 - learning rate * decay; 0 for none.
            If None, 0.1, or none for events of several axes.
        sparsity: each step moves the weights of perceptrons towards zero, by up to learning rate * sparsity those of
            inputs, and less those between layers, so that weights of no use become zero, such as those of irrelevant
            columns. 0.05 to 1 for few rows of many columns; sharp dependences need large weights, and suffer.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.
        average: decay of an exponential moving average of the parameters, such as 0.999. The average is validated and
            returned in place of the parameters; 0 for no average. If None, 0.99, or none for events of several axes.

    Arguments: Length
        batch_size: the most rows of one step; None: 512, or 64 events of several axes. Every row is used in every
            epoch.
        max_epochs: the most passes over the rows; None: about 1500 steps, at least 5 passes and at most 400.
        patience: number of epochs without a better validation loss after which the fit stops.

    Arguments: Files
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after each epoch. The same call again resumes from that state
            and gives the result of an uninterrupted fit, bit for bit; after a finished fit it returns at once.

    Raises:
        ValueError: if an argument is not as stated; if cells are not finite, or masked; if columns are constant or
            linearly dependent; if rows lie outside the support of the flow; if `checkpoint` is of another fit.
        NonFiniteError: if more than `max_skipped` steps in a row are not finite. It names the part of the
            flow at fault and carries the best finite parameters.
    """
    started = time.monotonic()
    require_key(key)
    if not isinstance(flow, AbstractDistribution):
        raise bad("flow", "a distribution, such as pf.flows.nsf(key, dim)", f"`{type(flow).__name__}`")
    optimization = choose_optimization(
        optimization,
        Optimization(),
        learning_rate=learning_rate,
        optimizer=optimizer,
        decay=decay,
        sparsity=sparsity,
        clip_norm=clip_norm,
        max_skipped=max_skipped,
        average=average,
    )
    objective = choose_objective(objective, MaximumLikelihood(noise, augment, drop_condition))
    defaults = defaults_for(flow.shape)
    length = Length(defaults.batch_size if batch_size is None else batch_size, max_epochs, patience, val_fraction)
    seed = np.asarray(jax.random.key_data(key))
    table, used = check_table(flow, x, condition, weights)
    labels = None if groups is None else check_groups(groups, len(table.x))
    objective.check(flow, table)
    count = count_members(members, defaults.members, flow, objective)
    beside = choose_gaussians(gaussians, flow, objective)
    if objective.noisy and table.x.dtype == np.uint8:
        table = replace(table, as_bytes=True)
    together = None if labels is None else labels[used]
    if val_fraction > 0 and not objective.noisy:
        together = group_copies(table, used, together)
    splits = split_for_members(table, used, val_fraction, seed, together, count)
    train = splits[0][0] if count == 1 else used
    of_x, of_condition = table.moments(train)
    if not objective.noisy:
        check_columns(table, train, of_x)
    warn_constant_conditions(table, of_condition)

    per_epoch = length.steps_per_epoch(len(train))
    epochs = length.epochs(len(train), defaults)
    devices = sharing(math.ceil(len(train) / per_epoch), least_rows(defaults.kind), objective.prepare(flow)[0])
    bits = math.prod(flow.shape) if len(flow.shape) > 1 and objective.noisy else None
    several = count if count > 1 else None
    steps = epochs * per_epoch
    plan = Plan(
        defaults.learning_rate, steps, epochs, patience, devices, bits, several, defaults.decay, defaults.average
    )

    def identity() -> dict[str, str]:
        of_groups = {"groups": None if labels is None else tree_digest(labels)}
        given = {
            **asdict(replace(length, max_epochs=epochs)),
            **of_groups,
            **objective.settings,
            "members": several,
            "gaussians": beside or None,
        }
        return {**digest_rows(table), **digest_start(seed, flow, given)}

    with session(optimization, plan, identity, checkpoint=checkpoint, progress=progress, started=started) as run:
        starts = [flow, *(redraw(seed, i, flow) for i in range(1, count))]
        models, trained = [], objective
        for start in set_members(starts, objective, table, [own for own, _ in splits], seed, (of_x, of_condition)):
            model, trained = objective.prepare(start)
            models.append(model)
        vals = [val for _, val in splits]
        evaluate = evaluator(trained, table, len(train), len(vals[0]))
        if several is None:
            batches = shuffled(table, train, length.batch_size, seed, devices)
            problem = Problem(BatchLoss(trained), batches, validation(evaluate, table, vals[0]), trained.explain)
            model = models[0]
        else:
            batches = shuffled(table, used, length.batch_size, seed, devices, [own for own, _ in splits])
            validate, explain = mean_validation(evaluate, table, vals), explain_member(trained, count)
            problem, model = Problem(BatchLoss(trained), batches, validate, explain), stack(models)

        def finish(model: Any) -> tuple[Any, AbstractDistribution | None]:
            flow, dequantizer = (model, None) if several else trained.finish(model)
            flows = unstack(flow, count) if several else [flow]
            if beside:
                return add_gaussians(flows, table, used, splits, evaluate, seed), dequantizer
            return equal_mixture(flows, table), dequantizer

        if run.is_new:
            with run.compiling(key, model, problem):
                for each in models:
                    check_support(trained, evaluate, each, table, used)
        return run.minimize(key, model, problem, finish)
