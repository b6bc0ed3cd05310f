"""Undo where occurrences are events of their own: one that was cancelled is there again, the same event as before."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from calsync.services import series_edits, undo
from calsync.store import tables as t
from tests import factories
from tests.emulators.google.cast import ELI
from tests.emulators.google.server import GoogleServer
from tests.proof.google_town import GoogleTown, event_body, found_google_town

FIRST = factories.START + timedelta(hours=24)
SECOND = FIRST + timedelta(days=7)
INSTANCE = f"there0_{SECOND:%Y%m%dT%H%M%SZ}"


@pytest.fixture
def town(tmp_path: Path, google: GoogleServer) -> Iterator[GoogleTown]:
    """A town with a weekly series from Google's side."""
    made = found_google_town(tmp_path, google)
    start = {"dateTime": FIRST.isoformat(), "timeZone": "UTC"}
    end = {"dateTime": (FIRST + timedelta(hours=1)).isoformat(), "timeZone": "UTC"}
    series = {**event_body(0, "Weekly"), "start": start, "end": end, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}
    made.switch.add_event(ELI, {**series, "id": "there0"})
    made.settle()
    yield made
    made.rt.db.close()


def cancel_there(town: GoogleTown) -> None:
    town.switch.act_as(ELI, "DELETE", f"calendars/primary/events/{INSTANCE}")


def cancel_here(town: GoogleTown) -> None:
    with town.rt.reading() as session:
        master = session.exec(select(t.Activity).where(t.Activity.recurrence_key == "")).one()
    by = factories.acting(town.cast.ada)
    series_edits.cancel_occurrence(town.rt, t.pk(master), SECOND, "this", by=by)


def rename(town: GoogleTown) -> None:
    town.switch.act_as(ELI, "PATCH", f"calendars/primary/events/{INSTANCE}", body={"summary": "Weekly, with guests"})
    town.settle()


def days_there(town: GoogleTown) -> list[tuple[str, str]]:
    """Return day and title of what a person sees in the calendar."""
    query = {"singleEvents": "true", "orderBy": "startTime"}
    page = town.switch.act_as(ELI, "GET", "calendars/primary/events", query=query)
    return [(item["start"]["dateTime"][:10], item["summary"]) for item in page["items"]]


def contents_here(town: GoogleTown) -> list[tuple[str, list[Any]]]:
    with town.rt.reading() as session:
        rows = session.exec(select(t.Activity).where(t.Activity.status != "cancelled")).all()
    return sorted((row.title, row.content["exdates"]) for row in rows if not row.is_dissolved)


def take_back(town: GoogleTown, run: t.Run) -> None:
    undo.undo(town.rt, t.pk(run), by=factories.acting(town.cast.ada))
    town.settle()


@pytest.mark.parametrize("cancel", [cancel_there, cancel_here])
@pytest.mark.parametrize("has_title", [False, True], ids=["plain", "changed"])
def test_one_cancelled_occurrence_comes_back(
    town: GoogleTown, cancel: Callable[[GoogleTown], None], has_title: bool
) -> None:
    if has_title:
        rename(town)
    before, here = days_there(town), contents_here(town)
    cancel(town)
    run = town.sync()
    town.settle()
    assert len(days_there(town)) == 3
    take_back(town, run)
    assert days_there(town) == before
    assert contents_here(town) == here


def test_what_came_back_can_be_cancelled_and_changed_again(town: GoogleTown) -> None:
    cancel_there(town)
    run = town.sync()
    town.settle()
    take_back(town, run)
    rename(town)
    assert [title for _, title in days_there(town)].count("Weekly, with guests") == 1
    cancel_here(town)
    town.settle()
    assert len(days_there(town)) == 3
    assert contents_here(town) == [("Weekly", [SECOND.isoformat().replace("+00:00", "Z")])]
