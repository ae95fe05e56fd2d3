"""The report of a flow's two directions: of sound ones, and of ones broken on purpose."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.bijections import AbstractBijection
from pushforward.distributions import Pushforward, StandardNormal
from pushforward.evaluate import round_trip

from ..cases import cast, randomize


@final
class Double(AbstractBijection):
    """x = 2 z, with one fault."""

    fault: str = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape: tuple[int, ...] | None = eqx.field(static=True)

    def __init__(self, fault):
        self.fault, self.shape, self.cond_shape = fault, (3,), None

    def _forward_and_log_det(self, z, condition):
        log_det = 3 * jnp.log(2.0) + (0.5 if self.fault in ("forward log-det", "both log-dets") else 0.0)
        return jnp.where((z > 2) & (self.fault == "nan"), jnp.nan, 2 * z), log_det

    def _inverse_and_log_det(self, x, condition):
        log_det = -3 * jnp.log(2.0) - (0.5 if self.fault == "both log-dets" else 0.0)
        if self.fault == "saturates":
            return jnp.clip(x / 2, -1.5, 1.5), log_det
        return x / 2 + (0.01 if self.fault == "inverse" else 0.0), log_det


def report(key, fault):
    return round_trip(key, Pushforward(StandardNormal((3,)), Double(fault)))


def test_a_sound_map(key):
    result = report(key, "none")
    assert result.faults == ()
    assert (result.points, result.non_finite) == (1000, 0)
    assert (result.data_error, result.base_error, result.log_det_error) == (0, 0, 0)
    assert result.jacobian_error is not None
    assert result.jacobian_error < 1e-12
    assert str(result).startswith("The flow inverts soundly over 1,000 points each way in float64")


def test_an_inverse_that_is_off_by_a_known_amount(key):
    result = report(key, "inverse")
    # f(f⁻¹(x)) - x = 0.02 in units of the standard deviation of x, 2, or less far from the mean.
    np.testing.assert_allclose(result.data_error, 0.01, rtol=0.06)
    np.testing.assert_allclose(result.base_error_median, 0.01, rtol=0.06)
    assert "f(f⁻¹(x)) is off by up to 0.01, more than 1e-08" in str(result)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("saturates", "f(f⁻¹(x)) is off by up to"),
        ("forward log-det", "the log-determinants of the two directions differ by up to 0.1"),
        ("both log-dets", "the log-determinant differs from that of the Jacobian by up to 0.1"),
        ("nan", "points give numbers that are not finite"),
    ],
)
def test_faults_are_named(fault, said, key):
    result = report(key, fault)
    assert len(result.faults) == (2 if fault == "forward log-det" else 1)
    assert said in str(result)
    assert str(result).startswith("The flow does not invert soundly")


def test_points_that_are_not_finite_are_counted(key):
    result = report(key, "nan")
    base = np.asarray(StandardNormal((3,)).sample(jax.random.split(key)[0], (1000,)))
    data = np.isnan(np.asarray(Pushforward(StandardNormal((3,)), Double("nan")).sample(jax.random.split(key)[1], 1000)))
    assert result.non_finite == (base > 2).any(axis=1).sum() + data.any(axis=1).sum()
    assert result.non_finite > 50


def test_a_flow_at_random_parameters_in_float32(key, rng):
    flow = pf.flows.real_nvp(key, dim=3, cond_dim=2, layers=1, hidden=(8,))
    flow, condition = cast(randomize(flow, key, 1.0), "float32"), rng.normal(size=(200, 2))
    result = round_trip(key, flow, condition=condition)
    assert result.faults == (), str(result)
    assert (result.dtype, result.points) == ("float32", 200)
    assert 0 < result.data_error < 1e-5
    x = rng.normal(size=(200, 3))
    x[:2] = [[1e6], [-1e6]]
    assert round_trip(key, flow, x, condition).faults == ()


def test_the_jacobian_of_a_large_event_is_left_out(key):
    flow = pf.Pushforward(StandardNormal((65,)), pf.bijections.Exp((65,)))
    result = round_trip(key, flow, num_points=10)
    assert result.jacobian_error is None
    assert "Jacobian" not in str(result)


def test_refusals(key):
    flow = Pushforward(StandardNormal((3,)), Double("none"))
    conditional = pf.flows.nice(key, dim=3, cond_dim=2, layers=1, hidden=(4,))
    with pytest.raises(ValueError, match=r"`x` must be of shape \(rows, 3\)"):
        round_trip(key, flow, np.zeros(3))
    with pytest.raises(ValueError, match="`x` must be finite"):
        round_trip(key, flow, np.full((2, 3), np.inf))
    with pytest.raises(ValueError, match="`condition` must be None"):
        round_trip(key, flow, condition=np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"`condition` must be an array of shape \(rows, 2\); got None"):
        round_trip(key, conditional)
    with pytest.raises(ValueError, match=r"`condition` must be of shape \(rows, 2\); got `shape \(2,\)`"):
        round_trip(key, conditional, condition=np.zeros(2))
    with pytest.raises(ValueError, match="`num_points` must be a positive integer"):
        round_trip(key, flow, num_points=0)
