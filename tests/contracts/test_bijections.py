"""The contract of the bijections, and of the flows' bijections, at random parameters of scale 1 and 3."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward.bijections._fitted import is_pending

from ..cases import ADAPT, BIJECTIONS, FLOWS, Case, excused
from .study import BACKWARD, BULK, LOG_DET, SCALES, Map, bijection_of, conditions, made, points, randomized, study

CASES = BIJECTIONS + FLOWS + ADAPT
DTYPES = ("float32", "float64")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def each(test: Any) -> Any:
    """Run a test for every case, dtype and scale."""
    for mark in (pytest.mark.parametrize("scale", SCALES), pytest.mark.parametrize("dtype", DTYPES), each_case):
        test = mark(test)
    return test


def of_kind(kind: type) -> Any:
    """Run a test for the lines of one class."""
    cases = [case for case in BIJECTIONS if case.subject == kind.__name__]
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def size(event: np.ndarray) -> np.ndarray:
    """Return the largest |element| of each event."""
    return np.abs(event).reshape(len(event), -1).max(axis=1)


def unsettled(m: Map, dtype: str, composed: bool) -> np.ndarray:
    """Return what the rounding of its entries moves the log-determinant of the Jacobian by, at each near row.

    A determinant of entries with relative errors eps has the relative error eps times the condition number; where
    that is of order one the determinant has no digit. Single maps, and rows at which it is below the bound, get no
    such allowance.
    """
    jacobian = m.jacobian[m.near].astype(float)
    if not composed:
        return np.zeros(len(jacobian))
    regular = np.isfinite(jacobian).all(axis=(1, 2))
    condition = np.full(len(jacobian), np.inf)
    condition[regular] = np.linalg.cond(jacobian[regular])
    error = 8 * np.finfo(dtype).eps * condition
    error[error <= LOG_DET[dtype]] = 0.0
    return np.where(error < 0.1, error, np.inf)


def steepness(m: Map) -> np.ndarray:
    """Return the largest absolute row sum of the Jacobian at each row."""
    return np.abs(m.jacobian.astype(float)).sum(axis=2).max(axis=1)


@each
def test_inverse_has_a_small_backward_error(case: Case, dtype: str, scale: float):
    """|f(f⁻¹(x)) - x| is small beside 1 + |x|; for a composition beside what rounding z moves f(z) by, too."""
    s = study(case, dtype, scale)
    rows = s.inverse.inside
    x, again = s.inverse.point[rows], s.back.value[rows]
    allowed = 1 + size(x)
    if case.composed:
        allowed = allowed + steepness(s.back)[rows] * (1 + size(s.inverse.value[rows]))
    error = size(again - x) / allowed
    excused(case, dtype, scale, error.max(), BACKWARD[dtype])
    assert error.max() <= BACKWARD[dtype], f"row {error.argmax()}: x = {x[error.argmax()]}"


@pytest.mark.parametrize("case", [case for case in CASES if case.composed], ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", DTYPES)
def test_inverse_of_a_composition_has_a_small_backward_error_at_scale_one(case: Case, dtype: str):
    if "literal" in case.known:
        pytest.xfail(case.known["literal"])
    s = study(case, dtype, 1.0)
    rows = s.inverse.near
    x, again = s.inverse.point[rows], s.back.value[rows]
    assert np.max(size(again - x) / (1 + size(x))) <= BACKWARD[dtype]


@each
def test_inverse_undoes_forward_as_well_as_conditioning_allows(case: Case, dtype: str, scale: float):
    """Rounding of x = f(z) alone moves f⁻¹(x) by |J⁻¹| (1 + |x|) units of the last place."""
    s = study(case, dtype, scale)
    rows = s.forward.near
    z, x, again = s.forward.point[rows], s.forward.value[rows], s.there.value[rows]
    allowed = 1 + size(z) + steepness(s.there)[rows] * (1 + size(x))
    assert np.all(size(again - z) <= BACKWARD[dtype] * allowed)


@each
def test_log_det_is_that_of_the_autodiff_jacobian(case: Case, dtype: str, scale: float):
    s = study(case, dtype, scale)
    for name, m in (("forward", s.forward), ("inverse", s.inverse)):
        reference = np.linalg.slogdet(m.jacobian[m.near].astype(float))[1]
        allowed = LOG_DET[dtype] * (1 + np.abs(reference)) + unsettled(m, dtype, case.composed)
        wrong = np.abs(m.log_det[m.near] - reference) > allowed
        assert not wrong.any(), (
            f"{name}: {m.log_det[m.near][wrong]}, autodiff {reference[wrong]}, at {m.point[m.near][wrong]}"
        )


@each
def test_log_dets_of_the_directions_cancel(case: Case, dtype: str, scale: float):
    s = study(case, dtype, scale)
    one, other = s.inverse.log_det[s.inverse.near], s.back.log_det[s.back.near]
    conditioning = unsettled(s.inverse, dtype, case.composed) + unsettled(s.back, dtype, case.composed)
    error = np.abs(one + other) / (1 + np.abs(one) + conditioning / LOG_DET[dtype])
    excused(case, dtype, scale, error.max(), LOG_DET[dtype])
    assert error.max() <= LOG_DET[dtype], f"{one[error.argmax()]}, {other[error.argmax()]}"


@pytest.mark.parametrize("case", [case for case in CASES if case.composed], ids=lambda case: case.name)
def test_conditioning_does_not_excuse_a_wrong_log_det(case: Case):
    """What `unsettled` allows is far below the error of a wrong formula, in float64 and at most rows."""
    s = study(case, "float64", 1.0)
    assert np.median(unsettled(s.forward, "float64", True)) <= 1e-4
    assert np.median(unsettled(s.inverse, "float64", True)) <= 1e-4


@pytest.mark.parametrize("case", BIJECTIONS, ids=lambda case: case.name)
def test_products_keep_the_precision_of_float32(case: Case):
    """Where JAX by itself would multiply float32 to three digits, as on GPUs; also for the gradient of anything."""
    bijection = bijection_of(made(case))
    params, static = eqx.partition(bijection, eqx.is_inexact_array)
    condition = None if bijection.cond_shape is None else np.zeros(bijection.cond_shape, np.float32)
    event = jax.tree.map(lambda rows: rows[0], points(case.z, bijection.shape, "float32")[0])
    for name in ("forward_and_log_det", "inverse_and_log_det"):

        def total(params: Any, event: Any, condition: Any, name: str = name) -> Any:
            value, log_det = getattr(eqx.combine(params, static), name)(event, condition)
            return value.sum() + log_det

        program = str(jax.make_jaxpr(jax.value_and_grad(total))(params, event, condition))
        products = program.count("dot_general[") + program.count("conv_general_dilated[")
        assert program.count("Precision.HIGHEST, Precision.HIGHEST") == products, name
        multiplies = case.subject in ("Autoregressive", "Conv1x1", "Coupling", "Whiten")
        assert products > 0 or not multiplies or is_pending(bijection)


@pytest.mark.parametrize("chosen", [None, "tensorfloat32"])
def test_who_chose_a_precision_of_products_gets_it(chosen: str | None):
    network = pf.networks.MLP(jax.random.key(0), 2, (2, 3))
    with jax.default_matmul_precision(chosen):
        program = str(jax.make_jaxpr(network)(np.zeros((2, 4), np.float32)))
    assert ("HIGHEST" in program) == (chosen is None)


@each
def test_values_and_gradients_are_finite(case: Case, dtype: str, scale: float):
    s = study(case, dtype, scale)
    for name, m in (("forward", s.forward), ("inverse", s.inverse)):
        rows = m.inside
        assert np.all(np.isfinite(m.value[rows])), name
        assert np.all(np.isfinite(m.log_det[rows])), name
        bad = np.flatnonzero(~m.finite[rows])
        assert bad.size == 0, f"{name}: gradient not finite at {m.point[bad[:3]]}"


@each
def test_outside_the_codomain_the_log_det_is_minus_infinity(case: Case, dtype: str, scale: float):
    s = study(case, dtype, scale)
    rows = s.inverse.outside
    if rows.start == rows.stop:
        pytest.skip("the codomain is the whole space")
    assert np.all(np.isfinite(s.inverse.value[rows]))
    assert np.all(s.inverse.log_det[rows] == -np.inf)
    assert np.all(s.inverse.finite[rows]), "a gradient outside the support is not finite"


@each
def test_nan_is_not_hidden(case: Case, dtype: str, scale: float):
    s = study(case, dtype, scale)
    for m in (s.forward, s.inverse):
        assert np.isnan(m.value[-1]).any()


@each
def test_dtype_is_that_of_the_input(case: Case, dtype: str, scale: float):
    s = study(case, dtype, scale)
    assert s.forward.dtypes == s.inverse.dtypes == {dtype}


@each_case
def test_every_gradient_is_somewhere_nonzero(case: Case):
    s = study(case, "float64", 1.0)
    for name, m in (("forward", s.forward), ("inverse", s.inverse)):
        idle = [path for path, live in m.live.items() if not live and not path.endswith(tuple(case.dead))]
        assert not idle, f"{name}: no gradient with respect to {idle}"


@each_case
def test_compiled_batch_equals_plain_loop(case: Case):
    """The batch of the study is compiled and mapped; here the same events go one by one, not compiled."""
    s = study(case, "float64", 1.0)
    for i in (0, BULK // 2):
        condition = None if s.condition is None else s.condition[i]
        for m, go in (
            (s.forward, s.bijection.forward_and_log_det),
            (s.inverse, s.bijection.inverse_and_log_det),
        ):
            value, log_det = go(m.point[i], condition)
            np.testing.assert_allclose(value, m.value[i], rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(log_det, m.log_det[i], rtol=1e-9, atol=1e-9)


@each_case
def test_naive_reference_agrees(case: Case):
    """`evaluate.jacobian_log_det` is the Jacobian of the study by another route, forward mode."""
    s = study(case, "float64", 1.0)
    condition = None if s.condition is None else s.condition[1]
    naive = jax.jit(pf.evaluate.jacobian_log_det)(s.bijection, s.forward.point[1], condition)
    np.testing.assert_allclose(naive, s.forward.log_det[1], rtol=1e-8, atol=1e-8)


@each_case
def test_wrong_shapes_are_refused_by_name(case: Case):
    bijection = bijection_of(made(case))
    given, condition = (*bijection.shape, 7), _condition(bijection)
    for go, name in ((bijection.forward_and_log_det, "z"), (bijection.inverse_and_log_det, "x")):
        with pytest.raises(ValueError, match=f"`{name}` must be") as caught:
            go(np.zeros(given), condition)
        assert str(bijection.shape) in str(caught.value)
        assert str(given) in str(caught.value)
        with pytest.raises(ValueError, match="`condition` must be") as caught:
            go(np.zeros(bijection.shape), np.zeros(9) if condition is None else None)
        if condition is not None:
            assert str(bijection.cond_shape) in str(caught.value)
            with pytest.raises(ValueError, match="`condition` must be") as caught:
                go(np.zeros(bijection.shape), np.zeros(9))
            assert "(9,)" in str(caught.value)


@each_case
def test_file_round_trip_is_bit_equal(case: Case, tmp_path: Any):
    for dtype in DTYPES:
        model = randomized(case, dtype, 1.0)
        pf.save(tmp_path / "model.pf", model)
        loaded = pf.load(tmp_path / "model.pf")
        assert jax.tree.structure(loaded) == jax.tree.structure(model)
        for before, after in zip(jax.tree.leaves(model), jax.tree.leaves(loaded), strict=True):
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(np.asarray(after), np.asarray(before))


@pytest.mark.parametrize("case", [case for case in BIJECTIONS if case.start == "identity"], ids=lambda case: case.name)
def test_starts_at_the_identity(case: Case):
    bijection = made(case)
    z = points(case.z, bijection.shape, "float64")[0]
    condition = conditions(bijection.cond_shape, "float64")
    for i in (0, 1, BULK, BULK + 2):
        x, log_det = bijection.forward_and_log_det(z[i], None if condition is None else condition[i])
        np.testing.assert_allclose(x, z[i], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(log_det, 0, atol=1e-12)


@of_kind(pf.bijections.Autoregressive)
@pytest.mark.parametrize("dtype", DTYPES)
def test_autoregressive_jacobian_has_exact_zeros(case: Case, dtype: str):
    s = study(case, dtype, 3.0)
    conditioner = s.bijection.conditioner
    size = int(np.prod(conditioner.token))
    order = (np.array(conditioner.order)[:, None] * size + np.arange(size)).ravel()
    step = np.arange(len(order)) // size
    # Elements of one token have their own maps, of parameters that do not depend on any of them.
    later = (step[:, None] <= step) & ~np.eye(len(order), dtype=bool)
    for m in (s.forward, s.inverse):
        ordered = m.jacobian[m.inside][:, order][:, :, order]
        assert np.all(ordered[:, later] == 0)


@of_kind(pf.bijections.Coupling)
@pytest.mark.parametrize("dtype", DTYPES)
def test_coupling_passes_what_its_split_says_unchanged(case: Case, dtype: str):
    s = study(case, dtype, 3.0)
    shape, split = s.bijection.shape, s.bijection.split
    if isinstance(split, pf.bijections.Checkerboard):
        first = np.indices(shape)[:2].sum(axis=0) % 2 == 0
    else:
        first = np.indices(shape)[split.axis] < shape[split.axis] // 2
    kept = (first != split.other).ravel()
    assert kept.sum() < kept.size
    for m in (s.forward, s.inverse):
        rows = m.inside
        value, point = (a[rows].reshape(-1, kept.size) for a in (m.value, m.point))
        np.testing.assert_array_equal(value[:, kept], point[:, kept])
        np.testing.assert_array_equal(
            m.jacobian[rows][:, kept], np.broadcast_to(np.eye(kept.size)[kept], (rows.stop, kept.sum(), kept.size))
        )
        moved = m.jacobian[rows][:, ~kept][:, :, ~kept]
        assert np.all(moved[:, ~np.eye(moved.shape[1], dtype=bool)] == 0)


def _condition(bijection: Any) -> np.ndarray | None:
    return None if bijection.cond_shape is None else np.zeros(bijection.cond_shape)
