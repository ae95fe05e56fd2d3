"""The documentation keeps its promises where a test can see it."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward

ROOT = Path(__file__).parents[1]


def floors() -> list[str]:
    """Return the floors that users see: what `pushforward` offers, and `sklearn`, which has an import of its own."""
    return sorted({*pushforward._FLOORS, "sklearn"})


@pytest.mark.parametrize("floor", floors())
def test_floor_has_an_api_page(floor: str) -> None:
    # That every name of the floor is on that page is checked on the built site, by docs/hooks/coverage.py.
    page = ROOT / "docs" / "api" / f"{floor}.md"
    assert f"::: pushforward.{floor}\n" in page.read_text()
    assert f"api/{floor}.md" in (ROOT / "mkdocs.yml").read_text()


def recipe(name: str, package: str) -> Any:
    """Return what a block of docs/adding.md defines, run as a file of a package."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adding.md").read_text(), re.DOTALL)
    block = next(block for block in blocks if re.search(rf"(class|def) {name}\b", block))
    scope: dict[str, Any] = {
        "__name__": f"pushforward.{package}.{name.lower()}",
        "__package__": f"pushforward.{package}",
    }
    exec(compile(block, f"docs/adding.md, {name}", "exec"), scope)
    return scope[name]


def test_recipe_for_a_bijection_works() -> None:
    bijection = recipe("Sinh", "bijections.elementwise")((3,))
    z = jnp.array([-3.0, 0.0, 0.7])
    x, log_det = bijection.forward_and_log_det(z)
    back, back_log_det = bijection.inverse_and_log_det(x)
    _, expected = jnp.linalg.slogdet(jax.jacobian(bijection.forward)(z))
    np.testing.assert_allclose(back, z, atol=1e-6)
    np.testing.assert_allclose([log_det, -back_log_det], [expected, expected], rtol=1e-5)


def test_recipe_for_a_univariate_map_works() -> None:
    univariate = recipe("SinhArcsinh", "univariate")()
    z = jnp.array([-30.0, 0.0, 0.7])
    for t in (0.0, 0.4):
        params = jnp.full((3, 1), t)
        x, log_derivative = univariate.forward_and_log_derivative(z, params)
        slope = jax.grad(lambda z, p=params: univariate.forward_and_log_derivative(z, p)[0].sum())(z)
        np.testing.assert_allclose(log_derivative, np.log(slope), atol=1e-9)
        np.testing.assert_allclose(univariate.inverse_and_log_derivative(x, params)[0], z, atol=1e-9)
    np.testing.assert_allclose(univariate.forward_and_log_derivative(z, jnp.zeros((3, 1)))[0], z, atol=1e-12)


def test_recipe_for_a_coupling_network_works(key: jax.Array) -> None:
    univariate = pushforward.univariate.Affine()
    network = recipe("GatedLinear", "networks.conditioners")(key, 1, (2, 2), width=4, cond_dim=1)
    coupling = pushforward.bijections.Coupling(network, univariate)
    z, condition = jnp.array([0.5, -1.0, 2.0]), jnp.array([0.3])
    x, log_det = coupling.forward_and_log_det(z, condition)
    np.testing.assert_array_equal([*x, log_det], [*z, 0.0])
    assert network(jnp.zeros((1, 5)), jnp.zeros((1, 5))).shape == (2, 5, 2)


def test_recipes_for_an_architecture_and_an_objective_work(key: jax.Array) -> None:
    flow = recipe("coupled", "flows.tables")(key, 2, layers=1, hidden=(8,))
    objective = recipe("Tempered", "train.objectives.data")(0.2)
    x = np.random.default_rng(0).normal(size=(60, 2))
    result = pushforward.fit(key, flow, x, objective=objective, max_epochs=2, progress=False)
    # Σ w (1 - p^b) / b of a density that is not far off lies between 0 and 1 / b.
    assert all(0 < loss < 5 for loss in result.history["train"])


def test_links_between_pages() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} refers to {target}, which does not exist"
