"""The command line, in this process and as a real one."""

import ast
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

import pushforward
from pushforward.cli import app
from pushforward.data import Table, read_table, write_table

SMALL = ["--flow", "nice", "--layers", "2", "--hidden", "8", "--epochs", "2", "--batch-size", "200"]
WEATHER = pathlib.Path(__file__).parents[2] / "data" / "weather.csv"


def run(*arguments, code: int = 0):
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def error(*arguments) -> str:
    """Return the one line that a command which fails prints."""
    lines = [line for line in run(*arguments, code=1).stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table and two models: p(a, b, c) and p(a, b | c)."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    c = rng.normal(size=600)
    values = np.column_stack([c + rng.normal(size=600), 100 + 5 * rng.normal(size=600), c, rng.uniform(1, 2, 600)])
    write_table(folder / "t.csv", Table(("a", "b", "c", "w"), values))
    text = (folder / "t.csv").read_text().splitlines()
    text[3] = ",".join(["NA", *text[3].split(",")[1:]])
    labelled = [line + (",label" if i == 0 else f",row {i}") for i, line in enumerate(text)]
    (folder / "t.csv").write_text("\n".join(labelled) + "\n")
    run("fit", folder / "t.csv", "-o", folder / "joint.pf", "--columns", "a,b,c", *SMALL)
    given = ["--exclude", "label", "--given", "c", "--weights", "w"]
    run("fit", folder / "t.csv", "-o", folder / "given.pf", *given, *SMALL)
    return folder


def test_fit_says_what_it_did(folder, tmp_path):
    result = run("fit", folder / "t.csv", "-o", tmp_path / "m.pf", "--columns", "b,a", *SMALL)
    assert "600 rows; 1 with a missing value dropped (a 1); 599 kept." in result.stdout
    assert "Columns: b, a." in result.stdout
    assert "539 to fit, 60 held out" in result.stdout
    for name in ("flow", "Gaussian", "KDE"):
        assert [line for line in result.stdout.splitlines() if line.startswith(f"  {name}") and " ± " in line]
    assert os.listdir(tmp_path) == ["m.pf"]
    about = pushforward.io.read_metadata(tmp_path / "m.pf")
    assert about["columns"] == ["b", "a"]
    assert about["rows"] == {"read": 600, "complete": 599, "fit": 539, "held_out": 60}


def test_fit_is_reproducible_and_quiet(folder, tmp_path):
    for name in ("1.pf", "2.pf"):
        arguments = ["--columns", "a", "--seed", "3", "--quiet", "--test-fraction", "0", *SMALL]
        result = run("fit", folder / "t.csv", "-o", tmp_path / name, *arguments)
        assert result.stdout == ""
    first, second = (pushforward.io.load(tmp_path / name) for name in ("1.pf", "2.pf"))
    np.testing.assert_array_equal(first.log_prob(np.ones((1, 1))), second.log_prob(np.ones((1, 1))))


@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "npz", "npy"])
def test_sample(folder, tmp_path, suffix):
    out = tmp_path / f"s.{suffix}"
    run("sample", folder / "joint.pf", "-n", 50, "-o", out, "--seed", 1)
    table = read_table(out)
    assert table.values.shape == (50, 3)
    assert table.names == (("a", "b", "c") if suffix != "npy" else ("x0", "x1", "x2"))
    assert 80 < table.values[:, 1].mean() < 120
    assert "mean" in run("score", folder / "joint.pf", out, "-o", tmp_path / f"scored.{suffix}").stdout


def test_sample_given_values(folder, tmp_path):
    run("sample", folder / "given.pf", "-n", 400, "-o", tmp_path / "s.csv", "--given", "c=1.5")
    table = read_table(tmp_path / "s.csv")
    assert table.names == ("a", "b", "c")
    assert (table.values[:, 2] == 1.5).all()
    (tmp_path / "c.csv").write_text("c\n0\n\n1\n")
    result = run("sample", folder / "given.pf", "-n", 3, "-o", tmp_path / "s.csv", "--given", tmp_path / "c.csv")
    assert "3 rows; 1 with a missing value dropped" in result.stderr
    np.testing.assert_array_equal(read_table(tmp_path / "s.csv").values[:, 2], [0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_score_keeps_every_row_in_its_place(folder, tmp_path, suffix):
    out = tmp_path / f"scored.{suffix}"
    result = run("score", folder / "joint.pf", folder / "t.csv", "-o", out)
    assert "1 rows with a missing value have an empty log_prob" in result.stderr
    table = read_table(out, columns=["log_prob"])
    np.testing.assert_array_equal(table.rows, np.delete(np.arange(600), 2))
    model = pushforward.io.load(folder / "joint.pf")
    source = read_table(folder / "t.csv", columns=["a", "b", "c"])
    np.testing.assert_allclose(table.values[:, 0], model.log_prob(source.values), rtol=1e-6)
    if suffix == "csv":
        before, after = ((folder / "t.csv").read_text().splitlines(), out.read_text().splitlines())
        assert [line.rpartition(",")[0] for line in after] == before
        assert after[3].endswith(",")


def test_evaluate_finds_the_held_out_rows(folder, tmp_path):
    result = run("evaluate", folder / "joint.pf", folder / "t.csv")
    assert "judged on the rows that the fit held out" in result.stdout
    mean = pushforward.io.read_metadata(folder / "joint.pf")["held_out"]["flow"][0]
    assert f"{mean:.3f}" in result.stdout
    source = read_table(folder / "t.csv", columns=["a", "b", "c", "w"])
    write_table(tmp_path / "other.csv", Table(source.names[:3], source.values[:300, :3]))
    result = run("evaluate", folder / "given.pf", tmp_path / "other.csv")
    assert "This is not the table of the fit" in result.stdout
    assert "no column w" in result.stderr
    assert "Log-likelihood of 150 held-out rows" in result.stdout
    assert "judged on the rows" in run("evaluate", folder / "given.pf", folder / "t.csv").stdout


def test_info(folder):
    text = run("info", folder / "given.pf").stdout
    for words in ("a, b", "given", "nice, layers 2", "2 epochs", "nats per row", "539 to fit, 60 held out"):
        assert words in text


@pytest.mark.parametrize(("model", "data"), [("joint.pf", False), ("joint.pf", True), ("given.pf", True)])
def test_plot(folder, tmp_path, model, data):
    arguments = [folder / "t.csv"] if data else []
    run("plot", folder / model, *arguments, "-o", tmp_path / "p.png", "--columns", "a,c")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_refusals_of_fit(folder, tmp_path):
    t, m = folder / "t.csv", tmp_path / "m.pf"
    nsf = ("--flow", "nsf")
    assert "--exclude label" in error("fit", t, "-o", m, *nsf)
    assert "Did you mean label?" in error("fit", t, "-o", m, "--columns", "lable", *nsf)
    assert "There is no file" in error("fit", tmp_path / "no.csv", "-o", m)
    assert "there is no directory" in error("fit", t, "-o", tmp_path / "no" / "m.pf")
    assert "without missing values" in error("fit", t, "-o", m, "--exclude", "label", "--strict")
    assert "widths such as 128,128" in error("fit", t, "-o", m, "--columns", "a", "--hidden", "1,x")
    assert "`--learning-rate` must be positive" in error(
        "fit", t, "-o", m, "--columns", "a", *nsf, "--learning-rate", "-1"
    )
    assert "--test-fraction" in error("fit", t, "-o", m, "--columns", "a", *nsf, "--test-fraction", "1")
    assert "at least one that is not" in error("fit", t, "-o", m, "--columns", "a", *nsf, "--given", "a")
    (tmp_path / "bad.csv").write_text("k,a,b,w\n" + "".join(f"1,{i},{2 * i + 1},-1\n" for i in range(30)))
    bad = tmp_path / "bad.csv"
    assert "`1 in all 27 training rows`" in error("fit", bad, "-o", m, *nsf)
    assert "`a linear relation between" in error("fit", bad, "-o", m, *nsf, "--columns", "a,b")
    assert "without negative values" in error("fit", bad, "-o", m, *nsf, "--columns", "a", "--weights", "w")
    (tmp_path / "one.csv").write_text("a\n1\n")
    assert "at least two rows; got `1 row`" in error("fit", tmp_path / "one.csv", "-o", m, *nsf)
    assert run("fit", t, code=2).exit_code == 2
    assert sorted(os.listdir(tmp_path)) == ["bad.csv", "one.csv"]


def test_a_model_never_replaces_a_table(folder, tmp_path):
    table = tmp_path / "t.csv"
    table.write_bytes((folder / "t.csv").read_bytes())
    assert "another file than DATA" in error("fit", table, "-o", table, "--columns", "a,b", *SMALL)
    assert "does not end as tables do" in error("fit", table, "-o", tmp_path / "m.parquet", "--columns", "a,b", *SMALL)
    assert table.read_bytes() == (folder / "t.csv").read_bytes()


def test_refusals_of_the_others(folder, tmp_path):
    out = tmp_path / "o.csv"
    assert "cannot be loaded" in error("info", folder / "t.csv")
    assert "this model has no given columns" in error(
        "sample", folder / "joint.pf", "-n", 1, "-o", out, "--given", "c=1"
    )
    assert "--given c=0" in error("sample", folder / "given.pf", "-n", 1, "-o", out)
    assert "name=number" in error("sample", folder / "given.pf", "-n", 1, "-o", out, "--given", "c=x")
    assert "one value of each of c" in error("sample", folder / "given.pf", "-n", 1, "-o", out, "--given", "d=1")
    assert "ending in .csv" in error("sample", folder / "joint.pf", "-n", 1, "-o", tmp_path / "o.xls")
    (tmp_path / "t.csv").write_text("a,c\n1,2\n")
    assert "got 'b'" in error("score", folder / "joint.pf", tmp_path / "t.csv", "-o", out)
    assert "conditional on c" in error("plot", folder / "given.pf", "-o", tmp_path / "p.png")
    assert ".png, .pdf or .svg" in error("plot", folder / "joint.pf", "-o", out)


def test_a_left_checkpoint_is_not_overwritten(folder, tmp_path):
    state = tmp_path / "m.pf.checkpoint"
    state.mkdir()
    (state / "0").mkdir()
    assert "continue it with --resume" in error("fit", folder / "t.csv", "-o", tmp_path / "m.pf", "--columns", "a")


def test_notes_on_spikes_and_columns_that_are_mostly_missing(tmp_path):
    result = run("fit", WEATHER, "-o", tmp_path / "m.pf", "--columns", "wind_gust,precip", *SMALL)
    assert "without (--exclude wind_gust) 26,115 rows are kept" in result.stderr
    assert "Note: one single value fills much of precip" in result.stderr


def test_a_handful_of_rows_is_pointed_out(tmp_path):
    rows = np.random.default_rng(0).normal(size=(12, 2))
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b", comments="")
    result = run("fit", tmp_path / "t.csv", "-o", tmp_path / "m.pf", *SMALL)
    assert "Note: 12 rows are few for 2 columns" in result.stderr


def test_a_model_saved_from_python_has_the_names_it_was_given(tmp_path):
    flow = pushforward.flows.nice(jax.random.key(0), 2, cond_dim=1, layers=1, hidden=(4,))
    pushforward.save(tmp_path / "m.pf", flow, {"columns": ["u", "v"], "given": ["w"]})
    assert "saved from Python" in run("info", tmp_path / "m.pf").stdout
    run("sample", tmp_path / "m.pf", "-n", 3, "-o", tmp_path / "o.csv", "--given", "w=0")
    assert (tmp_path / "o.csv").read_text().startswith("u,v,w\n")
    pushforward.save(tmp_path / "m.pf", flow, {"columns": ["u"]})
    assert "saved with 2 names of columns; got ['u']" in error("info", tmp_path / "m.pf")


def test_an_option_is_called_as_it_is_typed(folder, tmp_path):
    assert error("fit", folder / "t.csv", "-o", tmp_path / "m.pf", "--max-epochs", 1, "--flow", "glow").startswith(
        "Error: `--flow` must be one of iaf, maf, nice, nsf, real_nvp, the architectures for tables; got 'glow'"
    )
    assert "`--given` must be one value of each" in error(
        "sample", folder / "given.pf", "-n", 1, "-o", tmp_path / "s.csv", "--given", "d=1"
    )
    result = run("fit", folder / "t.csv", "-o", tmp_path / "m.pf", "--flow", "nope", code=2)
    assert "real_nvp_image" in result.stderr


def test_files_import_the_faces_of_the_floors_alone():
    for source in pathlib.Path(pushforward.__file__).parent.joinpath("cli").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level > 1:
                assert "." not in (node.module or ""), f"{source.name}, line {node.lineno}"
                assert not any(alias.name.startswith("_") for alias in node.names), f"{source.name}, line {node.lineno}"


def test_help_imports_nothing_heavy():
    """The modules that `pushforward --help` must not load; Rich alone takes twice as long as the rest of the help."""
    heavy = ("jax", "numpy", "scipy", "pyarrow", "optax", "tqdm", "rich", "asyncio", "importlib.metadata", "filelock")
    code = f"""
import atexit, sys
atexit.register(lambda: print(*(m for m in {heavy!r} if m in sys.modules), file=sys.stderr))
sys.argv[1:] = ["--help"]
from pushforward.cli import main
main()"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in result.stdout
    assert result.stderr.split() == []


def test_help_names_the_data_that_an_option_is_for():
    assert "Draw rows, or images: a .png file shows them" in run("--help").stdout
    text = " ".join(run("fit", "--help").stdout.split())
    assert "Tables: columns to use" in text
    assert "Images: condition on the class labels." in text


def test_commands_that_compute_keep_compiled_programs(folder, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(pushforward, "cache_programs", lambda: kept.append(1))
    run("info", folder / "joint.pf")
    run("fit", "--help")
    assert kept == []
    run("score", folder / "joint.pf", folder / "t.csv", "-o", tmp_path / "s.csv")
    assert kept == [1]


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "pushforward", *map(str, arguments)]


def test_as_a_process(folder, tmp_path):
    result = subprocess.run(command("info", folder / "joint.pf"), capture_output=True, text=True, check=True)
    assert result.stdout.startswith("columns")
    result = subprocess.run(command("info", tmp_path / "no"), capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_killed_fit_resumes_to_the_same_model(folder, tmp_path):
    arguments = ["--columns", "a,b,c", "--flow", "nice", "--layers", "2", "--hidden", "8", "--epochs", "300"]
    whole, killed = tmp_path / "whole.pf", tmp_path / "killed.pf"
    subprocess.run(command("fit", folder / "t.csv", "-o", whole, *arguments), check=True, capture_output=True)
    process = subprocess.Popen(command("fit", folder / "t.csv", "-o", killed, *arguments))
    state = tmp_path / "killed.pf.checkpoint"
    deadline = time.monotonic() + 120
    while not (state.is_dir() and any(p.name.isdigit() for p in state.iterdir())):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.exists()
    again = [*arguments, "--resume"]
    subprocess.run(command("fit", folder / "t.csv", "-o", killed, *again), check=True, capture_output=True)
    assert not state.exists()
    x = np.random.default_rng(1).normal(size=(100, 3)) * [1, 5, 1] + [0, 100, 0]
    first, second = (np.asarray(pushforward.io.load(path).log_prob(x)) for path in (whole, killed))
    np.testing.assert_array_equal(first, second)
