"""Explain says what a run then does, for one record at a time, and why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from calsync.engine.vocabulary import EventKind, Policy, Reason
from calsync.errors import NotFound
from calsync.services import activities, explain, held, sync
from calsync.services.answers import Answer
from calsync.store import tables as t
from tests import factories
from tests.services.office import WORK, Office, open_office

Told = tuple[str, str, str, str, str, tuple[str, ...]]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


def told(title: str, step: Any) -> Told:
    """Return what a step, saved or not, says that it does."""
    state = step.get("detail", {}).get("would_be") or step["state"]
    return (title, step["action"], step["direction"], step["reason"], state, tuple(step["fields"]))


def explained(office: Office) -> list[Told]:
    """Return every step that Explain foretells, of activities and of events that no activity stands for."""
    with office.rt.reading() as session:
        rows = session.exec(select(t.Activity).where(t.Activity.is_dissolved == False)).all()  # noqa: E712
        events = session.exec(select(t.MirrorEvent)).all()
        linked = set(session.exec(select(t.Link.event_id)).all())
    answers = [answer for row in rows for answer in explain.activity(office.rt, row.id or 0)]
    known = {answer.event.id for answer in answers if answer.event is not None}
    strangers = [explain.event(office.rt, e.id or 0) for e in events if e.id not in linked | known]
    every = [*answers, *(answer for answer in strangers if answer is not None)]
    return sorted(told(row["title"], row) for answer in every for row in answer.steps)


def steps_of(office: Office, run_id: int) -> list[Told]:
    with office.rt.reading() as session:
        rows = session.exec(select(t.Step).where(t.Step.run_id == run_id)).all()
    return sorted(told(row.title, row.model_dump()) for row in rows)


def as_planned(steps: list[Told]) -> list[Told]:
    """Return steps that were applied as they were when they were planned."""
    return [
        (*step[:4], "planned" if step[4] == "done" and step[1] not in ("link", "unlink") else step[4], step[5])
        for step in steps
    ]


def check(office: Office) -> list[Told]:
    """Hold Explain and Preview against the run that follows at once; return what all three said."""
    preview = steps_of(office, sync.run(office.rt, office.account.id, dry=True))
    foretold = explained(office)
    assert preview == foretold
    assert as_planned(steps_of(office, sync.run(office.rt, office.account.id))) == foretold
    return foretold


# --- the same functions, the same words


def test_first_contact_is_foretold(office: Office) -> None:
    office.meeting("Out there")
    office.write("Here alone")
    office.meeting("On both sides", hours=40)
    office.write("On both sides", hours=40)
    said = check(office)
    assert [(title, action, direction) for title, action, direction, *_ in said] == [
        ("Here alone", "create", "outbound"),
        ("On both sides", "link", "inbound"),
        ("Out there", "create", "inbound"),
    ]


def test_edits_on_either_side_and_both_are_foretold(office: Office) -> None:
    handles = {name: office.meeting(name, hours=h) for h, name in enumerate(("Ours", "Theirs", "Both", "Clash"), 30)}
    office.settle()
    office.edit("Ours", location="Room 1")
    office.server.edit(WORK, handles["Theirs"], description="new")
    office.edit("Both", location="Room 2")
    office.server.edit(WORK, handles["Both"], description="new")
    office.edit("Clash", location="Room 3")
    office.server.edit(WORK, handles["Clash"], location="Room 4")
    said = check(office)
    assert {(title, reason) for title, _, _, reason, *_ in said} >= {
        ("Ours", "local_edited"),
        ("Theirs", "remote_edited"),
        ("Both", "merged"),
    }


def test_conflicts_are_foretold(office: Office) -> None:
    office.rule(policy=Policy.MANUAL)
    handle = office.meeting("Clash")
    office.settle()
    office.edit("Clash", location="Here")
    office.server.edit(WORK, handle, location="There")
    assert [step[3:5] for step in check(office)] == [("needs_choice", "conflict")]
    answer = explain.activity(office.rt, office.here("Clash").id or 0)[0]
    assert answer.reason is Reason.NEEDS_CHOICE
    assert answer.conflict is not None
    assert (answer.local, answer.remote) == (("location",), ("location",))


def test_deletions_are_foretold(office: Office) -> None:
    handle = office.meeting("Gone there")
    office.meeting("Gone here", hours=50)
    office.settle()
    office.server.delete(WORK, handle)
    office.cancel("Gone here")
    assert {(title, reason) for title, _, _, reason, *_ in check(office)} == {
        ("Gone there", "remote_deleted"),
        ("Gone here", "local_cancelled"),
    }


def test_what_rests_has_no_step_and_says_so(office: Office) -> None:
    office.meeting("Calm")
    office.settle()
    assert check(office) == []
    [answer] = explain.activity(office.rt, office.here("Calm").id or 0)
    assert answer.reason is Reason.BOTH_EQUAL
    assert answer.steps == ()
    assert all(each.is_ok for each in answer.checks)


MOVES = ("here", "there", "cancel", "delete", "plan", "invite", "sync")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(MOVES)), max_size=9),
    policy=st.sampled_from(list(Policy)),
    direction=st.sampled_from(["both", "both", "inbound", "outbound"]),
)
def test_whatever_happened_explain_preview_and_run_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, str]], policy: Policy, direction: str
) -> None:
    office = open_office(tmp_path_factory.mktemp("office"))
    office.rule(policy=policy, direction=direction)
    names = [f"Record {n}" for n in range(4)]
    handles = [office.meeting(name, hours=30 + n) for n, name in enumerate(names[:3])]
    office.write(names[3], hours=33)
    office.sync()
    for count, (n, move) in enumerate(moves):
        office.clock.advance(minutes=3)
        _move(office, move, names[n], handles[n] if n < 3 else "", count)
    office.clock.advance(minutes=10)
    check(office)
    office.rt.db.close()


def _move(office: Office, move: str, name: str, handle: str, count: int) -> None:
    is_here, is_there = name in office.titles_here(), handle in dict(office.server.all_events(WORK))
    field = "location" if count % 2 else "description"
    match move:
        case "here" if is_here:
            office.edit(name, location=f"Room {count}")
        case "there" if is_there:
            office.server.edit(WORK, handle, **{field: f"Hall {count}"})
        case "cancel" if is_here:
            office.cancel(name)
        case "delete" if is_there:
            office.server.delete(WORK, handle)
        case "plan":
            office.write(f"Plan {count}", hours=60 + count)
        case "invite":
            office.meeting(f"Invite {count}", hours=80 + count)
        case "sync":
            office.sync()


# --- why not


def answer_for(office: Office, title: str) -> Answer:
    [answer] = explain.activity(office.rt, office.here(title).id or 0)
    return answer


def far(office: Office) -> dict[str, Any]:
    """Return a time two years ahead."""
    return {**office.here("Review").content["time"], "start": "2032-01-07T09:00:00Z", "end": "2032-01-07T10:00:00Z"}


def refused_at(answer: Answer) -> list[str]:
    return [each.code for each in answer.checks if each.is_ok is False]


@pytest.mark.parametrize(
    ("change", "reason", "code"),
    [
        (lambda o: o.rule(direction="inbound"), Reason.ONE_WAY, "direction"),
        (lambda o: o.change_account(can_write=False), Reason.READ_ONLY_CALENDAR, "access"),
        (lambda o: o.rule(kinds_out=("call",)), Reason.FILTERED_TYPE, "kind"),
        (lambda o: o.cancel("Review"), Reason.CANCELLED_BEFORE_FIRST_SYNC, "alive"),
        (lambda o: o.clock.advance(days=90), Reason.TOO_OLD, "window"),
        (lambda o: o.edit("Review", time=far(o)), Reason.OUTSIDE_WINDOW, "window"),
    ],
)
def test_each_reason_names_the_question_it_answers(
    office: Office, change: Callable[[Office], Any], reason: Reason, code: str
) -> None:
    office.write("Review")
    change(office)
    answer = answer_for(office, "Review")
    assert answer.reason is reason
    assert refused_at(answer) == [code]
    asked = [each.code for each in answer.checks if each.is_ok is not None]
    assert asked[-1] == code
    assert answer.steps == ()


@pytest.mark.parametrize(
    ("values", "rules", "reason"),
    [
        ({"classification": "private"}, {"import_private": "skip"}, Reason.PRIVATE_POLICY),
        ({}, {"import_events": False}, Reason.FILTERED_TYPE),
        ({"kind": EventKind.FOCUS}, {}, Reason.ONLY_BLOCKS),
        ({"kind": EventKind.BIRTHDAY}, {}, Reason.LEFT_OUT),
        ({}, {"direction": "outbound"}, Reason.ONE_WAY),
        ({"status": "cancelled"}, {}, Reason.CANCELLED_BEFORE_FIRST_SYNC),
    ],
)
def test_events_that_stay_out_say_why(
    office: Office, values: dict[str, Any], rules: dict[str, Any], reason: Reason
) -> None:
    office.meeting("Dentist", **values)
    office.rule(**rules)
    office.sync()
    with office.rt.reading() as session:
        [event] = session.exec(select(t.MirrorEvent)).all()
    answer = explain.event(office.rt, event.id or 0)
    assert answer is not None
    assert answer.reason is reason
    assert answer.steps == ()
    assert [each.is_ok for each in answer.checks].count(False) == 1


def test_without_a_calendar_for_new_activities_there_is_no_answer(office: Office) -> None:
    office.change_calendar(is_write_target=False)
    activity = office.write("Review")
    assert explain.activity(office.rt, activity.id or 0) == []


def test_a_calendar_switched_off_keeps_the_link_at_rest(office: Office) -> None:
    office.meeting("Kick-off")
    office.settle()
    office.change_calendar(syncs=False)
    answer = answer_for(office, "Kick-off")
    assert (answer.reason, refused_at(answer)) == (Reason.PAUSED_CALENDAR, ["calendar"])


def test_a_paused_account_is_named_beside_what_it_would_do(office: Office) -> None:
    office.write("Review")
    office.change_account(state="paused")
    answer = answer_for(office, "Review")
    assert refused_at(answer) == ["account"]
    assert [row["action"] for row in answer.steps] == ["create"]


def test_a_held_step_is_shown_as_waiting(office: Office) -> None:
    office.settle()
    office.rule(brake_creates=0)
    office.write("Review")
    run = office.sync()
    answer = answer_for(office, "Review")
    assert answer.waiting is not None
    assert (answer.waiting.state, answer.waiting.run_id) == ("held", run.id)
    held.discard(office.rt, run.id or 0, by=factories.acting(office.cast.ada))
    discarded = answer_for(office, "Review")
    assert discarded.is_discarded
    assert discarded.steps == ()


def test_a_changed_occurrence_answers_for_the_calendar_of_its_series(office: Office) -> None:
    office.write("Weekly", rrule="FREQ=WEEKLY;COUNT=4")
    office.settle()
    series = office.here("Weekly")
    moment = factories.START + timedelta(hours=30, days=7)
    by = factories.acting(office.cast.eli)
    changed = activities.edit_occurrence(office.rt, series.id or 0, moment, "this", {"location": "Roof"}, by=by)
    [answer] = explain.activity(office.rt, changed.id or 0)
    assert answer.calendar is not None
    assert answer.calendar.id == office.calendar.id
    assert [row["action"] for row in answer.steps] == ["create"]


def test_of_a_provider_that_is_gone_there_is_no_answer(office: Office) -> None:
    office.meeting("Kick-off")
    office.settle()
    activity = office.here("Kick-off")
    office.rt = replace(office.rt, providers={})
    assert explain.activity(office.rt, activity.id or 0) == []
    assert explain.event(office.rt, office.links()[0].event_id or 0) is None


def test_what_does_not_exist_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        explain.activity(office.rt, 999)
    with pytest.raises(NotFound):
        explain.event(office.rt, 999)
