"""What the whole test run shares: runtime type checks, float64, the compile cache, one seed.

- Every annotation of `pushforward` is checked by beartype through the import hook of jaxtyping.
- JAX runs with 64-bit types on; a float32 case casts its parameters and inputs to float32.
- XLA compiles with its older loop emitters, in one piece, and does not optimize the machine code, except that of the
  contracts of single bijections in float32: nearly all of the time of a test is compilation, which takes less than
  half of the time so.
- There are three CPU devices: large batches are shared among them, as on a machine that has several.
- A test draws random numbers from `SEED` only, by `jax.random.key(SEED)` or `numpy.random.default_rng(SEED)`.
- With pytest-xdist the tests of one file go to one worker, those of one registry line likewise, so that a line is
  compiled once. Files, which take up to minutes, go first, so that the workers end together.
- `-m quick` takes all of the files at the top of `tests/`, the first test of every folder, and of every contract the
  first line of each floor in float32 at scale one.
"""

import gc
import itertools
import os
import pathlib
import re
import zlib
from typing import Any

import jax
import numpy as np
import pytest
from jaxtyping import install_import_hook

install_import_hook("pushforward", "beartype.beartype")

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 3)
jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(__file__).parents[1] / ".jax_cache"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)

SEED = 20240229
#: A third of the usual limit of a Linux process, vm.max_map_count = 65530.
MANY_MAPS = 20000

_finished = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Compile quickly, before JAX starts; slow tests run longer than they compile."""
    # XLA ends a process over a flag that it does not know, and the first of these is gone since JAX 0.11.
    if jax.__version_info__ < (0, 11) and config.option.markexpr != "slow":
        quick = (
            "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"
            " --xla_cpu_parallel_codegen_split_count=1"
        )
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {quick}"


def line_of(nodeid: str) -> str | None:
    """Return the registry line that a test is about."""
    line = re.search(r"[\[-]([A-Za-z]\w*:[\w-]*)\]$", nodeid)
    return line[1] if line else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files before registry lines, and mark what is quick."""
    items.sort(key=lambda item: line_of(item.nodeid) is not None)
    seen: set[Any] = set()
    for item in items:
        parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        small = parameters.get("dtype", "float32") == "float32" and parameters.get("scale", 1.0) == 1.0
        case = parameters.get("case")
        what = (item.path, getattr(item, "originalname", ""), _floor(case)) if case else item.path.parent
        whole = not case and item.path.parent == pathlib.Path(__file__).parent
        if small and (whole or what not in seen) and item.get_closest_marker("slow") is None:
            seen.add(what)
            item.add_marker("quick")


def _floor(case: Any) -> str:
    """Return the name of the registry that a line is in."""
    from . import cases

    for name, lines in vars(cases).items():
        if isinstance(lines, list):
            # A line may stand beside what else its contract needs.
            plain = [line[0] if isinstance(line, tuple) else line for line in lines]
            if any(line is case for line in plain):
                return name
    raise LookupError(f"{case} is in no registry of tests/cases")


def pytest_collection_finish() -> None:
    """Do not look through everything imported and collected, again and again, for garbage: a tenth of a compilation."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests of one registry line, or else of one file, to one worker, in the order of collection."""
    from xdist.scheduler import LoadScopeScheduling

    class ByLine(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return line_of(nodeid) or nodeid.split("::")[0]

    config.option.loadscopereorder = False
    return ByLine(config, log)


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Forget compiled functions before their memory maps, several for each, reach the limit of the kernel."""
    maps = pathlib.Path("/proc/self/maps")
    if next(_finished) % 25 == 0 and maps.exists() and maps.read_bytes().count(b"\n") > MANY_MAPS:
        jax.clear_caches()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> jax.Array:
    """Return a random key that depends on `SEED` and on the name of the test only."""
    return jax.random.fold_in(jax.random.key(SEED), zlib.crc32(request.node.name.encode()))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Return a NumPy generator that depends on `SEED` and on the name of the test only."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.name.encode())])
