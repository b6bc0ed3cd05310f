"""Downloads that a spreadsheet does not run."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from webapp import exports


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\u00a0=1+1", "'\u00a0=1+1"),
        (-5, "-5"),  # a plain number stays one
        ("-5", "-5"),
        (-1.5, "-1.5"),
        ("a=b", "a=b"),
        (None, ""),
        (date(2030, 1, 7), "2030-01-07"),
        (datetime(2030, 1, 7, 9, tzinfo=UTC), "2030-01-07T09:00:00Z"),
        ({"b": 1, "a": "ü"}, '{"a": "ü", "b": 1}'),
    ],
)
def test_cell(value: object, written: str) -> None:
    assert exports.cell(value) == written


@given(st.text())
def test_no_text_becomes_a_formula(text: str) -> None:
    written = exports.cell(text)
    is_number = written.lstrip("+-").replace(".", "", 1).replace(",", "", 1).isdecimal()
    assert is_number or not written.lstrip(" \u00a0").startswith(exports.DANGEROUS)
    assert written.removeprefix("'") in (text, text.removeprefix("'"))


def test_csv_reads_back_as_it_was(app: Flask) -> None:
    rows = [('Grüße, "Ada"', 1, None), ("two\nlines", 2, "x")]
    with app.test_request_context():
        answer = exports.csv("things", ["What", "How many", "Note"], rows)
        body = answer.get_data(as_text=True)
    assert body.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(body[1:], newline=""))) == [
        ["What", "How many", "Note"],
        ['Grüße, "Ada"', "1", ""],
        ["two\nlines", "2", "x"],
    ]
    assert answer.headers["Content-Disposition"] == 'attachment; filename="things.csv"'


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_is_a_list(app: Flask, count: int) -> None:
    rows = [{"at": datetime(2030, 1, 7, 9, tzinfo=UTC), "n": n} for n in range(count)]
    with app.test_request_context():
        body = exports.json_list("things", rows).get_data(as_text=True)
    assert json.loads(body) == [{"at": "2030-01-07T09:00:00Z", "n": n} for n in range(count)]


def test_large_downloads_leave_in_pieces(app: Flask) -> None:
    rows = ((f"row {n}" * 20,) for n in range(1000))
    with app.test_request_context():
        pieces = list(exports.csv("things", ["What"], rows).response)
    assert len(pieces) > 3
    assert max(len(piece) for piece in pieces) < 40_000
