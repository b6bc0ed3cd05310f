"""A series moves here while somebody edits one of its changed occurrences there: the edit goes along."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from calsync.engine import event as events
from calsync.engine.vocabulary import Policy
from calsync.providers.memory import Quirks
from calsync.runtime import CLI
from calsync.services import activities
from calsync.store import tables as t
from tests import factories
from tests.services.office import HOUR, WORK, Office, open_office

FIRST = factories.START + timedelta(hours=24)
SECOND = FIRST + timedelta(weeks=1)
LATER = timedelta(days=1)
KINDS = {
    "within the series": Quirks(),
    "of its own": Quirks(series_is_one_resource=False, cancel_is_visible=False),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """A weekly series on both sides, whose second occurrence is special."""
    made = open_office(tmp_path, request.param)
    handle = made.meeting("Weekly", rrule="FREQ=WEEKLY;COUNT=5", description="As always.")
    made.settle()
    made.server.override(WORK, handle, SECOND, summary="Special")
    made.settle()
    return made


def edit_there(office: Office, **changes: Any) -> None:
    handle = next(h for h, e in office.server.all_events(WORK) if e.recurrence_id == SECOND)
    office.server.edit(WORK, handle, at=SECOND, **changes)


def move_here(office: Office, **changes: Any) -> None:
    """Move the whole series to the next day."""
    given = {"start": FIRST + LATER, "end": FIRST + LATER + HOUR, **changes}
    activities.edit_occurrence(office.rt, t.pk(office.here("Weekly")), FIRST, "all", given, by=CLI)


def specials_here(office: Office) -> list[t.Activity]:
    """Return the changed occurrences that are shown."""
    with office.rt.reading() as session:
        query = select(t.Activity).where(col(t.Activity.recurrence_key) != "", col(t.Activity.is_dissolved).is_(False))
        return list(session.exec(query))


def specials_there(office: Office) -> list[events.Event]:
    return [e for _, e in office.server.all_events(WORK) if e.recurrence_id is not None and not e.is_cancelled]


@pytest.mark.parametrize("policy", list(Policy))
def test_an_edit_under_the_old_slot_comes_in_under_the_new_one(office: Office, policy: Policy) -> None:
    office.rule(policy=policy)
    move_here(office)
    edit_there(office, description="Bring the plan.")
    office.settle()
    (here,), (there,) = specials_here(office), specials_there(office)
    assert here.recurrence_key == events.moment_text(SECOND + LATER)
    assert here.content["description"] == there.description == "Bring the plan."
    assert (here.title, there.summary, there.start) == ("Special", "Special", SECOND + LATER)
    assert office.conflicts() == []


def test_a_field_that_both_changed_goes_by_the_policy(office: Office) -> None:
    office.rule(policy=Policy.EXTERNAL)
    move_here(office)
    edit_here(office, location="Room 2")
    edit_there(office, location="Hall", description="Bring the plan.")
    office.settle()
    (here,), (there,) = specials_here(office), specials_there(office)
    assert (here.content["location"], there.location) == ("Hall", "Hall")
    assert here.content["description"] == there.description == "Bring the plan."


def test_what_stands_here_is_kept_where_the_crm_wins(office: Office) -> None:
    office.rule(policy=Policy.CRM)
    move_here(office)
    edit_here(office, location="Room 2")
    edit_there(office, location="Hall")
    runs = office.settle()
    (here,), (there,) = specials_here(office), specials_there(office)
    assert (here.content["location"], there.location) == ("Room 2", "Room 2")
    lost = [step.losing for run in runs for step in office.steps(run) if step.losing]
    assert "Hall" in str(lost)


def test_an_heir_that_is_gone_inherits_nothing(office: Office) -> None:
    office.rule(policy=Policy.CRM)
    move_here(office)
    (special,) = specials_here(office)
    activities.cancel(office.rt, t.pk(special), by=CLI)
    edit_there(office, description="Bring the plan.")
    office.settle()
    assert specials_there(office) == []
    (special,) = specials_here(office)
    assert (special.status, special.content["description"]) == ("cancelled", "As always.")


def edit_here(office: Office, **changes: Any) -> None:
    (special,) = specials_here(office)
    activities.edit(office.rt, t.pk(special), changes, by=CLI)
