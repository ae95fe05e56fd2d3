"""A search: what goes on, what is chosen, what fails, what is kept on disk."""

import json
import math

import jax
import numpy as np
import pytest
from tqdm import tqdm

import pushforward as pf
from pushforward.models import Candidate, Trial, VectorModel, candidates_for, table_of
from pushforward.models.halving import trials as trials_module
from pushforward.models.halving.rows import Judge, divide
from pushforward.models.halving.rungs import Clock, Contest, decided, go_on, halve, seconds_of_last
from pushforward.models.halving.state import State
from pushforward.train.loop import minimize
from pushforward.train.rows.rows import Rows

SMALL = {"layers": 1, "hidden": (8,)}
SHORT = {"max_epochs": 3, "batch_size": 20}
#: Two that are nothing alike, so that which is better is certain, and one that ends in infinities.
CANDIDATES = {
    "good": Candidate("maf", {"layers": 2, "hidden": (8,)}, {**SHORT, "learning_rate": 0.03}),
    "far": lambda key: pf.distributions.Pushforward(
        pf.distributions.StandardNormal((2,)), pf.bijections.Chain([pf.bijections.Identity((2,))])
    ),
    "broken": Candidate("nice", SMALL, {**SHORT, "learning_rate": 1e30, "clip_norm": None, "max_skipped": 0}),
}


@pytest.fixture(scope="module")
def x():
    z = np.random.default_rng(0).normal(size=(200, 2))
    return np.stack([z[:, 0] + 5.0, z[:, 1] + 2.0 * z[:, 0] ** 2], axis=1)


@pytest.fixture(scope="module")
def found(x):
    return pf.search(jax.random.key(0), x, candidates=CANDIDATES, rungs=1, progress=False)


def test_the_better_wins_and_a_failure_is_recorded(found, x):
    assert found.best.name == "good"
    assert found.fit.best_epoch >= 0
    by_name = {trial.name: trial for trial in found.tried}
    assert by_name["broken"].status == "failed"
    assert by_name["broken"].note
    assert by_name["broken"].mean is None
    assert (by_name["good"].status, by_name["good"].behind, by_name["good"].behind_error) == ("best", 0.0, 0.0)
    far = by_name["far"]
    assert far.status == "dropped"
    assert far.behind == pytest.approx(by_name["good"].mean - far.mean)
    assert far.behind > 3 * far.behind_error
    assert 0 < by_name["good"].compiling <= by_name["good"].seconds
    assert found.flow is found.fit.flow
    assert np.isfinite(found.flow.log_prob(x)).all()
    for words in ("best: good", "slightly too large", "far", "failed"):
        assert words in repr(found)


def test_all_failing_is_an_error(x):
    with pytest.raises(RuntimeError, match=r"Every candidate failed\. broken: "):
        pf.search(jax.random.key(0), x, candidates={"broken": CANDIDATES["broken"]}, progress=False)


def test_judge_counts_clusters_as_one(rng):
    values, weights = rng.normal(size=50), rng.uniform(0.5, 1, size=50)
    mean, error = Judge(np.ones(50), None).mean(values)
    assert error is not None
    np.testing.assert_allclose([mean, error], [values.mean(), values.std(ddof=1) / math.sqrt(50)])
    # Each row twice, as one cluster, says no more than each row once.
    twice = Judge(np.tile(weights, 2), np.tile(np.arange(50), 2)).mean(np.tile(values, 2))
    assert twice == pytest.approx(Judge(weights, None).mean(values))
    assert Judge(np.ones(3), np.zeros(3, int)).mean(values[:3])[1] is None


def test_who_goes_on(rng):
    judge, noise = Judge(np.ones(400), None), rng.normal(size=400)
    levels = [0.0, -1.0, -2.0, -3.0, -4.0, -5.0]
    clear = {i: level + 5 * noise + 1e-3 * rng.normal(size=400) for i, level in enumerate(levels)}
    assert go_on(clear, judge) == [0, 1], "a third, though the means themselves are uncertain"
    alike = {i: noise + 0.1 * np.roll(noise, i) for i in range(6)}
    assert len(go_on(alike, judge)) == 4, "ties go on, up to two thirds"
    assert go_on({3: noise}, judge) == [3]


def test_split_keeps_groups_and_copies_together(rng):
    rows = np.repeat(rng.normal(size=(40, 2)), 2, axis=0)
    labels = np.arange(80) // 4
    divided = divide(Rows(rows), np.arange(80), labels, 0.25, np.zeros(2, np.uint32))
    assert not set(labels[divided.train]) & set(labels[divided.held_out])
    assert len(divided.held_out) == 20
    alone = divide(Rows(rows), np.arange(80), None, 0.25, np.zeros(2, np.uint32))
    assert not set(map(tuple, rows[alone.train])) & set(map(tuple, rows[alone.held_out]))
    assert alone.judge.clusters is not None
    assert len(np.unique(alone.judge.clusters)) == 10
    with pytest.raises(ValueError, match="`x` must be of two rows at least on each side"):
        divide(Rows(rows[:3]), np.arange(3), None, 0.2, np.zeros(2, np.uint32))


def contest_of(means: list[float], seconds: float, clock: list[float]) -> Contest:
    """Return a contest of candidates whose trials take time in proportion to their epochs, on a clock of its own."""

    def trial(rung: int, index: int, **about) -> Trial:
        return Trial(str(index), None, rung, 3 ** (rung + 1), seconds * 3**rung, **about)

    def run(rung: int, index: int) -> tuple[Trial, np.ndarray]:
        clock[0] += seconds * 3**rung
        values = np.full(50, means[index]) + 1e-3 * np.arange(50) * index
        return trial(rung, index, mean=float(values.mean()), standard_error=0.1), values

    skipped = lambda rung, index: trial(rung, index, status="skipped")  # noqa: E731
    return Contest(list(map(str, range(len(means)))), 3, [27] * len(means), skipped, run, Judge(np.ones(50), None), 1.0)


def test_rungs_are_three_times_as_long_and_have_a_third():
    contest, state = contest_of([float(-i) for i in range(9)], 1.0, [0.0]), State(None, {})
    assert halve(contest, state, Clock(math.inf, 0.0, 0.0), tqdm(disable=True))[0] == 0
    assert [sum(rung == r for rung, _ in state.trials) for r in range(3)] == [9, 3, 0]
    assert [contest.length(rung, 0) for rung in range(3)] == [3, 9, 27]
    tried = decided(contest, state, 0, {})
    assert [(t.rung, t.status) for t in tried[:3]] == [(1, "best"), (1, "dropped"), (1, "dropped")]
    assert [t.status for t in tried[3:]] == ["kept"] * 3 + ["dropped"] * 6


@pytest.mark.parametrize("limit", [1.0, 20.0, 60.0, 100.0])
def test_time_is_kept(monkeypatch, limit):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    contest, state = contest_of([float(-abs(i - 4)) for i in range(9)], 1.0, now), State(None, {})
    clock = Clock(limit, 0.0, 0.0)
    order = halve(contest, state, clock, tqdm(disable=True))
    skipped = [at for at, trial in state.trials.items() if trial.status == "skipped"]
    assert bool(skipped) == (limit < 30)
    assert order[0] == (0 if limit == 1.0 else 4)
    if limit > 1:
        assert clock.left() >= min(seconds_of_last(contest, state, order[0]), limit / 2)
    best = decided(contest, state, order[0], {})
    assert [t.status for t in best].count("best") == 1
    assert table_of(best).count("skipped on rung") == len({rung for rung, _ in skipped})


def test_a_killed_search_goes_on(found, x, tmp_path, monkeypatch):
    again = {"candidates": CANDIDATES, "rungs": 1, "progress": False, "checkpoint": tmp_path / "s"}
    show, epochs = minimize.show_epoch, [0]

    def killed(*args, **options):
        epochs[0] += 1
        if epochs[0] == 3:
            raise KeyboardInterrupt
        show(*args, **options)

    monkeypatch.setattr(minimize, "show_epoch", killed)
    resumed, ended = None, []
    while resumed is None:
        epochs[0] = 0
        try:
            resumed = pf.search(jax.random.key(0), x, **again)
        except KeyboardInterrupt:
            trials = json.loads((tmp_path / "s" / "search.json").read_text())["trials"]
            ended.append([entry["trial"]["name"] for entry in trials])
    assert len(ended) >= 3
    assert ended[0] == [], "killed within the first fit"
    assert ended[-1] == ["good", "far", "broken"], "killed within the last fit"
    assert resumed.fit.history == found.fit.history
    np.testing.assert_array_equal(resumed.flow.log_prob(x), found.flow.log_prob(x))
    assert [(t.name, t.mean, t.behind) for t in resumed.tried] == [(t.name, t.mean, t.behind) for t in found.tried]
    with pytest.raises(ValueError, match="of a search that differs in candidates, rungs"):
        pf.search(jax.random.key(0), x, **{**again, "candidates": {"good": CANDIDATES["good"]}, "rungs": 2})
    with pytest.raises(ValueError, match="of a search that differs in x\\."):
        pf.search(jax.random.key(0), x + 1, **again)
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "0").mkdir()
    with pytest.raises(ValueError, match="an empty directory or one of a search"):
        pf.search(jax.random.key(0), x, **{**again, "checkpoint": tmp_path / "f"})


def test_a_last_fit_that_fails_leaves_it_to_the_next(x, monkeypatch):
    fit = trials_module.fit

    def failing(key, flow, *args, **options):
        if len(options["x"]) == len(x) and isinstance(flow.bijection, pf.bijections.Chain) and "far" not in failed:
            failed.append("far")
            raise FloatingPointError("overflow")
        return fit(key, flow, *args, **options)

    failed: list[str] = []
    monkeypatch.setattr(trials_module, "fit", failing)
    chosen = {name: CANDIDATES[name] for name in ("good", "far")}
    result = pf.search(jax.random.key(0), x, candidates=chosen, rungs=1, progress=False)
    assert result.best.name == "far"
    assert next(t for t in result.tried if t.name == "good").note == "the fit to all rows: overflow"


def test_default_candidates():
    names = pf.flows.architectures("tables")
    found = candidates_for(10_000, 3)
    assert len(found) == 27
    assert {c.flow for c in found.values()} == set(names) - {"iaf"}
    assert next(iter(found)) == "nsf"
    assert "nsf wiring=coupling" in found
    widths = [{c.settings["hidden"][0] for c in candidates_for(n, 3, most=None).values() if "hidden" in c.settings}
              for n in (200, 2000, 20_000)]  # fmt: skip
    assert widths == [{16, 32, 64}, {32, 64, 128}, {64, 128, 256}]
    assert list(candidates_for(10_000, 3, seed=1)) != list(found) == list(candidates_for(10_000, 3))
    shared = candidates_for(500, 1, most=4, fit={"max_epochs": 2, "decay": 0.2})
    assert all(c.fit == {"max_epochs": 2, "decay": 0.2} for c in shared.values())
    assert len(shared) == 4
    for candidate in found.values():
        assert Candidate.from_json(json.loads(json.dumps(candidate.to_json()))) == candidate


def test_refusals(key, x):
    with pytest.raises(ValueError, match="the architectures for tables; got 'glow'"):
        Candidate("glow")
    with pytest.raises(ValueError, match="`bins` must be left out: `maf` has no such setting"):
        Candidate("maf", {"bins": 4})
    with pytest.raises(ValueError, match="keywords among learning_rate"):
        Candidate("maf", fit={"noise": "uniform"})
    with pytest.raises(ValueError, match="numbers, texts, and tuples of them"):
        Candidate("maf", fit={"learning_rate": lambda step: 0.1})
    with pytest.raises(ValueError, match="`candidates` must be a dictionary of at least one"):
        pf.search(key, x, candidates={})
    with pytest.raises(ValueError, match="functions that return a flow; got `int` from 'a'"):
        pf.search(key, x, candidates={"a": lambda key: 3})  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`minutes` must be positive, or None for no limit; got 0"):
        pf.search(key, x, minutes=0)
    with pytest.raises(ValueError, match="`judge_fraction` must be above 0"):
        pf.search(key, x, judge_fraction=0)
    with pytest.raises(ValueError, match="`x` must be of shape"):
        pf.search(key, x[:, 0])
    with pytest.raises(ValueError, match="in row 199"):
        pf.search(key, np.concatenate([x[:-1], [[np.nan, 0.0]]]), candidates={"good": CANDIDATES["good"]})


def test_a_model_of_a_table_is_searched_for(x, tmp_path):
    rng = np.random.default_rng(1)
    table = pf.data.Table(("a", "b", "c", "w"), np.column_stack([x, rng.normal(size=200), rng.uniform(1, 2, 200)]))
    built = VectorModel.build(table, given=["c"], weights="w", flow="nice", layers=1, hidden=(4,))
    chosen = {str(c): c for c in (Candidate("nice", SMALL, SHORT), Candidate("real_nvp", SMALL, SHORT))}
    options = {"candidates": chosen, "rungs": 1, "members": 2, "test_fraction": 0.2, "progress": False}
    model = built.fit(table, search=True, **options)
    assert isinstance(model.flow, pf.distributions.Mixture)
    model.save(tmp_path / "m.pf")
    loaded = pf.models.load(tmp_path / "m.pf")
    assert loaded.record == model.record
    given = table.take(np.arange(20))
    np.testing.assert_array_equal(loaded.log_prob(given), model.log_prob(given))  # pyright: ignore[reportAttributeAccessIssue]
    assert loaded.record is not None
    tried = loaded.record.search
    assert {trial.name for trial in tried} == set(chosen)
    assert loaded.architecture is not None
    assert loaded.architecture.name == tried[0].candidate.flow  # pyright: ignore[reportOptionalMemberAccess]
    assert loaded.record.rows.held_out == 40
    text = [line for name, line in loaded.describe() if name in ("search", "")]
    assert len(text) == 3
    with pytest.raises(ValueError, match="`minutes` must be left out without `search`"):
        built.fit(table, minutes=1.0)
