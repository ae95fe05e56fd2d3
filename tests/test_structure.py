"""The rules of the source: abstract or final, no override, fields in one class, every public name in the registry."""

import ast
import dataclasses
import importlib
import importlib.metadata as metadata
import inspect
import pathlib
import pkgutil
import subprocess
import sys
from typing import Any

import equinox as eqx
import pytest

import pushforward as pf

from .cases import (
    ADAPT,
    BIJECTIONS,
    COLUMNS,
    CONDITIONERS,
    DISTRIBUTIONS,
    EMBEDDINGS,
    FLOWS,
    IMAGES,
    MARGINALS,
    OBJECTIVES,
    SPLITS,
    SUBSETS,
    SUPPORTS,
    UNIVARIATE,
    Case,
)
from .contracts.study import made

ROOT = pathlib.Path(pf.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
REGISTRY = {
    pf.supports: SUPPORTS,
    pf.univariate: UNIVARIATE,
    pf.networks: CONDITIONERS + EMBEDDINGS + SUBSETS,
    pf.bijections: [*BIJECTIONS, *IMAGES, *(case for case, _ in SPLITS)],
    pf.distributions: DISTRIBUTIONS,
    pf.columns: COLUMNS,
    pf.flows: FLOWS,
    pf.adapt: ADAPT,
}
#: Floors that need an optional dependency, and hold no `equinox.Module`.
FRONT_ENDS = ("cli", "sklearn", "plot", "numpyro", "__main__")
#: What a plain `import pushforward` must not load.
HEAVY = ("matplotlib", "corner", "sklearn", "numpyro", "orbax", "scipy", "pyarrow", "typer", "pandas")

each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))


def _modules() -> list[type]:
    """Return every Equinox class of the package."""
    found: set[type] = set()
    for info in pkgutil.walk_packages(pf.__path__, "pushforward."):
        if info.name.split(".")[1] not in FRONT_ENDS:
            module = importlib.import_module(info.name)
            for value in vars(module).values():
                ours = isinstance(value, type) and value.__module__.startswith("pushforward")
                if ours and issubclass(value, eqx.Module):
                    found.add(value)
    return sorted(found, key=lambda c: c.__qualname__)


CLASSES = _modules()
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)


def _is_abstract(cls: type) -> bool:
    return inspect.isabstract(cls) or bool(getattr(cls, "__abstractvars__", ()))


def _own_fields(cls: type) -> set[str]:
    """Return the names of the fields that the body of a class declares, abstract ones left out."""
    if not dataclasses.is_dataclass(cls):
        return set()
    inherited = {f.name for base in cls.__mro__[1:] if dataclasses.is_dataclass(base) for f in dataclasses.fields(base)}
    return {f.name for f in dataclasses.fields(cls)} - inherited


@each_class
def test_class_is_abstract_or_final(cls: type):
    final = bool(vars(cls).get("__final__", False))
    assert cls.__name__.lstrip("_").startswith("Abstract") != final, "name it Abstract... or mark it @final"
    if final:
        assert not _is_abstract(cls)
    else:
        assert _is_abstract(cls)


@each_class
def test_no_concrete_method_is_overridden(cls: type):
    for name, value in vars(cls).items():
        if name.startswith("__") or not (callable(value) or isinstance(value, property)):
            continue
        for base in cls.__mro__[1:]:
            if base is eqx.Module or not issubclass(base, eqx.Module) or name not in vars(base):
                continue
            assert getattr(vars(base)[name], "__isabstractmethod__", False), f"{name} overrides {base.__name__}"


@each_class
def test_fields_and_init_are_in_one_class(cls: type):
    bases = [c for c in cls.__mro__ if c is not eqx.Module and issubclass(c, eqx.Module)]
    assert sum(bool(_own_fields(c)) for c in bases) <= 1
    if bool(vars(cls).get("__final__", False)):
        assert not any(_own_fields(c) for c in bases[1:])


@each_source
def test_source_keeps_the_rules(source: pathlib.Path):
    text = source.read_text()
    assert len(text.splitlines()) <= 350, "split the file: one idea each"
    for node in ast.walk(ast.parse(text)):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: use _errors.require"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "super", f"line {node.lineno}: no super()"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not any(name.split(".")[0] == "pickle" for name in names), "no pickle"


#: Functions of more than ten arguments, each with its reason.
MANY_ARGUMENTS = {
    "train/fit.py:fit": "what users set most often, as keywords; grouped, and `Optimization` holds some",
    "train/fit_density.py:fit_density": "as `fit`",
    "train/fit_columns.py:fit_columns": "as `fit`",
    "train/fit_source.py:fit_source": "as `fit`",
    "models/halving/search.py:search": "as `fit`",
    "flows/": "the settings of the paper",
    "sklearn/": "scikit-learn has each setting of an estimator as an argument of its constructor",
    "cli/": "each option of the command line is an argument",
}


@each_source
def test_functions_take_few_arguments(source: pathlib.Path):
    path = source.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(argument.arg not in ("self", "cls") for argument in arguments)
            listed = any(f"{path}:{node.name}".startswith(known) for known in MANY_ARGUMENTS)
            assert count <= 10 or listed, f"{node.name} takes {count}: make those that travel together one object"


@pytest.mark.parametrize("floor", REGISTRY, ids=lambda m: m.__name__)
def test_every_public_name_has_a_line(floor: Any):
    lines = {case.subject for case in REGISTRY[floor]}
    public = set()
    for name, value in vars(floor).items():
        is_class = isinstance(value, type) and issubclass(value, eqx.Module) and not _is_abstract(value)
        builds = inspect.isfunction(value) and value.__annotations__["return"] is pf.Pushforward
        if not name.startswith(("_", "Abstract")) and (is_class or builds):
            public.add(name)
    assert public - lines == set(), "add a line to tests/cases"
    assert lines - public == set(), "tests/cases names what the package does not export"


def test_every_objective_has_a_line():
    kinds = (pf.train.AbstractDataObjective, pf.train.AbstractDensityObjective, pf.train.AbstractLogMarginal)
    public = {
        name
        for name, value in vars(pf.train).items()
        if isinstance(value, type) and issubclass(value, kinds) and not inspect.isabstract(value)
    }
    assert public == {case.subject for case in OBJECTIVES}, "add a line to tests/cases/objectives.py"


def test_every_marginal_has_a_line():
    public = {
        v.__name__
        for v in vars(pf.columns).values()
        if isinstance(v, type) and issubclass(v, pf.columns.AbstractMarginal)
    }
    assert public - {"AbstractMarginal"} == {line.subject for line in MARGINALS}, "add a line to tests/cases/columns.py"


def test_names_in_the_registry_are_unique():
    for cases in REGISTRY.values():
        names = [case.name for case in cases]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "case",
    [case for floor, cases in REGISTRY.items() if floor not in (pf.flows, pf.adapt) for case in cases],
    ids=lambda case: case.name,
)
def test_names_in_the_registry_are_true(case: Case):
    assert type(made(case)).__name__ == case.subject


def test_exports_are_explicit():
    for source in ROOT.rglob("__init__.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert all(alias.asname == alias.name for alias in node.names), f"{source}: `from .x import X as X`"


def _loaded_by(code: str, modules: tuple[str, ...]) -> list[str]:
    """Return which of some modules a new interpreter has loaded after running `code`."""
    code = f"{code}; import sys; print(*(m for m in {modules!r} if m in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_plain_import_is_light():
    assert _loaded_by("import pushforward", ("jax", "equinox", *HEAVY)) == []
    assert _loaded_by("import pushforward as pf; pf.fit, pf.flows.nsf, pf.save, pf.evaluate", HEAVY) == []


def test_every_public_name_can_be_reached():
    """What type checkers are told of the package is what its `__getattr__` imports."""
    tree = ast.parse((ROOT / "__init__.py").read_text())
    told = {a.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level for a in node.names}
    assert told == {*pf._FLOORS, *pf._FROM}
    assert told <= set(dir(pf))
    for name in told:
        assert getattr(pf, name) is not None
    shown = {name for name in dir(pf) if not name.startswith("__")}
    assert shown == told, "what Python needs of the package is not for users"
    assert pf.__version__ == metadata.version("pushforward")
    assert (ROOT / "py.typed").exists()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pf.nothing
