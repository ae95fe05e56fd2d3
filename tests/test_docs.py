"""The documentation keeps its promises where a test can see it."""

import re
from pathlib import Path

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


def test_recipe_for_a_bijection_works() -> None:
    text = (ROOT / "docs" / "adding.md").read_text()
    match = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert match is not None
    scope = {"__name__": "pushforward.bijections.elementwise.sinh", "__package__": "pushforward.bijections.elementwise"}
    exec(compile(match[1], "docs/adding.md", "exec"), scope)
    bijection = scope["Sinh"]((3,))  # pyright: ignore[reportCallIssue]
    z = jnp.array([-3.0, 0.0, 0.7])
    x, log_det = bijection.forward_and_log_det(z)
    back, back_log_det = bijection.inverse_and_log_det(x)
    _, expected = jnp.linalg.slogdet(jax.jacobian(bijection.forward)(z))
    np.testing.assert_allclose(back, z, atol=1e-6)
    np.testing.assert_allclose([log_det, -back_log_det], [expected, expected], rtol=1e-5)


def test_links_between_pages() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} refers to {target}, which does not exist"
