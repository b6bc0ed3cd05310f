"""Working hours: the organisation's, a person's own and others', a resource's; what is typed is what stands."""

from datetime import date
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calsync.engine.hours import Holiday, Hours
from calsync.runtime import CLI, Runtime
from calsync.services import working_hours
from calsync.services.working_hours import Owner
from calsync.store import tables as t
from tests import factories
from tests import scheduling_factories as make
from tests.web.conftest import text_of


def typed(hours: Hours, version: int = 0) -> dict[str, Any]:
    """Return the fields of the form that say these hours; browsers send the empty ones too."""
    found: dict[str, Any] = {"tz": hours.tz, "version": version}
    for day, parts in enumerate(hours.weekly):
        blank = f"weekly-{day}-parts-{len(parts)}"
        found |= {f"{blank}-start": "", f"{blank}-end": "", **_parts(f"weekly-{day}", parts)}
    for place, (day, parts) in enumerate(hours.dates):
        found |= {f"dates-{place}-day": day.isoformat(), **_parts(f"dates-{place}", parts)}
    for place, each in enumerate(hours.holidays):
        first, last = each.first.isoformat(), each.last.isoformat()
        found |= {f"holidays-{place}-first": first, f"holidays-{place}-last": last, f"holidays-{place}-name": each.name}
    return found


def _parts(name: str, parts: Any) -> dict[str, str]:
    found = {}
    for place, (start, end) in enumerate(parts):
        found[f"{name}-parts-{place}-start"] = f"{start // 60:02}:{start % 60:02}"
        found[f"{name}-parts-{place}-end"] = f"{end // 60 % 24:02}:{end % 60:02}"
    return found


def stored(rt: Runtime, **owner: int) -> Hours | None:
    return working_hours.get(rt, Owner(**owner))[0]


EPIPHANY = Holiday(date(2030, 1, 6), date(2030, 1, 6), "Epiphany")
WITH_BREAKS = Hours(
    "Europe/Berlin",
    (((480, 720), (780, 1020)),) * 4 + (((480, 720),), (), ((0, 1440),)),
    ((date(2030, 1, 9), ()), (date(2030, 1, 10), ((600, 660),))),
    (EPIPHANY,),
)


def test_the_organisations_hours_are_saved_as_typed(ada: FlaskClient, rt: Runtime) -> None:
    assert "No hours of the organisation yet" in ada.get("/organisation/hours").text
    answer = ada.post("/organisation/hours", data=typed(WITH_BREAKS))
    assert (answer.status_code, stored(rt)) == (303, WITH_BREAKS)
    page = ada.get("/organisation/hours").text
    assert 'name="weekly-0-parts-1-start" type="time" value="13:00"' in page
    assert 'value="Epiphany"' in page


def test_people_set_their_own_and_admins_those_of_others(
    ada: FlaskClient, eli: FlaskClient, rt: Runtime, cast: factories.Cast
) -> None:
    eli.post("/profile/hours", data=typed(WITH_BREAKS))
    assert stored(rt, user_id=t.pk(cast.eli)) == WITH_BREAKS
    ada.post(f"/people/{cast.sam.id}/hours", data=typed(make.ALWAYS))
    assert stored(rt, user_id=t.pk(cast.sam)) == make.ALWAYS


def test_a_resource_without_hours_shows_those_above_and_can_go_back_to_them(ada: FlaskClient, rt: Runtime) -> None:
    make.work(rt, WITH_BREAKS)
    room = make.make_resource(rt, tz="Europe/Paris")
    url = f"/resources/{room.id}/hours"
    first = ada.get(url).text
    assert "No own hours yet These stand: Mon–Thu 08:00–12:00 and 13:00–17:00, Fri 08:00–12:00, Sun all day" in text_of(
        first
    )
    assert "Forget these hours" not in first
    ada.post(url, data=typed(make.ALWAYS))
    assert stored(rt, resource_id=t.pk(room)) == make.ALWAYS
    ada.post(url, data={"inherit": "1", "version": 1})
    assert stored(rt, resource_id=t.pk(room)) is None


def test_hours_above_are_the_persons_then_the_organisations_then_the_usual(rt: Runtime, cast: factories.Cast) -> None:
    person = make.make_person(rt, cast.eli, tz="Europe/Paris")
    owner = Owner(resource_id=t.pk(person))
    assert working_hours.above(rt, owner) == Hours("Europe/Paris")
    make.work(rt, make.ALWAYS)
    assert working_hours.above(rt, owner) == make.ALWAYS
    make.work(rt, WITH_BREAKS, user_id=t.pk(cast.eli))
    assert working_hours.above(rt, owner) == WITH_BREAKS
    made = make.make_event_type(rt, person)
    of_type = working_hours.above(rt, Owner(event_type_id=t.pk(made)))
    assert (of_type.tz, of_type.weekly) == (WITH_BREAKS.tz, WITH_BREAKS.weekly)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"weekly-0-parts-0-start": "18:00", "weekly-0-parts-0-end": "09:00"}, "The end must be after the start."),
        ({"weekly-0-parts-0-start": "09:00", "weekly-0-parts-0-end": ""}, "Give both times, or neither."),
        ({"weekly-0-parts-0-start": "nine", "weekly-0-parts-0-end": "17:00"}, "Not a valid time value."),
        ({"weekly-0-parts-1-start": "10:00", "weekly-0-parts-1-end": "11:00"}, "Two of these times overlap."),
        ({"dates-0-parts-0-start": "10:00", "dates-0-parts-0-end": "11:00"}, "Give the day that has these hours."),
        ({"dates-0-day": "2030-01-09", "dates-1-day": "2030-01-09"}, "A day is named twice."),
        ({"holidays-0-first": "2030-01-09", "holidays-0-last": "2030-01-08"}, "The last day is before the first."),
        ({"holidays-0-name": "Epiphany"}, "Give the first day."),
        ({"tz": "Mars/Base"}, "Choose a time zone from the list"),
    ],
)
def test_wrong_hours_are_refused_where_they_stand(
    eli: FlaskClient, rt: Runtime, cast: factories.Cast, wrong: dict[str, str], told: str
) -> None:
    page = eli.post("/profile/hours", data={**typed(Hours()), **wrong})
    assert page.status_code == 422
    assert text_of(page.text).count(told) == 1
    assert 'aria-invalid="true"' in page.text or "A day is named" in told
    assert stored(rt, user_id=t.pk(cast.eli)) is None


def test_a_refused_form_keeps_what_was_typed(eli: FlaskClient) -> None:
    wrong = {**typed(Hours()), "weekly-5-parts-0-start": "11:11", "holidays-0-name": "Skiing"}
    page = eli.post("/profile/hours", data=wrong).text
    assert 'value="11:11"' in page
    assert 'value="Skiing"' in page


def test_hours_changed_meanwhile_are_not_overwritten(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    make.work(rt, make.ALWAYS, user_id=t.pk(cast.eli))
    page = eli.post("/profile/hours", data=typed(WITH_BREAKS, version=0))
    assert page.status_code == 422
    assert "Somebody changed this meanwhile" in page.text
    assert stored(rt, user_id=t.pk(cast.eli)) == make.ALWAYS


def test_nobody_of_that_number_is_a_404(ada: FlaskClient) -> None:
    assert ada.get("/people/99/hours").status_code == 404
    assert ada.post("/resources/99/hours", data=typed(Hours())).status_code == 404


@st.composite
def weeks(draw: st.DrawFn) -> Hours:
    """Draw hours that a person could type: up to three parts a day."""

    def day() -> tuple[tuple[int, int], ...]:
        cuts = sorted(draw(st.sets(st.integers(0, 1440), max_size=6)))
        return tuple(zip(cuts[::2], cuts[1::2], strict=False))

    return Hours("Europe/Berlin", tuple(day() for _ in range(7)))


@given(hours=weeks())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_week_comes_back_as_it_was_typed(eli: FlaskClient, rt: Runtime, cast: factories.Cast, hours: Hours) -> None:
    owner = Owner(user_id=cast.eli.id)
    _, version = working_hours.get(rt, owner)
    answer = eli.post("/profile/hours", data=typed(hours, version))
    assert (answer.status_code, working_hours.get(rt, owner)[0]) == (303, hours)


def test_what_stands_is_in_the_form_again(eli: FlaskClient, rt: Runtime, cast: factories.Cast) -> None:
    make.work(rt, WITH_BREAKS, user_id=t.pk(cast.eli))
    page = eli.get("/profile/hours").text
    for name, value in typed(WITH_BREAKS).items():
        if name not in ("tz", "version"):
            assert f'name="{name}"' in page
            assert f'value="{value}"' in page
    working_hours.save(rt, Owner(user_id=cast.eli.id), None, version=1, by=CLI)
    assert "No own hours yet" in eli.get("/profile/hours").text
