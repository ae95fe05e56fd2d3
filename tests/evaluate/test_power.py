"""The diagnostics are themselves tested: over 100 repetitions a wrong density is caught, and a right one passes.

What passes a test at level 5 % is rejected in 5 of 100 repetitions, in 12 or more with probability 0.4 %.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats

import pushforward as pf
from pushforward.distributions import Normal, Pushforward, StandardNormal
from pushforward.evaluate import base_pit, c2st, expected_coverage, mmd, pit, sbc_ranks, sliced_wasserstein, tarp
from pushforward.evaluate.calibration import Calibration

from .models import Posterior, simulate

REPETITIONS, MOST_FALSE, LEAST_CAUGHT = 100, 11, 95

#: N(x/2, 1/2) is the posterior. Shifted by 0.7 of its standard deviation, 0.6 and 1.6 times as wide, and the prior's.
RIGHT = Posterior()
WRONG = {
    "shifted": Posterior(shift=0.5),
    "narrow": Posterior(scale=0.42),
    "wide": Posterior(scale=1.13),
}


def rejections(reject: Callable[[jax.Array, np.random.Generator], bool], rng: np.random.Generator) -> int:
    """Return in how many of the repetitions, each with a key and data of its own, `reject` says so."""
    return sum(bool(reject(key, rng)) for key in jax.random.split(jax.random.key(1), REPETITIONS))


def departs(result):
    findings = result.findings if isinstance(result, Calibration) else (result.finding,)
    return set(findings) != {"calibrated"}


def judge(test, posterior):
    # With 300 pairs TARP catches this shift in 284 of 300 repetitions, with 600 in 299; the others, always.
    pairs = 600 if test is tarp else 300
    return lambda key, rng: departs(test(key, posterior, *simulate(rng, pairs), num_draws=99))


TESTS = {"sbc": sbc_ranks, "pit": pit, "coverage": expected_coverage, "tarp": tarp}


@pytest.mark.parametrize("name", TESTS)
def test_a_right_posterior_passes(name, rng):
    assert rejections(judge(TESTS[name], RIGHT), rng) <= MOST_FALSE


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", TESTS)
def test_a_wrong_posterior_is_caught(name, wrong, rng):
    assert rejections(judge(TESTS[name], WRONG[wrong]), rng) >= LEAST_CAUGHT


@pytest.mark.parametrize("name", TESTS)
def test_a_lost_mode_is_caught(name, rng):
    """A fifth of the truths lies in a mode that the posterior does not know."""

    def reject(key, rng):
        theta, x = simulate(rng, 300)
        theta = theta + 4.0 * (rng.uniform(size=(300, 1)) < 0.2)
        return departs(TESTS[name](key, RIGHT, theta, x, num_draws=99))

    assert rejections(reject, rng) >= LEAST_CAUGHT


def normal_flow(correlation):
    factor = np.linalg.cholesky(np.array([[1.0, correlation], [correlation, 1.0]]))
    return Pushforward(StandardNormal((2,)), pf.bijections.TriangularAffine(jnp.zeros(2), jnp.asarray(factor)))


@pytest.mark.parametrize(("of_flow", "of_data", "caught"), [(0.8, 0.8, False), (0.8, 0.0, True), (0.0, 0.8, False)])
def test_base_pit_sees_a_wrong_spread_but_not_a_correlation_that_is_left(of_flow, of_data, caught, rng):
    """A flow that leaves columns correlated leaves each element of its base normal: that is what it misses."""
    flow, covariance = normal_flow(of_flow), [[1.0, of_data], [of_data, 1.0]]

    def reject(key, rng):
        return departs(base_pit(flow, rng.multivariate_normal([0.0, 0.0], covariance, size=200)))

    found = rejections(reject, rng)
    assert found >= LEAST_CAUGHT if caught else found <= MOST_FALSE


def alike(rng, n):
    return rng.normal(size=(n, 2))


def mixture(rng, n, share):
    return rng.normal(size=(n, 2)) + 4.0 * (rng.uniform(size=(n, 1)) < share)


SAMPLES = {
    "shifted": lambda rng, n: (alike(rng, n), alike(rng, n) + 0.5),
    "narrow": lambda rng, n: (alike(rng, n), 0.6 * alike(rng, n)),
    "wide": lambda rng, n: (alike(rng, n), 1.6 * alike(rng, n)),
    "lost mode": lambda rng, n: (mixture(rng, n, 0.2), mixture(rng, n, 0.0)),
}


TWO_SAMPLE = {
    "mmd": partial(mmd, permutations=99),
    "sliced Wasserstein": partial(sliced_wasserstein, permutations=99, num_projections=16),
}


@pytest.mark.parametrize("name", TWO_SAMPLE)
def test_samples_of_one_distribution_pass(name, rng):
    test = TWO_SAMPLE[name]
    assert rejections(lambda key, rng: test(key, alike(rng, 60), alike(rng, 90)).p_value <= 0.05, rng) <= MOST_FALSE


@pytest.mark.parametrize("wrong", SAMPLES)
@pytest.mark.parametrize("name", TWO_SAMPLE)
def test_samples_that_differ_are_told_apart(name, wrong, rng):
    test = TWO_SAMPLE[name]
    assert rejections(lambda key, rng: test(key, *SAMPLES[wrong](rng, 150)).p_value <= 0.05, rng) >= LEAST_CAUGHT


@pytest.mark.slow
def test_the_classifier_lets_samples_of_one_distribution_pass(rng):
    assert rejections(lambda key, rng: c2st(key, alike(rng, 200), alike(rng, 200)).p_value <= 0.05, rng) <= MOST_FALSE


@pytest.mark.slow
@pytest.mark.parametrize("wrong", SAMPLES)
def test_the_classifier_tells_apart_samples_that_differ(wrong, rng):
    # Of 200 rows it finds a lost fifth, by which no classifier is right more often than in 6 of 10, in 72 of 100
    # repetitions, of 300 in 35 of 40, of 400 in 38 of 40.
    rows = 500 if wrong == "lost mode" else 200
    assert rejections(lambda key, rng: c2st(key, *SAMPLES[wrong](rng, rows)).p_value <= 0.05, rng) >= LEAST_CAUGHT


#: The shape k of the tail of the weights is 1 - scale² for a normal flow of that scale, and infinite for a shifted one.
FLOWS = {"right": (0.0, 1.0), "nearly right": (0.2, 1.2), "narrow": (0.0, 0.1), "shifted": (4.0, 1.0)}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOWS)
def test_khat_tells_whether_weights_can_be_trusted(name, rng):
    flow = Normal(*FLOWS[name])

    def reject(key, rng):
        # Of 10,000 draws k-hat scatters by 0.09, and finds the narrow flow in 196 of 200 repetitions.
        return pf.evaluate.importance(key, flow, stats.norm.logpdf, 40_000, searches=0).khat >= 0.7

    found = rejections(reject, rng)
    assert found >= LEAST_CAUGHT if name in ("narrow", "shifted") else found == 0
