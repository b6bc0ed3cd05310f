"""Rules are tried on every account before they count."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from calsync.engine.vocabulary import EventKind, Policy
from calsync.errors import NotAllowed, Refused
from calsync.runtime import Actor
from calsync.services import held, queued, rule_preview, settings
from calsync.store import previews
from calsync.store import tables as t
from tests import factories
from tests.services.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return open_office(tmp_path)


@pytest.fixture
def ada(office: Office) -> Actor:
    return factories.acting(office.cast.ada)


@pytest.fixture
def written() -> Iterator[list[int]]:
    """How many accounts each transaction wrote, in order."""
    sizes: list[int] = []

    def note(session: Session, _: object) -> None:
        accounts = sum(isinstance(row, t.Account) for row in session.dirty)
        sizes.extend([accounts] if accounts else [])

    sa.event.listen(Session, "after_flush", note)
    yield sizes
    sa.event.remove(Session, "after_flush", note)


def connect_many(office: Office, count: int) -> None:
    """Connect paused accounts, of which nothing is previewed."""
    values = {"user_id": office.cast.eli.id, "provider": "memory", "label": "Eli", "state": "paused"}
    times = {"created_at": office.clock(), "next_sync_at": office.clock()}
    with office.rt.writing() as session:
        session.add_all(t.Account(subject=f"more-{n}", **values, **times) for n in range(count))


def held_accounts(office: Office) -> list[int]:
    with office.rt.reading() as session:
        query = sa.select(t.Account.id).where(t.Account.hold_next_plan).order_by(t.Account.id)
        return list(session.scalars(query))


def audited(office: Office) -> list[tuple[str, dict[str, object]]]:
    """What the audit log says of settings, and what of them is new."""
    with office.rt.reading() as session:
        query = sa.select(t.AuditEntry).where(t.AuditEntry.action.startswith("settings."))
        return [(entry.action, entry.after) for entry in session.scalars(query.order_by(t.AuditEntry.id))]


def propose(office: Office, by: Actor, **changes: object) -> bool:
    rules, version = settings.rules(office.rt)
    return rule_preview.propose(office.rt, replace(rules, **changes), version, by=by)


def carry_out(office: Office, by: Actor) -> list[t.Run]:
    """Let a thread take up the previews; return them."""
    proposal = rule_preview.find(office.rt, by=by)
    for run_id in proposal.run_ids:
        queued.work(office.rt, run_id)
    with office.rt.reading() as session:
        return [session.get_one(t.Run, run_id) for run_id in proposal.run_ids]


def test_a_proposal_shows_what_would_change_and_changes_nothing(office: Office, ada: Actor) -> None:
    office.write("Review")
    office.settle()
    assert propose(office, ada, show_title=False)
    (run,) = carry_out(office, ada)
    assert (run.state, run.updated) == ("preview", 1)
    with office.rt.reading() as session:
        assert previews.sums(session, [run.id])["update"].count == 1
        (sample,) = previews.samples(session, [run.id])
    assert (sample.step.before, sample.step.after) == ({"summary": "Review"}, {"summary": "Busy"})
    assert settings.rules(office.rt)[0].show_title
    assert office.titles_there() == ["Review"]


def test_a_proposal_about_kinds_of_events_shows_what_would_come_in(office: Office, ada: Actor) -> None:
    office.meeting("Focus", kind=EventKind.FOCUS)
    office.meeting("Mum", kind=EventKind.BIRTHDAY)
    office.settle()
    assert propose(office, ada, import_focus="sync")
    (run,) = carry_out(office, ada)
    with office.rt.reading() as session:
        (sample,) = previews.samples(session, [run.id])
    assert (sample.step.action, sample.step.title) == ("create", "Focus")
    rule_preview.accept(office.rt, by=ada)
    office.settle()
    assert office.titles_here() == ["Focus"]


def test_accepting_saves_what_was_proposed_and_the_next_run_follows(office: Office, ada: Actor) -> None:
    office.write("Review")
    office.settle()
    propose(office, ada, show_title=False)
    rule_preview.accept(office.rt, by=ada)
    office.settle()
    assert office.titles_there() == ["Busy"]
    assert rule_preview.find(office.rt, by=ada) is None


def test_in_stages_the_changes_of_an_account_wait_for_a_yes(office: Office, ada: Actor) -> None:
    office.write("Review")
    office.settle()
    propose(office, ada, show_title=False)
    assert rule_preview.accept(office.rt, in_stages=True, by=ada) == 1
    assert not settings.rules(office.rt)[0].show_title
    assert office.sync().state == "held"
    assert office.titles_there() == ["Review"]
    with office.rt.reading() as session:
        (step,) = session.scalars(sa.select(t.Step).where(t.Step.state == "held")).all()
    assert step.reason == "first_plan_held"
    held.approve(office.rt, step.run_id, by=ada)
    office.settle()
    assert office.titles_there() == ["Busy"]
    office.write("Later")
    office.settle()
    assert office.titles_there() == ["Busy", "Busy"]


def test_that_settings_came_in_stages_stands_in_the_audit_log(office: Office, ada: Actor) -> None:
    propose(office, ada, show_title=False)
    rule_preview.accept(office.rt, in_stages=True, by=ada)
    assert audited(office)[-2:] == [
        ("settings.changed", {"show_title": False}),
        ("settings.applied_in_stages", {"accounts": 1}),
    ]
    propose(office, ada, show_title=True)
    rule_preview.accept(office.rt, by=ada)
    assert audited(office)[-1] == ("settings.changed", {"show_title": True})


def test_however_many_accounts_there_are_a_transaction_holds_few(
    office: Office, ada: Actor, written: list[int]
) -> None:
    connect_many(office, 501)
    propose(office, ada, show_title=False)
    written.clear()
    assert rule_preview.accept(office.rt, in_stages=True, by=ada) == 502
    assert (len(held_accounts(office)), written) == (502, [500, 2])


def test_refused_settings_let_go_of_all_but_those_held_before(office: Office, ada: Actor, written: list[int]) -> None:
    connect_many(office, 501)
    office.change_account(hold_next_plan=True)
    propose(office, ada, show_title=False)
    office.rule(show_location=False)
    written.clear()
    with pytest.raises(Refused):
        rule_preview.accept(office.rt, in_stages=True, by=ada)
    assert (held_accounts(office), written) == ([office.account.id], [500, 1, 500, 1])


def test_in_stages_an_account_that_changes_nothing_goes_on(office: Office, ada: Actor) -> None:
    propose(office, ada, show_title=False)
    rule_preview.accept(office.rt, in_stages=True, by=ada)
    office.settle()
    office.write("Review")
    office.settle()
    assert office.titles_there() == ["Busy"]


def test_in_stages_nothing_is_held_when_the_settings_are_refused(office: Office, ada: Actor) -> None:
    propose(office, ada, show_title=False)
    office.rule(show_location=False)
    with pytest.raises(Refused):
        rule_preview.accept(office.rt, in_stages=True, by=ada)
    office.write("Review")
    office.settle()
    assert office.titles_there() == ["Review"]


def test_dropping_forgets_it_and_its_previews(office: Office, ada: Actor) -> None:
    propose(office, ada, policy=Policy.CRM)
    rule_preview.drop(office.rt, by=ada)
    assert queued.list_waiting(office.rt) == []
    assert rule_preview.find(office.rt, by=ada) is None
    with pytest.raises(Refused) as caught:
        rule_preview.accept(office.rt, by=ada)
    assert caught.value.code == "no_proposal"


def test_a_second_proposal_replaces_the_first(office: Office, ada: Actor) -> None:
    propose(office, ada, policy=Policy.CRM)
    propose(office, ada, policy=Policy.MANUAL)
    assert len(queued.list_waiting(office.rt)) == 1
    rule_preview.accept(office.rt, by=ada)
    assert settings.rules(office.rt)[0].policy is Policy.MANUAL


def test_an_accounts_own_rules_stand_above_the_proposal(office: Office, ada: Actor) -> None:
    office.change_account(overrides={"direction": "inbound"})
    office.write("Review")
    propose(office, ada, task_minutes=45)
    (run,) = carry_out(office, ada)
    assert (run.direction, run.created) == ("inbound", 0)


@pytest.mark.parametrize("changes", [{"frequency": "60"}, {"keep_runs_days": 30}, {"brake_creates": 7}])
def test_what_changes_no_record_is_saved_at_once(changes: dict[str, object], office: Office, ada: Actor) -> None:
    assert not propose(office, ada, **changes)
    assert replace(settings.rules(office.rt)[0], **changes) == settings.rules(office.rt)[0]


def test_without_accounts_there_is_nothing_to_wait_for(office: Office, ada: Actor) -> None:
    office.change_account(state="disconnected")
    assert not propose(office, ada, show_title=False)
    assert not settings.rules(office.rt)[0].show_title


def test_somebody_elses_save_is_not_overwritten(office: Office, ada: Actor) -> None:
    propose(office, ada, show_title=False)
    office.rule(show_location=False)
    assert rule_preview.find(office.rt, by=ada).is_stale
    with pytest.raises(Refused) as caught:
        rule_preview.accept(office.rt, by=ada)
    assert caught.value.code == "stale"
    assert settings.rules(office.rt)[0].show_title
    with pytest.raises(Refused) as caught:
        rule_preview.propose(office.rt, settings.rules(office.rt)[0], 0, by=ada)
    assert caught.value.code == "stale"


def test_values_that_cannot_be_used_are_refused_by_name(office: Office, ada: Actor) -> None:
    with pytest.raises(Refused) as caught:
        propose(office, ada, window_future_days=0)
    assert caught.value.field == "window_future_days"
    with pytest.raises(Refused) as caught:
        propose(office, ada)
    assert caught.value.code == "unchanged"


def test_staff_propose_nothing(office: Office) -> None:
    with pytest.raises(NotAllowed):
        propose(office, factories.acting(office.cast.eli), show_title=False)
