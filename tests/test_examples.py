"""The examples, and the code of the README and of pages that can be followed, run to their end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: The pages' code with fits of two epochs or few steps: that it runs is the question here, not how well it fits.
SHORT = """import pushforward


def shorten(name, **settings):
    fit = getattr(pushforward, name)
    setattr(pushforward, name, lambda *args, **given: fit(*args, **{**given, **settings}))


shorten("fit", max_epochs=2)
shorten("fit_density", steps=20)
shorten("fit_source", max_epochs=2)
small = pushforward.models.Candidate("nice", {"layers": 1, "hidden": (8,)}, {"max_epochs": 2})
shorten("search", candidates={"small": small})
"""
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(args: list[str], cwd: Path) -> None:
    env = {**os.environ, "MPLBACKEND": "agg", "JAX_COMPILATION_CACHE_DIR": str(ROOT / ".jax_cache")}
    done = subprocess.run(args, cwd=cwd, env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example(script: Path, tmp_path: Path) -> None:
    run([sys.executable, str(script), str(tmp_path)], tmp_path)
    assert (tmp_path / f"{script.stem}.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *(
            f"docs/{name}.md"
            for name in (
                "index",
                "choosing",
                "supports",
                "diagnostics",
                "log-density",
                "numpyro",
                "simulators",
                "images",
            )
        ),
    ],
)
def test_python_of_page(page: str, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    (tmp_path / "page.py").write_text(SHORT + "\n".join(blocks))
    run([sys.executable, "page.py"], tmp_path)


@pytest.mark.slow
def test_readme_commands(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = [line for line in "".join(blocks).replace("\\\n", " ").splitlines() if line.startswith("pushforward ")]
    assert any(line.startswith("pushforward fit ") for line in lines)
    for line in lines:
        short = ["--epochs", "2"] if line.startswith("pushforward fit ") else []
        run([str(Path(sys.executable).parent / "pushforward"), *line.split()[1:], *short], tmp_path)
