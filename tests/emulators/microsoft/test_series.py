"""Series: patterns, occurrences, exceptions, cancelled days, views; expansion agrees with RFC 5545's."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from tests.emulators.microsoft import recurrence
from tests.emulators.microsoft.cast import BERLIN, TUESDAYS, WINDOW, Api, code, starts, timed, weekly
from tests.emulators.microsoft.server import Switchboard

WEEKDAYS = dict(zip(recurrence.DAYS, ("MO", "TU", "WE", "TH", "FR", "SA", "SU"), strict=True))


def instances(api: Api, master: dict[str, Any]) -> list[dict[str, Any]]:
    return api.all(f"me/events/{master['id']}/instances", **WINDOW)


def test_views_have_occurrences_and_lists_have_masters(ada: Api) -> None:
    master = ada.insert(weekly())
    assert [one["type"] for one in ada.all("me/events")] == ["seriesMaster"]
    seen = ada.view()
    assert [one["type"] for one in seen] == ["occurrence"] * 4
    assert starts(seen) == list(TUESDAYS)
    assert {one["seriesMasterId"] for one in seen} == {master["id"]}
    assert [one["originalStart"] for one in seen] == [f"{start}Z" for start in TUESDAYS]
    assert len({one["iCalUId"] for one in seen}) == 4
    assert all(len(one["id"]) > 200 for one in seen)


def test_answers_fill_what_a_pattern_does_not_use(ada: Api) -> None:
    rule = ada.insert(weekly())["recurrence"]
    assert rule["pattern"] == {
        "type": "weekly",
        "interval": 1,
        "month": 0,
        "dayOfMonth": 0,
        "daysOfWeek": ["tuesday"],
        "firstDayOfWeek": "monday",
        "index": "first",
    }
    assert rule["range"] == {
        "type": "numbered",
        "startDate": "2030-03-19",
        "endDate": "0001-01-01",
        "recurrenceTimeZone": BERLIN,
        "numberOfOccurrences": 4,
    }


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ({"type": "hourly", "interval": 1}, {}),
        ({"type": "daily", "interval": 0}, {}),
        ({"type": "daily"}, {}),
        ({"type": "weekly", "interval": 1}, {}),
        ({"type": "weekly", "interval": 1, "daysOfWeek": ["TU"]}, {}),
        ({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32}, {}),
        ({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["tuesday"], "index": "fifth"}, {}),
        ({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 19}, {}),
        ({"type": "daily", "interval": 1, "month": "March"}, {}),
        ({"type": "daily", "interval": 1}, {"startDate": "2030-03-20"}),
        ({"type": "daily", "interval": 1}, {"type": "endDate", "endDate": "2030-03-01"}),
        ({"type": "daily", "interval": 1}, {"type": "numbered", "numberOfOccurrences": 0}),
        ({"type": "daily", "interval": 1}, {"recurrenceTimeZone": "Nowhere"}),
    ],
)
def test_patterns_that_are_refused(ada: Api, pattern: dict[str, Any], span: dict[str, Any]) -> None:
    body = weekly(recurrence={"pattern": pattern, "range": {"type": "noEnd", "startDate": "2030-03-19", **span}})
    assert ada("POST", "me/events", body).status_code == 400
    assert ada.all("me/events") == []


def test_occurrences_may_not_overlap(ada: Api) -> None:
    body = weekly(end={"dateTime": "2030-03-27T09:30:00", "timeZone": BERLIN})
    assert code(ada("POST", "me/events", body)) == (400, "ErrorOccurrenceTimeSpanTooBig")


def test_a_series_begins_with_the_first_day_that_fits(ada: Api) -> None:
    pattern = {"type": "weekly", "interval": 1, "daysOfWeek": ["thursday"], "firstDayOfWeek": "monday"}
    body = weekly(recurrence={"pattern": pattern, "range": {"type": "noEnd", "startDate": "2030-03-19"}})
    master = ada.insert(body)
    assert master["start"]["dateTime"][:10] == master["recurrence"]["range"]["startDate"] == "2030-03-21"


def test_a_changed_occurrence_becomes_an_exception(ada: Api) -> None:
    master = ada.insert(weekly())
    second = ada.view()[1]
    changed = ada.ok(
        "PATCH",
        f"me/events/{second['id']}",
        {
            "subject": "Other",
            "start": {"dateTime": "2030-03-27T10:00:00", "timeZone": BERLIN},
            "end": {"dateTime": "2030-03-27T11:00:00", "timeZone": BERLIN},
        },
    )
    assert (changed["id"], changed["type"], changed["originalStart"]) == (second["id"], "exception", f"{TUESDAYS[1]}Z")
    assert starts(instances(ada, master)) == [TUESDAYS[0], "2030-03-27T09:00:00", *TUESDAYS[2:]]
    whole = ada.ok("GET", f"me/events/{master['id']}", __expand="exceptionOccurrences")
    assert [one["subject"] for one in whole["exceptionOccurrences"]] == ["Other"]
    assert whole["@odata.etag"] != master["@odata.etag"]


def test_an_exception_stays_between_its_neighbours(ada: Api) -> None:
    ada.insert(weekly())
    first, second = ada.view()[:2]
    assert ada("DELETE", f"me/events/{first['id']}").status_code == 204
    for day in ("2030-03-19", "2030-04-02"):
        times = {
            "start": {"dateTime": f"{day}T20:00:00", "timeZone": BERLIN},
            "end": {"dateTime": f"{day}T21:00:00", "timeZone": BERLIN},
        }
        assert code(ada("PATCH", f"me/events/{second['id']}", times)) == (400, "ErrorOccurrenceCrossingBoundary")


def test_cancelled_days_are_listed_on_demand(ada: Api) -> None:
    master = ada.insert(weekly())
    third = ada.view()[2]
    assert ada("POST", f"me/events/{third['id']}/cancel", {}).status_code == 202
    assert starts(instances(ada, master)) == [TUESDAYS[0], TUESDAYS[1], TUESDAYS[3]]
    shown = ada.ok("GET", f"me/events/{master['id']}", __select="subject,cancelledOccurrences")
    assert shown["cancelledOccurrences"] == [f"OID.{master['id']}.2030-04-02"]
    assert "cancelledOccurrences" not in ada.ok("GET", f"me/events/{master['id']}")
    assert code(ada("GET", f"me/events/{third['id']}")) == (404, "ErrorItemNotFound")


def test_a_new_time_ends_exceptions_and_cancellations(ada: Api) -> None:
    master = ada.insert(weekly())
    first, second = ada.view()[:2]
    ada.ok("PATCH", f"me/events/{first['id']}", {"subject": "Other"})
    ada("DELETE", f"me/events/{second['id']}")
    ada.ok("PATCH", f"me/events/{master['id']}", {"showAs": "free"})
    assert [(one["type"], one["showAs"]) for one in ada.view()] == [("exception", "free")] + [
        ("occurrence", "free")
    ] * 2
    moved = {
        "start": {"dateTime": "2030-03-19T11:00:00", "timeZone": BERLIN},
        "end": {"dateTime": "2030-03-19T12:00:00", "timeZone": BERLIN},
    }
    ada.ok("PATCH", f"me/events/{master['id']}", moved)
    assert [one["type"] for one in ada.view()] == ["occurrence"] * 4


def test_a_day_whose_exception_ended_with_a_new_time_is_an_occurrence_again(ada: Api) -> None:
    master = ada.insert(weekly())
    first = ada.view()[0]
    ada.ok("PATCH", f"me/events/{first['id']}", {"subject": "Other"})
    day = first["start"]["dateTime"][:10]
    moved = {
        name: {"dateTime": f"{day}T{at}:00", "timeZone": BERLIN} for name, at in (("start", "16:00"), ("end", "17:00"))
    }
    ada.ok("PATCH", f"me/events/{master['id']}", moved)
    again = ada.view()[0]
    assert (again["id"], again["type"]) == (first["id"], "occurrence")
    assert ada.ok("GET", f"me/events/{first['id']}")["type"] == "occurrence"
    assert ada.ok("PATCH", f"me/events/{first['id']}", {"subject": "Third"})["type"] == "exception"


def test_a_series_becomes_a_single_event_and_back(ada: Api) -> None:
    master = ada.insert(weekly())
    assert ada.ok("PATCH", f"me/events/{master['id']}", {"recurrence": None})["type"] == "singleInstance"
    assert len(ada.view()) == 1
    assert (
        ada.ok("PATCH", f"me/events/{master['id']}", {"recurrence": weekly()["recurrence"]})["type"] == "seriesMaster"
    )
    assert len(ada.view()) == 4
    ada("DELETE", f"me/events/{master['id']}")
    assert ada.view() == []


def test_views_need_a_window_of_at_most_five_years(ada: Api) -> None:
    assert code(ada("GET", "me/calendarView")) == (400, "ErrorInvalidParameter")
    far = {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2036-01-01T00:00:00Z"}
    assert "Maximum number of days: 1825" in ada("GET", "me/calendarView", **far).text
    assert ada("GET", "me/calendarView", **WINDOW, __select="createdDateTime").status_code == 400


def test_windows_take_offsets_and_include_what_touches_them(ada: Api) -> None:
    ada.insert(timed(10))
    assert len(ada.view(startDateTime="2030-01-08T10:30:00", endDateTime="2030-01-08T11:00:00")) == 1
    assert len(ada.view(startDateTime="2030-01-08T12:30:00+02:00", endDateTime="2030-01-09T00:00:00Z")) == 1
    assert ada.view(startDateTime="2030-01-08T10:31:00Z", endDateTime="2030-01-09T00:00:00Z") == []


def test_series_of_guests_copy_the_organizers(ada: Api, eli: Api, switch: Switchboard) -> None:
    ada.insert(weekly(attendees=[{"emailAddress": {"address": "eli@example.com"}}]))
    assert starts(eli.view()) == list(TUESDAYS)
    ada.ok("PATCH", f"me/events/{ada.view()[1]['id']}", {"subject": "Other"})
    assert [one["subject"] for one in eli.view()] == ["Weekly", "Other", "Weekly", "Weekly"]
    ada("DELETE", f"me/events/{ada.view()[2]['id']}")
    assert (switch.mail()[-1]["kind"], switch.mail()[-1]["day"]) == ("cancellation", "2030-04-02")
    assert len(eli.view()) == 3


# --- expansion against an independent one

FIRST = st.dates(date(2024, 1, 1), date(2032, 12, 31))
SOME_DAYS = st.lists(st.sampled_from(recurrence.DAYS), min_size=1, max_size=7, unique=True)


def rules(pattern: dict[str, Any]) -> str:
    """Return the RRULE of contract A6.1 for a pattern."""
    step = f";INTERVAL={pattern['interval']}"
    by_day = ",".join(WEEKDAYS[day] for day in pattern.get("daysOfWeek", []))
    place = f";BYDAY={by_day};BYSETPOS={recurrence.INDEXES[pattern['index']]}" if by_day else ""
    day = pattern.get("dayOfMonth", 0)
    on = f";BYMONTHDAY={day}" if day < 29 else f";BYMONTHDAY={','.join(map(str, range(28, day + 1)))};BYSETPOS=-1"
    match pattern["type"]:
        case "daily":
            return "FREQ=DAILY" + step
        case "weekly":
            return f"FREQ=WEEKLY{step};BYDAY={by_day};WKST={WEEKDAYS[pattern['firstDayOfWeek']]}"
        case "absoluteMonthly":
            return f"FREQ=MONTHLY{step}{on}"
        case "relativeMonthly":
            return f"FREQ=MONTHLY{step}{place}"
        case "absoluteYearly":
            return f"FREQ=YEARLY{step};BYMONTH={pattern['month']}{on}"
    return f"FREQ=YEARLY{step};BYMONTH={pattern['month']}{place}"


@given(
    first=FIRST,
    kind=st.sampled_from(sorted(recurrence.PATTERNS)),
    interval=st.integers(1, 5),
    days=SOME_DAYS,
    week_start=st.sampled_from(recurrence.DAYS),
    index=st.sampled_from(sorted(recurrence.INDEXES)),
    month=st.integers(1, 12),
    day=st.integers(1, 31),
)
def test_expansion_agrees_with_the_documented_rules(
    first: date, kind: str, interval: int, days: list[str], week_start: str, index: str, month: int, day: int
) -> None:
    pattern = {
        "type": kind,
        "interval": interval,
        "daysOfWeek": days if "daysOfWeek" in recurrence.PATTERNS[kind] else [],
        "firstDayOfWeek": week_start,
        "index": index,
        "month": month,
        "dayOfMonth": day,
    }
    whole = {"pattern": pattern, "range": {"type": "noEnd", "startDate": first.isoformat()}}
    own = list(itertools.islice(recurrence.days(whole), 12))
    expected = itertools.islice(rrulestr(rules(pattern), dtstart=datetime.combine(first, datetime.min.time())), 12)
    assert own == [one.date() for one in expected]
