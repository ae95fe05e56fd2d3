"""Copies of a row, and rows of a group, are on one side of the validation split."""

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import pushforward as pf

from .helpers import gaussian

TINY: dict[str, Any] = {"max_epochs": 1, "progress": False}


@pytest.fixture
def sides(monkeypatch):
    """Return a list to which each fit appends the rows of training and of validation."""
    module = sys.modules["pushforward.train.rows.split"]
    split, found = module.split_validation, []

    def kept(*args: Any) -> Any:
        found.append(split(*args))
        return found[-1]

    monkeypatch.setattr(module, "split_validation", kept)
    return found


def test_copies_are_kept_on_one_side_and_said(key, rng, sides):
    x = np.repeat(rng.normal(size=(100, 2)), 30, axis=0)
    with pytest.warns(UserWarning, match=r"2,900 of 3,000 rows are copies of other rows: the fit has 100 different"):
        pf.fit(key, gaussian(), x, **TINY)
    train, val = sides[0]
    assert len(val) == 300
    assert set(train // 30).isdisjoint(val // 30)


def test_few_copies_are_kept_on_one_side_without_a_word(key, rng, sides):
    x = rng.normal(size=(100, 2))
    x[50:58] = x[:8]
    pf.fit(key, gaussian(), x, **TINY)
    pf.fit(key, gaussian(), np.unique(x, axis=0), **TINY)
    train, val = sides[0]
    assert set(map(bytes, x[train])).isdisjoint(map(bytes, x[val]))


def test_rows_that_differ_in_their_condition_are_no_copies(key, rng, sides):
    from pushforward.flows import maf

    x, c = np.repeat(rng.normal(size=(20, 1)), 5, axis=0), rng.normal(size=(100, 1))
    pf.fit(key, maf(key, 1, cond_dim=1, layers=1, hidden=(4,)), x, c, **TINY)
    assert len(sides[0][1]) == 10


def test_whole_numbers_with_noise_may_repeat(key, rng, sides):
    x = rng.poisson(2.0, size=(300, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pf.fit(key, gaussian(), x, noise="uniform", **TINY)
    train, val = sides[0]
    assert not set(map(bytes, x[train])).isdisjoint(map(bytes, x[val]))


@pytest.mark.parametrize("labels", ["numbers", "text"])
def test_groups_are_kept_on_one_side(key, rng, sides, labels):
    x, numbers = rng.normal(size=(300, 2)), np.arange(300) // 7
    weights = np.ones(300)
    weights[:30] = 0
    groups = numbers if labels == "numbers" else [f"patient {n}" for n in numbers]
    pf.fit(key, gaussian(), x, weights=weights, groups=groups, **TINY)
    train, val = sides[0]
    assert len(val)
    assert set(numbers[train]).isdisjoint(numbers[val])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.zeros(49), r"`groups` must be a label for each row, of shape \(50,\); got `shape \(49,\)`"),
        (np.zeros(50), "`groups` must be of two groups at least; got `1 group`"),
        ([1.0, float("nan")] * 25, "`groups` must be a label for each row; got `nan` in row 1"),
    ],
)
def test_bad_groups(key, rng, groups, message):
    with pytest.raises(ValueError, match=message):
        pf.fit(key, gaussian(), rng.normal(size=(50, 2)), groups=groups, **TINY)
