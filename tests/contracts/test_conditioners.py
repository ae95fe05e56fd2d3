"""The contract of the conditioners: structure, the two forms, gradients."""

import inspect
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._fields import trainable
from pushforward.networks import AbstractAutoregressiveConditioner, Guided, MaskedMLP

from ..cases import CONDITIONERS, Case, cast, randomize
from ..conftest import SEED
from .study import made, randomized

DTYPES = ("float32", "float64")
AUTOREGRESSIVE = [
    case for case in CONDITIONERS if issubclass(getattr(pf.networks, case.subject), AbstractAutoregressiveConditioner)
]

each_case = pytest.mark.parametrize("case", CONDITIONERS, ids=lambda case: case.name)
each_autoregressive = pytest.mark.parametrize("case", AUTOREGRESSIVE, ids=lambda case: case.name)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def _in_shape(conditioner: Any) -> tuple[int, ...]:
    is_autoregressive = isinstance(conditioner, AbstractAutoregressiveConditioner)
    return (conditioner.dim, *conditioner.token) if is_autoregressive else conditioner.in_shape


def _inputs(conditioner: Any, dtype: str, rows: int = 16) -> tuple[jax.Array, jax.Array | None]:
    rng = np.random.default_rng(SEED)
    x = jnp.asarray(rng.standard_normal((rows, *_in_shape(conditioner))), dtype)
    if not conditioner.cond_dim:
        return x, None
    return x, jnp.asarray(rng.standard_normal((rows, conditioner.cond_dim)), dtype)


@eqx.filter_jit
def _parallel(conditioner: Any, x: jax.Array, condition: jax.Array | None) -> jax.Array:
    return jax.vmap(conditioner)(x, condition)


@eqx.filter_jit
def _incremental(conditioner: Any, x: jax.Array, condition: jax.Array | None) -> jax.Array:
    """Return the parameters from the incremental form, rows in the order of the steps."""

    def one(x: jax.Array, condition: jax.Array | None) -> jax.Array:
        order = jnp.asarray(conditioner.order)
        return conditioner.run(lambda params, x_i: (x_i, params), x[order], condition)[1]

    return jax.vmap(one)(x, condition)


@each_case
@each_dtype
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_output_has_the_stated_shape_and_the_dtype_of_the_input(case: Case, dtype: str, scale: float):
    conditioner = randomized(case, dtype, scale)
    x, condition = _inputs(conditioner, dtype)
    params = _parallel(conditioner, x, condition)
    if isinstance(conditioner, AbstractAutoregressiveConditioner):
        expected = (*_in_shape(conditioner), conditioner.num_params)
    else:
        expected = conditioner.out_shape
    assert params.shape == (len(x), *expected)
    assert params.dtype == dtype
    assert np.all(np.isfinite(params))


@each_case
def test_parameters_start_at_zero(case: Case):
    conditioner = made(case)
    x, condition = _inputs(conditioner, "float64")
    assert np.all(np.asarray(_parallel(conditioner, x, condition)) == 0)


@each_case
def test_every_weight_has_a_gradient(case: Case):
    conditioner = randomized(case, "float64", 1.0)
    x, condition = _inputs(conditioner, "float64")
    params, static = eqx.partition(conditioner, trainable(conditioner))

    @jax.jit
    def gradient(params: Any) -> Any:
        return jax.grad(lambda p: jnp.sin(jax.vmap(eqx.combine(p, static))(x, condition)).sum())(params)

    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient(params)):
        name = jax.tree_util.keystr(path)
        assert np.all(np.isfinite(leaf)), name
        if leaf.size and not any(name.endswith(dead) for dead in case.dead):
            assert np.any(np.asarray(leaf) != 0), name


@each_case
def test_condition_matters(case: Case):
    conditioner = randomized(case, "float64", 1.0)
    x, condition = _inputs(conditioner, "float64")
    if condition is None:
        pytest.skip("not conditional")
    moved = _parallel(conditioner, x, condition + 1)
    changed = np.asarray(moved != _parallel(conditioner, x, condition))
    ignored = ~changed.any(axis=(0, -1))
    assert not ignored.any(), "the parameters of some element ignore the condition"


@each_autoregressive
@each_dtype
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_scanning_the_steps_equals_the_parallel_call(case: Case, dtype: str, scale: float):
    conditioner = randomized(case, dtype, scale)
    x, condition = _inputs(conditioner, dtype)
    steps = np.asarray(_incremental(conditioner, x, condition))
    parallel = np.asarray(_parallel(conditioner, x, condition))[:, list(conditioner.order)]
    assert steps.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(steps, parallel, rtol=tolerance, atol=tolerance * np.abs(parallel).max())


@each_autoregressive
def test_rows_depend_on_all_earlier_elements_and_on_no_later_one(case: Case):
    conditioner = made(case)
    x, condition = _inputs(conditioner, "float64", rows=64)
    jacobian = jax.jit(
        jax.vmap(jax.jacrev(lambda m, x, c: m(x, c), 1), (None, 0, 0 if condition is not None else None))
    )
    depends = np.zeros((conditioner.dim, conditioner.dim), bool)
    # Of few rectifiers all may be off in one draw of the weights.
    for seed in range(5):
        conditioner = randomize(made(case), jax.random.key(seed), 1.0)
        order = list(conditioner.order)
        j = np.asarray(jacobian(conditioner, x, condition))
        # Rows and elements are the second axis and the first of those of x; the others are of parameters and tokens.
        elements = 2 + len(conditioner.token) + 1
        others = tuple(axis for axis in range(j.ndim) if axis not in (1, elements))
        depends |= (j != 0).any(axis=others)[np.ix_(order, order)]
    assert not depends[np.triu_indices(conditioner.dim)].any(), "a row depends on an element that is not known yet"
    if conditioner.dim > 1:
        assert depends[-1, :-1].all(), "the last row ignores an element"
    if not isinstance(conditioner, MaskedMLP) or min(conditioner.hidden) >= conditioner.dim:
        assert depends[np.tril_indices(conditioner.dim, -1)].all(), "a row ignores an earlier element"


@each_autoregressive
def test_steps_do_not_need_the_elements_that_are_not_known(case: Case):
    conditioner = randomized(case, "float64", 1.0)
    x, condition = _inputs(conditioner, "float64", rows=1)
    one = None if condition is None else condition[0]

    @eqx.filter_jit
    def step_by_step(conditioner: Any, x: jax.Array, condition: jax.Array | None) -> dict[int, jax.Array]:
        rows, state = {}, conditioner.start(condition)
        for i, element in enumerate(conditioner.order):
            number, within = divmod(i, conditioner.block)
            state = conditioner.enter(conditioner.leave(state) if number else state, number) if not within else state
            rows[element], state = conditioner.params_at(state, i)
            state = conditioner.advance(state, i, x[element])
        return rows

    parallel = np.asarray(_parallel(conditioner, x, condition))[0]
    for element, params in step_by_step(conditioner, x[0], one).items():
        np.testing.assert_allclose(params, parallel[element], rtol=1e-12, atol=1e-12)


#: For each class, arguments that are right, and settings that are not, by the name that the error must have.
WRONG: dict[str, tuple[tuple[Any, ...], list[tuple[str, dict[str, Any]]]]] = {
    "MLP": ((3, (2, 4)), []),
    "MaskedMLP": ((3, 4), [("order", {"order": (0, 1)})]),
    "ConvNet": (
        ((2, 2, 1), (2, 2, 1, 2)),
        [
            ("width", {"width": 0}),
            ("blocks", {"blocks": 0}),
            ("out_shape", {"out_shape": (3, 2, 1, 2)}),
            ("in_shape", {"in_shape": (2, 2)}),
            ("cond_dim", {"cond_dim": -1}),
            ("compute", {"compute": "float8"}),
        ],
    ),
    "CausalTransformer": (
        (3, 2, 2),
        [
            ("width", {"width": 5, "heads": 2}),
            ("layers", {"layers": 0}),
            ("order", {"order": (0, 0, 1)}),
            ("cond_dim", {"cond_dim": -1}),
            ("compute", {"compute": "float8"}),
        ],
    ),
}
OF_PERCEPTRONS = [
    ("hidden", {"hidden": ()}),
    ("hidden", {"hidden": (0,)}),
    ("cond_dim", {"cond_dim": -1}),
    ("activation", {"activation": "step"}),
]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_refused_by_name(name: str):
    build: Any = getattr(pf.networks, name)
    arguments, wrong = WRONG[name]
    given = dict(zip(list(inspect.signature(build).parameters)[1:], arguments, strict=False))
    for setting, settings in wrong + (OF_PERCEPTRONS if "MLP" in name else []):
        with pytest.raises((ValueError, TypeError), match=setting):
            build(jax.random.key(0), **{**given, **settings})


def test_guidance_needs_a_condition_and_a_finite_weight(key: jax.Array):
    with pytest.raises(ValueError, match="`conditioner` must be conditional"):
        Guided(MaskedMLP(key, 3, 1), 1.0)
    with pytest.raises(ValueError, match="`weight` must be finite"):
        Guided(MaskedMLP(key, 3, 1, cond_dim=2), float("nan"))


def test_guidance_moves_the_parameters_away_from_those_without_a_condition():
    guided = randomized(next(case for case in CONDITIONERS if case.name == "Guided:transformer"), "float64", 1.0)
    x, condition = _inputs(guided, "float64")
    nothing = jnp.zeros((len(x), guided.cond_dim))
    with_condition = _parallel(guided.conditioner, x, condition)
    without = _parallel(guided.conditioner, x, nothing)
    expected = with_condition + 1.5 * (with_condition - without)
    np.testing.assert_allclose(_parallel(guided, x, condition), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(_parallel(guided, x, nothing), without, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments"), [("ConvNet", ((2, 2, 1), (2, 2, 1, 2))), ("CausalTransformer", (3, 2, 2))]
)
def test_products_in_bfloat16_give_parameters_of_the_dtype_of_the_input(name: str, arguments: Any, key: jax.Array):
    """Three digits of the numbers in float32, of its dtype; the log-determinants made of them are then in it, too."""
    build: Any = getattr(pf.networks, name)
    exact = cast(randomize(build(key, *arguments, width=8), key, 1.0), "float32")
    structure = jax.tree.structure(build(key, *arguments, width=8, compute="bfloat16"))
    short = jax.tree.unflatten(structure, jax.tree.leaves(exact))
    x, condition = _inputs(exact, "float32")
    params, expected = _parallel(short, x, condition), _parallel(exact, x, condition)
    assert params.dtype == np.float32
    error = np.abs(params - expected).max() / np.abs(expected).max()
    assert 1e-5 < error < 0.1


def test_float32_weights_stay_float32():
    conditioner = cast(made(CONDITIONERS[0]), "float32")
    assert {str(a.dtype) for a in jax.tree.leaves(eqx.filter(conditioner, eqx.is_inexact_array))} == {"float32"}
