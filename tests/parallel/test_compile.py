"""Programs of the package's own: settings, donated arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward.parallel import compile as _compile


def test_equal_settings_of_different_types_have_programs_of_their_own():
    times = _compile.compiled(lambda x, by: {"x": x * 2 if by is True else x * by})
    x = np.ones(3, np.float32)
    assert [float(times(x, by)["x"][0]) for by in (1, True, 1.0, 3)] == [1, 2, 1, 3]
    assert isinstance(times(x, by=1)["x"], jax.Array)


def test_donated_arrays_are_used_up_and_the_first_argument_is_kept():
    add = _compile.compiled(lambda kept, spent: {"sum": kept["a"] + spent["b"]}, donate="all-except-first")
    kept, spent = {"a": jnp.ones(4)}, {"b": jnp.ones(4)}
    np.testing.assert_array_equal(add(kept, spent)["sum"], 2)
    assert spent["b"].is_deleted()
    assert not kept["a"].is_deleted()


def test_a_prepared_program_is_compiled_once_and_not_called():
    calls, compiled = [], []

    def times(x, by):
        calls.append(by)
        return {"x": x * by}

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if "backend_compile" in event:
            compiled.append(event)

    program = _compile.compiled(times)
    x = jnp.ones(3)
    program(x, 2)
    jax.monitoring.register_event_duration_secs_listener(listen)
    _compile.prepare(program, jax.ShapeDtypeStruct(x.shape, x.dtype), 3)
    assert len(compiled) == 1
    np.testing.assert_array_equal(program(x, 3)["x"], 3)
    assert calls == [2, 3]
    assert len(compiled) == 1


@pytest.mark.parametrize("order", [("kept", "spent"), ("spent", "kept")])
def test_arrays_given_by_name_are_donated_but_those_of_the_first_argument(order: tuple[str, str]):
    add = _compile.compiled(lambda kept, spent: {"sum": kept["a"] - spent["b"]}, donate="all-except-first")
    given = {"kept": {"a": jnp.full(4, 3.0)}, "spent": {"b": jnp.ones(4)}}
    np.testing.assert_array_equal(add(**{name: given[name] for name in order})["sum"], 2)
    assert given["spent"]["b"].is_deleted()
    assert not given["kept"]["a"].is_deleted()


def test_an_argument_given_twice_is_refused_as_python_does():
    with pytest.raises(TypeError, match="multiple values"):
        _compile.compiled(lambda x, by: x * by)(jnp.ones(2), 2, x=jnp.ones(2))  # pyright: ignore[reportCallIssue]
