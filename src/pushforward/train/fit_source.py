"""Learn the distribution of a simulator's parameters from observations."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from .._errors import bad, require, require_key
from .._types import ArrayLike, Key
from ..distributions._base import AbstractDistribution
from ..distributions.normal import StandardNormal
from ..parallel.mesh import sharing
from ..parallel.share import least_rows
from .defaults import SOURCE, Length
from .loop.fingerprint import digest_rows, digest_start
from .loop.minimize import Problem
from .loop.result import FitResult, Flow
from .loop.schedule import Schedule
from .objectives.source.evaluate import JUDGED, JUDGED_PROPOSED, check_start, explain, validation
from .objectives.source.log_marginal import AbstractLogMarginal, LogMeanExp, NegativeLogMarginal, Simulated
from .optimization import Optimization, choose_optimization
from .rows.checks import check_table
from .rows.rows import Rows, shuffled
from .rows.split import split_validation
from .session import Plan, session

#: The most rows kept for validation: each is compared with as many draws.
MOST_VALIDATED = 512
#: Numbers folded into the key for the draws of the validation, and of the first check.
VALIDATION, LOOK = 2**31, 2**31 + 1


def fit_source(
    key: Key,
    source: Flow,
    surrogate: AbstractDistribution | Callable[[Any, Any], Any],
    x: ArrayLike,
    *,
    proposal: AbstractDistribution | None = None,
    estimator: AbstractLogMarginal | None = None,
    optimization: Optimization | None = None,
    learning_rate: float | int | Schedule | None = None,
    optimizer: optax.GradientTransformation | None = None,
    clip_norm: float | int | None = 1.0,
    max_skipped: int = 20,
    batch_size: int = 64,
    max_epochs: int | None = None,
    patience: int = 20,
    val_fraction: float | int = 0.1,
    progress: bool | None = None,
    checkpoint: str | Path | None = None,
) -> FitResult[Flow]:
    """Learn from observations the distribution of the unobserved parameters that generated them.

        maximize Σ_i log p(x_i),   p(x) = ∫ p(x | theta) p(theta) dtheta   over the source p(theta)

    Also called empirical Bayes, deconvolution or unfolding. The likelihood p(x | theta) is a surrogate, that is, a
    conditional flow fitted to simulations, or a function; the fit does not change it. Several sources can explain the
    same observations equally well; the initial source decides which of them the fit finds. Begin with a source fitted
    to the parameters of the simulations: the surrogate is wrong for parameters that were not simulated. Then use the
    learned source as the prior of the posterior of one observation, see `pushforward.evaluate.importance`.

    Arguments: Start
        key: random key: decides the validation rows, the order of the others, and the draws.
        source: p(theta), the initial flow, unconditional; it is not changed.
        surrogate: p(x | theta), a distribution conditioned on `source.shape`, such as a flow fitted by
            `pushforward.fit`; or a function (x, theta) -> log p(x | theta) of one event and one parameter, made of JAX
            operations, up to a term that depends on x alone. It is not differentiated.

    Arguments: Data
        x: the observations, shape (rows, *event shape).
        val_fraction: share of the rows kept for validation, from 0 (the fit never stops early) to below 1, but at most
            512 rows.

    Arguments: Objective
        proposal: q(theta | x), a distribution conditioned on the events, such as a neural posterior estimate. The fit
            weights draws of the proposal instead of draws of the source. If an event says much about its parameters,
            few draws of the source explain it, and ten draws of a proposal are worth thousands of the source.
        estimator: the estimator of log p(x), `pf.train.LogMeanExp` or `pf.train.Debiased`; None: `LogMeanExp(512)`, or
            `LogMeanExp(32)` with a proposal.

    Arguments: Optimization
        optimization: the next four arguments, and `average`, as one object.
        learning_rate: a number, the peak of a warm-up and a cosine decay over `max_epochs` (2e-3 if None), or
            a schedule, a function of the step. Must be None with an `optimizer`, which has its own learning rate.
        optimizer: any optax optimizer, in place of Adam.
        clip_norm: largest global norm of a gradient, beyond which it is scaled down; None for no limit.
        max_skipped: the most steps in a row that may be skipped because the loss or gradient is not finite.

    Arguments: Length
        batch_size: the most rows of one step.
        max_epochs: the most passes over the rows; None: about 1000 steps, at least 3 passes and at most 200.
        patience: number of epochs without a better validation loss after which the fit stops.

    Arguments: Files
        progress: whether to show a progress bar; None: iff standard error is a terminal.
        checkpoint: a directory that receives the state after each epoch. The same call again resumes from that state
            and gives the result of an uninterrupted fit, bit for bit; after a finished fit it returns at once.

    Returns:
        `history` holds estimates of the mean of -log p(x), in nats. `LogMeanExp` estimates "val", with the same draws
        in each epoch, as many as `estimator` makes at most.

    Raises:
        ValueError: if an argument is not as stated; if the likelihood is NaN or +inf, or zero at all draws of the
            initial source; if `checkpoint` is of another fit.
        NonFiniteError: if more than `max_skipped` steps in a row are not finite.

    Reference:
        "Neural Empirical Bayes: Source Distribution Estimation and its Applications to Simulation-Based Inference",
        Vandegar, Kagan, Wehenkel, Louppe, 2021.
    """
    started = time.monotonic()
    require_key(key)
    table, used = _checked(source, surrogate, proposal, x)
    optimization = choose_optimization(
        optimization,
        Optimization(clip_norm=1.0),
        learning_rate=learning_rate,
        optimizer=optimizer,
        clip_norm=clip_norm,
        max_skipped=max_skipped,
    )
    length = Length(batch_size, max_epochs, patience, val_fraction)
    if estimator is None:
        estimator = LogMeanExp() if proposal is None else LogMeanExp(32)
    if not isinstance(estimator, AbstractLogMarginal):
        raise bad("estimator", "an estimator of pf.train, such as pf.train.LogMeanExp()", estimator)
    seed = np.asarray(jax.random.key_data(key))
    train, val = split_validation(table, used, min(val_fraction, MOST_VALIDATED / len(used)), seed)

    model = Simulated(source, surrogate, proposal)
    per_epoch, epochs = length.steps_per_epoch(len(train)), length.epochs(len(train), SOURCE)
    devices = sharing(math.ceil(len(train) / per_epoch), least_rows(SOURCE.kind), model)
    plan = Plan(SOURCE.learning_rate, epochs * per_epoch, epochs, patience, devices)
    judge = LogMeanExp(min(estimator.most_draws, JUDGED if proposal is None else JUDGED_PROPOSED))
    at_start = check_start(model, table, train, judge, jax.random.fold_in(key, LOOK))

    def identity() -> dict[str, str]:
        # A function can only be compared by its values.
        given = {"surrogate": at_start[:8].tolist(), "estimator": estimator, "batch_size": batch_size}
        given = {**given, "max_epochs": epochs, "patience": patience, "val_fraction": val_fraction}
        return {**digest_rows(table), **digest_start(seed, (source, proposal), given)}

    with session(optimization, plan, identity, checkpoint=checkpoint, progress=progress, started=started) as run:
        problem = Problem(
            NegativeLogMarginal(estimator),
            shuffled(table, train, batch_size, seed, devices),
            validation(table, val, judge, jax.random.fold_in(key, VALIDATION)),
            explain,
        )
        return run.minimize(key, model, problem, lambda model: (model.source, None))


def _checked(source: Any, surrogate: Any, proposal: Any, x: ArrayLike) -> tuple[Rows, np.ndarray]:
    """Return the observations as a table, and the indices of its rows."""
    if not isinstance(source, AbstractDistribution):
        raise bad("source", "a distribution, such as pf.flows.nsf(key, dim)", f"`{type(source).__name__}`")
    if source.cond_shape is not None:
        raise bad("source", "unconditional", f"`a flow conditioned on shape {source.cond_shape}`")
    shape = np.shape(x)[1:]
    if isinstance(surrogate, AbstractDistribution):
        rule = f"conditioned on theta, of the shape of the source, {source.shape}"
        require(surrogate.cond_shape == source.shape, "surrogate", rule, f"`cond_shape {surrogate.cond_shape}`")
        shape = surrogate.shape
    else:
        require(callable(surrogate), "surrogate", "a conditional distribution or a function of x and theta", surrogate)
    # Only the shape of the events counts here.
    table, used = check_table(StandardNormal(shape), x, None, None)
    if proposal is not None:
        if not isinstance(proposal, AbstractDistribution):
            raise bad("proposal", "a distribution of theta conditioned on x", f"`{type(proposal).__name__}`")
        shapes = (proposal.shape, proposal.cond_shape)
        rule = f"of shape {source.shape}, conditioned on events of shape {shape}"
        require(shapes == (source.shape, shape), "proposal", rule, f"`shape {shapes[0]}, cond_shape {shapes[1]}`")
    return table, used
