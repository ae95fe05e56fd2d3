"""A fit with a checkpoint goes on where it stopped, and refuses what is not its own."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
import pytest

from pushforward.train import fit
from pushforward.train.loop import checkpoint as checkpoint_module
from pushforward.train.loop import minimize as loop
from pushforward.train.loop.checkpoint import Checkpoint

from .helpers import gaussian

X = np.random.default_rng(1).normal(size=(200, 2))
W = np.linspace(1, 2, 200)
SETTINGS: dict[str, Any] = {"max_epochs": 6, "batch_size": 64, "progress": False}


def assert_same(a, b):
    assert (a.history, a.best_epoch, a.skipped_steps) == (b.history, b.best_epoch, b.skipped_steps)
    assert eqx.tree_equal(a.flow, b.flow)


def test_interrupted_then_resumed_then_repeated(key, tmp_path, monkeypatch, devices):
    path = tmp_path / "checkpoint"
    whole = fit(key, gaussian(), X, **SETTINGS)

    def interrupt(bar, history, *rest):
        if len(history["train"]) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "show_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(key, gaussian(), X, checkpoint=path, **SETTINGS)
    monkeypatch.undo()
    assert str(path) in caught.value.__notes__[0]
    resumed = fit(key, gaussian(), X, checkpoint=path, **SETTINGS)
    assert_same(resumed, whole)

    monkeypatch.setattr(loop, "run_epoch", None)
    repeated = fit(key, gaussian(), X, checkpoint=str(path), **SETTINGS)
    assert_same(repeated, whole)
    assert repeated.seconds == resumed.seconds


def test_another_fit_is_refused_by_name(key, tmp_path):
    path = tmp_path / "checkpoint"
    flow = gaussian()
    settings = {**SETTINGS, "max_epochs": 1}
    fit(key, flow, X, weights=W, checkpoint=path, **settings)
    other_flow = eqx.tree_at(lambda f: f.bijection.bijections[0].bias, flow, np.ones(2))
    for name, call in {
        "x": ((key, flow, X + 1, None, W), {}),
        "weights": ((key, flow, X, None, W + np.eye(200)[0]), {}),
        "key": ((jax.random.key(9), flow, X, None, W), {}),
        "flow": ((key, other_flow, X, None, W), {}),
        "batch_size": ((key, flow, X, None, W), {"batch_size": 32}),
        "max_epochs": ((key, flow, X, None, W), {"max_epochs": 2}),
        "learning_rate": ((key, flow, X, None, W), {"learning_rate": 0.1}),
        "optimizer": ((key, flow, X, None, W), {"optimizer": optax.sgd(0.1)}),
    }.items():
        args, changed = call
        with pytest.raises(ValueError, match=f"a fit that differs in {name}. Repeat the call unchanged"):
            fit(*args, checkpoint=path, **{**settings, **changed})
    with pytest.raises(ValueError, match="differs in optimizer"):
        fit(key, flow, X, None, W, checkpoint=path, optimizer=optax.sgd(0.2), **settings)


def test_two_optimizers_of_one_structure_differ(key, tmp_path):
    path = tmp_path / "checkpoint"
    settings = {**SETTINGS, "max_epochs": 1}
    fit(key, gaussian(), X, checkpoint=path, optimizer=optax.sgd(0.1), **settings)
    with pytest.raises(ValueError, match="differs in optimizer"):
        fit(key, gaussian(), X, checkpoint=path, optimizer=optax.sgd(0.2), **settings)


def test_other_directories_are_refused(key, tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(ValueError, match=r"which holds 'thesis.tex'. Choose another directory"):
        fit(key, gaussian(), X, checkpoint=tmp_path, **SETTINGS)
    with pytest.raises(ValueError, match="`checkpoint` must be a directory"):
        fit(key, gaussian(), X, checkpoint=tmp_path / "thesis.tex", **SETTINGS)


def test_arrays_and_records_return_bit_for_bit(tmp_path, rng):
    state = {
        "a": rng.normal(size=(3, 2)),
        "b": [np.float32(rng.normal(size=4)), np.int32(7)],
        "c": np.array([np.nan, -0.0, 5e-324]),
        "empty": np.zeros((0, 2)),
        "flag": np.array(True),
    }
    state = jax.tree.map(jax.numpy.asarray, state)
    record = {"history": {"train": [0.1, float("nan"), float("inf")]}}
    store = Checkpoint(tmp_path / "c", {"x": "1"})
    assert store.is_empty
    for epoch in (1, 2, 3):
        store.save(epoch, state, record)
    store.close()
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["2", "3"]
    found = Checkpoint(tmp_path / "c", {"x": "1"}).restore(state)
    assert found is not None
    restored, saved = found
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(restored), strict=True):
        assert a.dtype == b.dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert repr(saved) == repr(record)


def test_a_half_written_state_is_ignored(tmp_path):
    store = Checkpoint(tmp_path / "c", {})
    store.save(1, {"a": jax.numpy.ones(3)}, {"epoch": 1})
    store.close()
    (tmp_path / "c" / "2.orbax-checkpoint-tmp").mkdir()
    (tmp_path / "c" / "2.orbax-checkpoint-tmp" / "arrays").write_text("cut short")
    restored = Checkpoint(tmp_path / "c", {}).restore({"a": jax.numpy.zeros(3)})
    assert restored is not None
    assert restored[1] == {"epoch": 1}


def test_another_format_is_refused(tmp_path, monkeypatch):
    store = Checkpoint(tmp_path / "c", {})
    store.save(1, {"a": jax.numpy.ones(3)}, {})
    store.close()
    monkeypatch.setattr(checkpoint_module, "FORMAT", 2)
    with pytest.raises(ValueError, match="of a fit that differs in its file format"):
        Checkpoint(tmp_path / "c", {})
