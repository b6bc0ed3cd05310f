"""What commands print: tables, cards, JSON, progress."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tests import factories
from tests.cli.conftest import Shell
from webapp.cli import output, progress

ROWS = [
    {
        "name": "Work",
        "at": datetime(2030, 1, 7, 10, tzinfo=timezone(timedelta(hours=1))),
        "on": True,
        "day": date(2030, 1, 7),
    },
    {"name": "Private things", "at": None, "on": False, "day": None},
]


def test_a_table_is_as_wide_as_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_list(ROWS, ("name", "at", "on"), json_wanted=False, empty="nothing")
    assert capsys.readouterr().out.splitlines() == [
        "name            at                 on",
        "Work            2030-01-07 09:00Z  yes",
        "Private things  -                  no",
    ]


def test_an_empty_list_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_list([], ("name",), json_wanted=False, empty="Nothing here yet: do this")
    assert capsys.readouterr().out == "Nothing here yet: do this\n"


def test_json_has_every_name_and_utc_times(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_list(ROWS, ("name",), json_wanted=True, empty="")
    first, second = json.loads(capsys.readouterr().out)
    assert first == {"name": "Work", "at": "2030-01-07T09:00:00Z", "on": True, "day": "2030-01-07"}
    assert second["at"] is None


def test_an_empty_list_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_list([], ("name",), json_wanted=True, empty="nothing")
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("done", "total", "bar"),
    [(0, 40, "." * 30), (20, 40, "#" * 15 + "." * 15), (40, 40, "#" * 30), (90, 40, "#" * 30)],
)
def test_a_bar_shows_how_much_of_the_plan_is_done(done: int, total: int, bar: str) -> None:
    assert progress.line(7, "apply", done, total) == f"account 7  apply   [{bar}]  {done}/{total}"


def test_there_is_no_bar_before_there_is_a_plan() -> None:
    assert progress.line(7, "fetch", 0, None) == "account 7  fetch "


def test_progress_goes_to_a_terminal_only(office: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    rt = office.rt
    with progress.of_account(rt, 1, wanted=False):
        pass
    assert capsys.readouterr().err == ""
    assert not output.progress(json_wanted=False)
    with progress.of_account(rt, 1, wanted=True):
        pass
    assert capsys.readouterr().err == "\r"  # what clears a line is left out where there is no terminal


def test_times_in_json_are_those_of_the_database(office: Shell) -> None:
    office.done("sync")
    [run] = office.done("run", "list", "--json").json
    assert datetime.fromisoformat(run["started_at"]) == factories.START.astimezone(UTC)


def test_what_strangers_write_cannot_steer_the_terminal(office: Shell) -> None:
    title = "\x1b]0;owned\x07\x1b[2JFree\u202e lunch"
    office.done("activity", "add", "--owner", "eli@example.com", "--title", title, "--start", "2030-01-08T10:00")
    for command in (("list",), ("show", "1"), ("cancel", "1")):
        shown = office.done("activity", *command).out
        assert "Free" in shown
        assert all(c.isprintable() or c == "\n" for c in shown)


def test_a_title_in_several_lines_stays_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_list([{"title": "One\ntwo"}], ("title",), json_wanted=False, empty="")
    assert capsys.readouterr().out.splitlines() == ["title", "One two"]


@pytest.mark.parametrize(
    ("typed", "start"),
    [
        ("2026-10-25T02:30", "2026-10-25T00:30:00"),  # the clocks show it twice: the first
        ("2026-03-29T02:30", "2026-03-29T01:30:00"),  # the clocks skip it: counted from before the change
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00"),
    ],
)
def test_times_around_a_change_of_clocks(office: Shell, typed: str, start: str) -> None:
    given = ("--owner", "eli@example.com", "--title", "x", "--start", typed, "--tz", "Europe/Berlin")
    office.done("activity", "add", *given)
    assert office.done("activity", "show", "1", "--json").json["start"].startswith(start)
