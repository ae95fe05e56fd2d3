"""The contract of the embeddings: what they see of a condition, and what not."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._fields import trainable

from ..cases import EMBEDDINGS, Case
from ..conftest import SEED
from .study import made, randomized

ROWS = 6
MASKED = [case for case in EMBEDDINGS if case.name.endswith(":masked")]
SETS = [case for case in EMBEDDINGS if case.subject == "DeepSet"]

each_case = pytest.mark.parametrize("case", EMBEDDINGS, ids=lambda case: case.name)


def _conditions(shapes: Any, dtype: str = "float64", name: str = "values", seed: int = SEED) -> Any:
    """Return `ROWS` conditions, the batch being the last axis; masks are true here and there, or nowhere."""
    rng = np.random.default_rng(seed)
    if isinstance(shapes, dict):
        return {key: _conditions(part, dtype, key, seed) for key, part in shapes.items()}
    if shapes and isinstance(shapes[0], tuple | dict):
        return tuple(_conditions(part, dtype, name, seed) for part in shapes)
    if name == "mask":
        return jnp.asarray(rng.random((*shapes, ROWS)) < np.linspace(0, 1, ROWS))
    return jnp.asarray(2 * rng.standard_normal((*shapes, ROWS)), dtype)


@eqx.filter_jit
def _run(embedding: Any, condition: Any) -> jax.Array:
    return embedding(condition)


@each_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vectors_are_finite_and_of_the_stated_shape_and_dtype(case: Case, dtype: str):
    embedding = randomized(case, dtype, 1.0)
    out = _run(embedding, _conditions(embedding.in_shape, dtype))
    assert out.shape == (embedding.out_dim, ROWS)
    assert out.dtype == dtype
    assert np.all(np.isfinite(out))


@each_case
def test_vectors_start_of_order_one_and_stay_so_far_out(case: Case):
    embedding = made(case)
    condition = _conditions(embedding.in_shape)
    far = jax.tree.map(lambda a: a * 1e6 if jnp.issubdtype(a.dtype, jnp.floating) else a, condition)
    assert 0.1 < np.std(_run(embedding, condition)) < 2
    assert np.abs(_run(embedding, far)).max() < 5


@each_case
def test_a_batch_is_its_conditions_one_by_one(case: Case):
    embedding = randomized(case, "float64", 1.0)
    condition = _conditions(embedding.in_shape)
    one_by_one = [_run(embedding, jax.tree.map(lambda a, i=i: a[..., i], condition)) for i in range(ROWS)]
    np.testing.assert_allclose(_run(embedding, condition), np.stack(one_by_one, axis=-1), rtol=1e-9, atol=1e-11)


@each_case
def test_every_weight_has_a_finite_gradient(case: Case):
    embedding = randomized(case, "float64", 1.0)
    condition = _conditions(embedding.in_shape)
    params, static = eqx.partition(embedding, trainable(embedding))
    gradient = jax.jit(jax.grad(lambda p: jnp.sin(eqx.combine(p, static)(condition)).sum()))(params)
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        name = jax.tree_util.keystr(path)
        assert np.all(np.isfinite(leaf)), name
        assert np.any(np.asarray(leaf) != 0), name


@pytest.mark.parametrize("case", SETS, ids=lambda case: case.name)
def test_the_order_of_a_set_does_not_matter(case: Case):
    embedding = randomized(case, "float64", 1.0)
    condition = _conditions(embedding.in_shape)
    order = np.random.default_rng(SEED).permutation(5)
    shuffled = jax.tree.map(lambda a: a[order], condition)
    np.testing.assert_allclose(_run(embedding, shuffled), _run(embedding, condition), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", MASKED, ids=lambda case: case.name)
def test_what_is_not_there_does_not_matter(case: Case):
    embedding = randomized(case, "float64", 1.0)
    condition = _conditions(embedding.in_shape)
    mask = np.asarray(condition["mask"])
    channels = len(embedding.in_shape["mask"])
    elsewhere = np.where(np.expand_dims(mask, channels), condition["values"], np.nan)
    expected = _run(embedding, condition)
    np.testing.assert_array_equal(_run(embedding, {**condition, "values": jnp.asarray(elsewhere)}), expected)
    np.testing.assert_array_equal(_run(embedding, {**condition, "mask": jnp.asarray(mask, float)}), expected)
    gone = _run(embedding, {**condition, "mask": jnp.zeros_like(condition["mask"])})
    assert np.any(np.asarray(gone) != expected)

    def total(values: jax.Array) -> jax.Array:
        return jnp.sin(embedding({"values": values, "mask": condition["mask"]})).sum()

    slopes = np.moveaxis(np.asarray(jax.jit(jax.grad(total))(jnp.asarray(elsewhere))), channels, -1)
    np.testing.assert_array_equal((slopes != 0).any(axis=-1), mask)
    assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("name", ["DeepSet:masked", "SeriesEmbedding:masked"])
def test_padding_at_the_end_does_not_matter(name: str):
    """Up to the bias of the steps of a series, which has one for each."""
    embedding = randomized(next(case for case in EMBEDDINGS if case.name == name), "float64", 1.0)
    short = jax.tree.map(lambda a: a[:3], _conditions(embedding.in_shape))
    values = jnp.pad(short["values"], ((0, 2), (0, 0), (0, 0)), constant_values=7.0)
    long = {"values": values, "mask": jnp.pad(short["mask"], ((0, 2), (0, 0)))}

    def of_length(n: int) -> Any:
        is_series = hasattr(embedding, "first_bias")
        return eqx.tree_at(lambda e: e.first_bias, embedding, embedding.first_bias[:, :n]) if is_series else embedding

    np.testing.assert_allclose(of_length(5)(long), of_length(3)(short), rtol=1e-12, atol=1e-13)


def test_whole_numbers_stand_for_themselves():
    embedding = randomized(next(case for case in EMBEDDINGS if case.name == "ImageEmbedding:masked"), "float32", 1.0)
    condition = _conditions(embedding.in_shape, "float32")
    whole = np.abs(np.round(condition["values"])).astype(np.uint8)
    as_floats = {**condition, "values": jnp.asarray(whole, jnp.float32)}
    out = _run(embedding, {**condition, "values": jnp.asarray(whole)})
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, _run(embedding, as_floats))


@each_case
def test_wrong_shapes_are_refused_by_name(case: Case):
    embedding = made(case)
    flow = pf.flows.nice(jax.random.key(0), 2, cond_dim=embedding.out_dim, hidden=(2,), layers=1)
    model = pf.distributions.Embedded(flow, embedding)
    right = jax.tree.map(lambda a: a[..., 0], _conditions(embedding.in_shape))
    for path, leaf in jax.tree_util.tree_leaves_with_path(right):
        wrong = jax.tree_util.tree_map_with_path(lambda p, a, path=path: a[..., :-1] if p == path else a, right)
        name = "condition" + jax.tree_util.keystr(path).replace("'", '"')
        given = (*leaf.shape[:-1], leaf.shape[-1] - 1)
        with pytest.raises(ValueError, match="trailing shape") as caught:
            model.log_prob(np.zeros(2), wrong)
        assert str(caught.value).startswith(
            f"`{name}` must be an array of trailing shape {leaf.shape}; got `shape {given}`"
        )
    with pytest.raises(ValueError, match="`condition` must be"):
        model.log_prob(np.zeros(2), np.zeros(17))


@each_case
def test_file_round_trip_keeps_every_bit(case: Case):
    embedding = randomized(case, "float32", 1.0)
    condition = _conditions(embedding.in_shape, "float32")
    loaded = pf.io.from_bytes(pf.io.to_bytes(embedding))
    assert jax.tree.structure(loaded) == jax.tree.structure(embedding)
    np.testing.assert_array_equal(_run(loaded, condition), _run(embedding, condition))


#: For each class, arguments that are right, and settings that are not, by the name that the error must have.
WRONG: dict[str, tuple[tuple[Any, ...], list[tuple[str, dict[str, Any]]]]] = {
    "VectorEmbedding": (((3,),), [("shape", {"shape": (-1,)}), ("layers", {"layers": 0})]),
    "DeepSet": (((4, 2),), [("shape", {"shape": (4, 2, 1)}), ("shape", {"shape": (0, 2)}), ("layers", {"layers": 0})]),
    "SeriesEmbedding": (((4, 2),), [("shape", {"shape": (4,)}), ("blocks", {"blocks": 0})]),
    "ImageEmbedding": (((4, 2, 1),), [("shape", {"shape": (4, 2)}), ("blocks", {"blocks": 0})]),
}
OF_ALL = [("out_dim", {"out_dim": 0}), ("width", {"width": 1}), ("activation", {"activation": "step"})]


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_refused_by_name(name: str):
    (shape,), wrong = WRONG[name]
    for setting, settings in wrong + OF_ALL:
        with pytest.raises((ValueError, TypeError), match=setting):
            getattr(pf.networks, name)(jax.random.key(0), **{"shape": shape, **settings})


def test_parts_of_a_tree_are_embeddings(key: jax.Array):
    parts: Any
    for parts in ({}, {"a": pf.networks.MLP(key, 2, (1, 1))}, {"a": np.zeros(2)}):
        with pytest.raises((ValueError, TypeError), match="parts"):
            pf.networks.TreeEmbedding(parts)
