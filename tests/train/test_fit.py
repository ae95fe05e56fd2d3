"""`fit` finds the maximum of the likelihood, whatever the split into batches, chunks and weights."""

import sys
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pushforward import bijections, distributions, flows
from pushforward.train import FitResult, fit
from pushforward.train.loop.result import Record
from pushforward.train.loop.schedule import default_schedule, tabulate
from pushforward.train.loop.steps import take_steps
from pushforward.train.objectives.data._base import BatchLoss
from pushforward.train.rows import rows

from .helpers import gaussian

QUICK: dict[str, Any] = {"progress": False, "max_epochs": 3}


def gaussian_rows(rng: np.random.Generator, n: int = 600) -> np.ndarray:
    return rng.normal(size=(n, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]]) + [5.0, 100.0]


def gaussian_loss(x: np.ndarray) -> float:
    """Return the mean negative log-likelihood of the Gaussian of highest likelihood, in nats."""
    dim = x.shape[1]
    return 0.5 * dim * (1 + np.log(2 * np.pi)) + 0.5 * np.linalg.slogdet(np.cov(x.T, bias=True))[1]


def same(a: FitResult, b: FitResult) -> bool:
    """Whether two results are equal bit for bit, but for the seconds."""
    facts = [(r.history, r.best_epoch, r.skipped_steps) for r in (a, b)]
    return facts[0] == facts[1] and bool(eqx.tree_equal(a.flow, b.flow))


def test_reaches_the_maximum_of_the_likelihood(key, rng, devices):
    x = gaussian_rows(rng)
    result = fit(key, gaussian(), x, val_fraction=0, max_epochs=60, learning_rate=2e-2, progress=False)
    loss = -float(result.flow.log_prob(x).mean())
    assert gaussian_loss(x) <= loss + 1e-9
    assert loss == pytest.approx(gaussian_loss(x), abs=1e-4)
    assert list(result.history) == ["train"]
    assert result.best_epoch == 59
    assert len(result.history["train"]) == 60
    assert result.history["train"][-1] == pytest.approx(loss, abs=1e-3)
    assert result.skipped_steps == 0
    assert result.seconds > 0


def test_best_epoch_is_the_one_of_the_lowest_validation_loss(key, rng):
    x = gaussian_rows(rng, 600)
    settings = {
        "learning_rate": lambda step: 0.1,
        "batch_size": 100,
        "max_epochs": 40,
        "patience": 3,
        "progress": False,
    }
    result = fit(key, gaussian(), x, val_fraction=0.3, **settings)
    val = result.history["val"]
    assert result.best_epoch == int(np.argmin(val))
    assert len(val) == len(result.history["train"]) == result.best_epoch + 1 + 3 < 40


def test_the_start_is_kept_if_no_epoch_is_better(key, rng):
    x = gaussian_rows(rng, 60)
    result = fit(key, gaussian(), x, learning_rate=lambda step: 10.0, max_epochs=40, patience=3, progress=False)
    assert result.best_epoch == -1
    assert len(result.history["val"]) == 3
    start = gaussian().bijection.bijections[0]
    assert eqx.tree_equal(result.flow.bijection.bijections[0], start)


def test_the_same_call_gives_the_same_bits_and_leaves_its_arguments_alone(key, rng, devices):
    x = gaussian_rows(rng)
    flow = gaussian()
    before = jax.tree.map(np.array, eqx.filter(flow, eqx.is_array))
    results = [fit(key, flow, x, **QUICK) for _ in range(2)]
    assert same(*results)
    assert eqx.tree_equal(before, jax.tree.map(np.array, eqx.filter(flow, eqx.is_array)))
    assert not same(results[0], fit(jax.random.key(1), flow, x, **QUICK))


def test_devices_change_rounding_only(key, rng, monkeypatch):
    module, counts = sys.modules["pushforward.train.fit"], []
    sharing = module.sharing

    def counted(*args: Any) -> int:
        counts.append(sharing(*args))
        return counts[-1]

    monkeypatch.setattr(module, "sharing", counted)
    x, weights = rng.normal(size=(1000, 2)) ** 3, rng.uniform(0.1, 2, size=1000)
    flow = flows.nsf(key, 2, hidden=(8,), layers=2)
    settings: dict[str, Any] = {**QUICK, "batch_size": 451, "members": 1, "gaussians": False}
    alone = fit(key, jax.device_put(flow, jax.devices()[0]), x, None, weights, **settings)
    shared = fit(key, flow, x, None, weights, **settings)
    assert counts == [1, 3]
    for name in ("train", "val"):
        np.testing.assert_allclose(shared.history[name], alone.history[name], rtol=1e-6)
    assert all(a.sharding == jnp.zeros(()).sharding for a in jax.tree.leaves(eqx.filter(shared.flow, eqx.is_array)))
    assert not any(a.committed for a in jax.tree.leaves(eqx.filter(shared.flow, eqx.is_array)))


def test_old_style_keys_work(rng):
    assert fit(jax.random.PRNGKey(0), gaussian(), gaussian_rows(rng), **QUICK).best_epoch >= 0


@pytest.mark.parametrize("n", [2, 3, 7, 256, 257])
def test_any_number_of_rows(key, rng, n, devices):
    x = gaussian_rows(rng, n) if n > 2 else np.array([[0.0, 1.0], [1.0, 3.0]])
    result = fit(key, gaussian(), x, **QUICK)
    assert np.isfinite(result.history["train"]).all()
    assert ("val" in result.history) == (n > 2)


def test_chunks_change_nothing(key, rng, monkeypatch):
    x = gaussian_rows(rng)
    whole = fit(key, gaussian(), x, batch_size=50, **QUICK)
    monkeypatch.setattr(rows, "CHUNK_BYTES", 2000)
    pieces = fit(key, gaussian(), x, batch_size=50, **QUICK)
    for a, b in zip(jax.tree.leaves(whole.flow), jax.tree.leaves(pieces.flow), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_memory_map(key, rng, tmp_path):
    x = gaussian_rows(rng).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert same(fit(key, gaussian(), mapped, **QUICK), fit(key, gaussian(), x, **QUICK))


def test_weights_count_as_repetitions(key, rng, devices):
    x = gaussian_rows(rng, 40)
    counts = rng.integers(0, 4, size=40)
    # Not Adam: it blows the rounding noise of a vanishing gradient up to whole steps.
    settings = {"optimizer": optax.sgd(0.05), "val_fraction": 0, "max_epochs": 30, "batch_size": 200}
    weighted = fit(key, gaussian(), x, weights=7e8 * counts, progress=False, **settings)
    repeated = fit(key, gaussian(), np.repeat(x, counts, axis=0), progress=False, **settings)
    np.testing.assert_allclose(weighted.history["train"], repeated.history["train"], rtol=1e-9)
    np.testing.assert_allclose(weighted.flow.log_prob(x), repeated.flow.log_prob(x), rtol=1e-9)


def test_rows_of_weight_zero_are_left_out(key, rng):
    x = gaussian_rows(rng, 50)
    weights = np.ones(50)
    weights[10:20] = 0
    x[10:20] = 1e6
    kept = fit(key, gaussian(), x, weights=weights, **QUICK)
    assert same(kept, fit(key, gaussian(), np.delete(x, slice(10, 20), axis=0), **QUICK))


def test_conditional(key, rng, devices):
    c = rng.uniform(-1, 1, size=(400, 1)) * 50 + 1000
    y = (c - 1000) / 10 + rng.normal(size=(400, 1))
    flow = flows.maf(key, 1, cond_dim=1, layers=1, hidden=(8,))
    result = fit(key, flow, y, c, max_epochs=30, learning_rate=2e-2, progress=False)
    marginal = gaussian_loss(np.concatenate([y, rng.normal(size=(400, 1))], axis=1)) - 1.4189
    assert result.history["val"][result.best_epoch] < marginal - 0.5


def test_float32_stays_float32(key, rng):
    flow = jax.tree.map(lambda a: a.astype(np.float32) if eqx.is_inexact_array(a) else a, gaussian())
    result = fit(key, flow, gaussian_rows(rng).astype(np.float32), **QUICK)
    assert {a.dtype for a in jax.tree.leaves(result.flow)} == {np.dtype(np.float32)}
    assert result.flow.log_prob(np.zeros((1, 2), np.float32)).dtype == np.float32


@pytest.mark.parametrize("optimizer", [optax.sgd(1e-2), optax.adamw(1e-3), optax.contrib.prodigy(0.1)])
def test_any_optimizer(key, rng, optimizer):
    x = gaussian_rows(rng)
    result = fit(key, gaussian(), x, optimizer=optimizer, progress=False, max_epochs=8)
    assert result.history["train"][-1] < result.history["train"][0]


def test_a_flow_without_parameters_is_fitted_in_closed_form(key, rng):
    x = gaussian_rows(rng)
    frame = bijections.Chain([bijections.Whiten.unfitted(2), bijections.Standardize.unfitted((2,))])
    flow = distributions.Pushforward(distributions.StandardNormal((2,)), frame)
    result = fit(key, flow, x, val_fraction=0, **QUICK)
    assert -float(result.flow.log_prob(x).mean()) == pytest.approx(gaussian_loss(x), abs=1e-5)
    assert result.skipped_steps == 0


def test_clip_bounds_the_first_step(key, rng):
    x = gaussian_rows(rng)
    start = gaussian()
    result = fit(
        key,
        start,
        x,
        optimizer=optax.sgd(1.0),
        average=0,
        clip_norm=1e-3,
        max_epochs=1,
        val_fraction=0,
        batch_size=600,
        progress=False,
    )
    moved = [result.flow.bijection.bijections[0], start.bijection.bijections[0]]
    squares = [
        np.sum(np.square(np.asarray(a) - np.asarray(b))) for a, b in zip(*map(jax.tree.leaves, moved), strict=True)
    ]
    assert np.sqrt(sum(squares)) == pytest.approx(1e-3, rel=1e-5)


def test_a_second_fit_does_not_compile_again(key, rng, monkeypatch):
    traced = []

    def counting(loss, *args):
        traced.append(args)
        return loss.objective.loss(*args)

    monkeypatch.setattr(BatchLoss, "__call__", counting)
    x = gaussian_rows(rng, 80)
    fit(key, gaussian(), x, **QUICK)
    assert len(traced) >= 1
    traced.clear()
    fit(jax.random.key(5), gaussian(), x + 1, learning_rate=0.02, **QUICK)
    assert not traced


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("batch_size", 0),
        ("max_epochs", 0),
        ("patience", 0),
        ("val_fraction", 1.0),
        ("val_fraction", -0.1),
        ("clip_norm", 0.0),
        ("max_skipped", -1),
    ],
)
def test_bad_settings_are_named(key, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        fit(key, gaussian(), np.eye(3, 2), **{name: value})


def test_a_learning_rate_beside_an_optimizer_is_refused(key):
    with pytest.raises(ValueError, match="`learning_rate` must be None beside an `optimizer`"):
        fit(key, gaussian(), np.eye(3, 2), optimizer=optax.sgd(0.1), learning_rate=0.1)


def test_progress_bar(key, rng, capsys):
    x = gaussian_rows(rng)
    fit(key, gaussian(), x, max_epochs=2, progress=True)
    shown = capsys.readouterr().err
    assert shown.index("compiling") < shown.index("train=")
    assert "val=" in shown
    assert "best=" in shown
    fit(key, gaussian(), x, max_epochs=2)
    assert capsys.readouterr().err == ""


def test_schedule_warms_up_and_decays_to_zero():
    rates = tabulate(default_schedule(0.1, 1000))(0, 1000)
    assert rates[0] > 0
    assert rates[:21].argmax() == rates.argmax() == 20
    assert rates.max() == np.float32(0.1)
    assert (np.diff(rates[20:]) <= 0).all()
    assert rates[-1] < 1e-6
    assert tabulate(default_schedule(0.1, 1))(0, 1)[0] == np.float32(0.1)


def test_record_stops_by_patience_only_with_validation():
    losses = [1.0, 2.0, 2.0]
    assert Record({"train": losses, "val": losses}, best_epoch=0).finished(10, 2)
    assert not Record({"train": losses, "val": losses}, best_epoch=1).finished(10, 2)
    assert not Record({"train": losses}, best_epoch=2).finished(10, 1)
    assert Record({"train": losses}, best_epoch=2).finished(3, 1)


@pytest.mark.parametrize(("rows", "average"), [(60, 0), (60, 0.9), (900, 0)])
def test_steps_are_compiled_while_the_rows_are_checked(key, rng, monkeypatch, rows, average):
    """The program that is compiled ahead is that of the first step, on one device and on three."""
    prepare = vars(take_steps)["prepare"]
    prepared, compiled = [], []
    monkeypatch.setitem(vars(take_steps), "prepare", lambda *args: (prepare(*args), prepared.append(args)))

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if "backend_compile" in event and "take_steps" in str(kwargs.get("fun_name")):
            compiled.append(len(prepared))

    jax.monitoring.register_event_duration_secs_listener(listen)
    flow = flows.nice(key, 2, layers=1, hidden=(4 + rows % 7,))
    fit(key, flow, rng.normal(size=(rows, 2)), average=average, max_epochs=1, progress=False)
    assert len(prepared) == 1
    assert compiled == [0]


def test_a_flow_and_its_fit_compile_few_programs(key, rng):
    """A program that is compiled by an operation outside of `jit` takes as long as thousands of rows."""
    expected = {"take_steps", "losses_of_batches", "_evaluate", "start_state", "copy_arrays", "schedule", "vectors"}
    expected |= {"neg", "_take"}
    names = set()

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if "backend_compile" in event:
            names.add(str(kwargs.get("fun_name")).removeprefix("jit(").removesuffix(")"))

    jax.monitoring.register_event_duration_secs_listener(listen)
    # Sizes that no other test has.
    flow = flows.nsf(key, 3, layers=3, hidden=(7, 5), bins=4)
    assert names <= {"neg"}
    x = rng.normal(size=(97, 3)).astype(np.float32)
    fitted = fit(key, flow, x, max_epochs=2, progress=False).flow
    fitted.log_prob(x)
    assert names <= expected
    assert {"take_steps", "losses_of_batches", "_evaluate"} <= names
