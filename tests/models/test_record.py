"""The record of a fit: written, read, and read as version 0.1 wrote it."""

import json
import pathlib

import pytest

import pushforward as pf
from pushforward.models import Architecture, Candidate, Record, RowCounts, Score, Trial

V01 = pathlib.Path(__file__).parent / "files" / "v01_table.pf"

RECORD = Record(
    seed=3,
    test_fraction=0.25,
    data="t.csv",
    fingerprint="0a",
    rows=RowCounts(read=9, complete=8, fit=6, held_out=2),
    history={"train": [1.5, 1.25], "val": [2.0, 1.0]},
    best_epoch=1,
    skipped_steps=0,
    seconds=1.5,
    written_by="0.2.0",
    held_out={"flow": Score(-1.0, 0.5)},
    search=(
        Trial("a", Candidate("maf", {"hidden": (8, 8)}, {"decay": 0.1}), 0, 3, 1.5, 0.5, -2.0, 0.5, 0.0, 0.0, "best"),
        Trial("b", None, 0, 3, 0.0, status="failed", note="not finite"),
    ),
)


def test_round_trip():
    assert Record.from_json(json.loads(json.dumps(RECORD.to_json()))) == RECORD
    of_before = {name: value for name, value in RECORD.to_json().items() if name != "search"}
    read = Record.from_json(of_before)
    assert read is not None
    assert read.search == ()
    built = Architecture("nsf", {"layers": 2}, 100)
    assert Architecture.from_json(json.loads(json.dumps(built.to_json()))) == built


def test_of_what_was_saved_from_python_there_is_none():
    assert Record.from_json({"columns": ["a"]}) is None
    assert Architecture.from_json({"columns": ["a"]}) is None


def test_refusals():
    with pytest.raises(ValueError, match=r"record of version 2; got 3\. Upgrade"):
        Record.from_json({**RECORD.to_json(), "version": 3})
    broken = RECORD.to_json()
    del broken["history"]
    with pytest.raises(ValueError, match=r"a whole record of its fit; got `KeyError: 'history'`"):
        Record.from_json(broken)


def test_version_0_1_is_upgraded():
    metadata = pf.io.read_metadata(V01)
    record = Record.from_json(metadata)
    assert record is not None
    assert (record.version, record.written_by) == (2, "0.1.0")
    assert record.rows == RowCounts(read=399, complete=399, fit=359, held_out=40)
    assert record.held_out["flow"] == Score(-5.8184630393981935, 0.2170991401231123)
    assert len(record.history["val"]) == 3
    assert Architecture.from_json(metadata) == Architecture("nsf", {"layers": 1, "hidden": [8]}, 482)
    # An interruption while the model was judged left no scores; of images none was ever incomplete.
    images = {**metadata, "rows": {"read": 20, "fit": 18, "held_out": 2}}
    del images["held_out"]
    upgraded = Record.from_json(images)
    assert upgraded is not None
    assert (upgraded.rows.complete, upgraded.held_out) == (20, {})
