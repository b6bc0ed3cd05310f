"""What people do with accounts: connect and reconnect, choose calendars, own rules, pause, ask for a run."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calsync.engine.vocabulary import AccountState, LinkState, Reason, Trigger
from calsync.errors import NotAllowed, NotFound, Refused, SignInNeeded, Unavailable
from calsync.providers.memory import FaultKind, MemoryProvider, MemoryServer
from calsync.runtime import CLI, Runtime
from calsync.services import accounts, claims, clients, connect, settings
from calsync.store import accounts as rows
from calsync.store import tables as t
from tests import factories
from tests.factories import Clock, acting

URL = "https://dav.example.com/"


@pytest.fixture
def server(clock: Clock) -> MemoryServer:
    made = MemoryServer(clock)
    made.add_calendar("work", owner="eli")
    made.add_calendar("family", owner="eli")
    made.add_calendar("holidays", owner="eli", access="reader")
    return made


@pytest.fixture
def hints() -> factories.Hints:
    return factories.Hints()


@pytest.fixture
def rt(tmp_path: Path, clock: Clock, server: MemoryServer, hints: factories.Hints) -> Iterator[Runtime]:
    providers = {"memory": MemoryProvider(server)}
    runtime = factories.make_runtime(tmp_path, clock, providers=providers, enqueue=hints)
    yield runtime
    runtime.db.close()


@pytest.fixture
def eli(rt: Runtime) -> t.User:
    return factories.make_user(rt, "Eli")


def link_account(rt: Runtime, owner: t.User, **changes: Any) -> t.Account:
    """Connect a login as the command line does."""
    given: dict[str, Any] = {"url": URL, "username": "eli", "password": "remote-secret"}
    return connect.connect_caldav(rt, owner.id or 0, **{**given, **changes}, by=CLI)


def row(rt: Runtime, account: t.Account) -> t.Account:
    with rt.reading() as session:
        return rows.get(session, account.id or 0)


def calendars(rt: Runtime, account: t.Account) -> dict[str, t.Calendar]:
    with rt.reading() as session:
        return {c.remote_id: c for c in rows.list_calendars(session, account.id or 0)}


def make_link(rt: Runtime, calendar: t.Calendar) -> int:
    """Return a link of some activity to `calendar`."""
    now = rt.now()
    with rt.writing() as session:
        account = rows.get(session, calendar.account_id)
        activity = t.Activity(
            owner_id=account.user_id,
            uid="one",
            content={},
            fingerprint="",
            span_start=now,
            span_end=now,
            created_at=now,
            updated_at=now,
        )
        session.add(activity)
        session.flush()
        facts = {"agreed_local": {}, "agreed_remote": {}, "local_fp": "", "remote_fp": ""}
        link = t.Link(
            activity_id=activity.id or 0,
            account_id=calendar.account_id,
            calendar_id=calendar.id or 0,
            uid="one",
            agreed_at=now,
            created_at=now,
            **facts,
        )
        session.add(link)
        session.flush()
        return link.id or 0


def link_state(rt: Runtime, link_id: int) -> tuple[str, str]:
    with rt.reading() as session:
        link = session.get_one(t.Link, link_id)
        return link.state, link.park_reason


# --- connecting


def test_the_first_account_is_ready_to_sync(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    found = calendars(rt, account)
    work = found["work"]
    assert (work.syncs, work.blocks, work.is_write_target) == (True, True, True)
    assert not any(found[name].syncs or found[name].blocks for name in ("family", "holidays"))
    assert account.can_write


def test_a_second_account_leaves_the_write_target_alone(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    link_account(rt, eli)
    server.add_calendar("club", owner="eli@club")
    other = link_account(rt, eli, username="eli@club")
    club = calendars(rt, other)["club"]
    assert (club.syncs, club.is_write_target) == (True, False)


def test_a_read_only_account_gets_no_write_target(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    server.add_calendar("shared", owner="reader", access="reader")
    account = link_account(rt, eli, username="reader")
    assert not account.can_write
    assert calendars(rt, account)["shared"].is_write_target is False
    assert factories.client_of_a_run(rt, account.id or 0) is None


def test_the_first_run_waits_one_interval(rt: Runtime, eli: t.User, clock: Clock) -> None:
    """So that calendars can be chosen and a preview looked at before anything is written."""
    account = link_account(rt, eli)
    assert account.next_sync_at == clock() + timedelta(minutes=15)
    assert account.requested_trigger == Trigger.FIRST


def test_the_password_is_stored_sealed(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli, password="remote-secret")
    assert account.secret is not None
    assert b"remote-secret" not in account.secret
    assert "remote-secret" in rt.secrets.unseal(account.secret)


def test_a_wrong_password_saves_nothing(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    server.faults.arm(FaultKind.REVOKED)
    with pytest.raises((Refused, SignInNeeded)):
        link_account(rt, eli)
    with rt.reading() as session:
        assert rows.list_accounts(session) == []


def test_connecting_again_renews_the_same_account(rt: Runtime, eli: t.User) -> None:
    first = link_account(rt, eli)
    again = link_account(rt, eli, password="new-secret")
    assert again.id == first.id
    assert again.secret_version > first.secret_version
    assert len(calendars(rt, again)) == 3


def test_reconnecting_keeps_what_was_chosen(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    accounts.set_calendar(rt, calendars(rt, account)["work"].id or 0, syncs=False, by=CLI)
    accounts.set_calendar(rt, calendars(rt, account)["family"].id or 0, syncs=True, by=CLI)
    link_account(rt, eli)
    found = calendars(rt, account)
    assert (found["work"].syncs, found["family"].syncs) == (False, True)


def test_reconnecting_heals_a_dead_grant(rt: Runtime, eli: t.User, hints: factories.Hints) -> None:
    account = link_account(rt, eli)
    with rt.writing() as session:
        rows.get(session, account.id or 0).grant_ok = False
    healed = connect.reconnect(rt, account.id or 0, password="new-secret", by=acting(eli))
    assert healed.grant_ok
    assert healed.next_sync_at == rt.now()
    assert ("sync_account", {"account_id": account.id}) in hints.asked


def test_another_login_is_refused_on_reconnect(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    account = link_account(rt, eli)
    server.add_calendar("theirs", owner="sam")
    with pytest.raises(Refused) as refused:
        connect.reconnect(rt, account.id or 0, username="sam", password="x", by=acting(eli))
    assert refused.value.code == "other_subject"
    assert row(rt, account).username == "eli"


def test_two_people_may_connect_the_same_login(rt: Runtime, eli: t.User) -> None:
    ada = factories.make_user(rt, "Ada", "admin")
    assert link_account(rt, eli).id != link_account(rt, ada).id


def test_clients_connect_only_where_the_admin_allows_it(rt: Runtime) -> None:
    vic = factories.make_user(rt, "Vic", "client")
    facts = {"url": URL, "username": "eli", "password": "x"}
    with pytest.raises(NotAllowed):
        connect.connect_caldav(rt, vic.id or 0, **facts, by=acting(vic))
    switches, version = settings.switches(rt)
    settings.save_switches(rt, dataclasses.replace(switches, clients_may_connect=True), version, by=CLI)
    assert connect.connect_caldav(rt, vic.id or 0, **facts, by=acting(vic)).id


def test_connecting_for_nobody_says_so(rt: Runtime) -> None:
    with pytest.raises(NotFound):
        connect.connect_caldav(rt, 99, url=URL, username="eli", password="x", by=CLI)


def test_nothing_is_asked_of_the_provider_inside_a_transaction(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    from calsync.store.db import inside_transaction

    inside: list[bool] = []
    server.faults.boundary = lambda name: inside.append(inside_transaction())
    account = link_account(rt, eli)
    connect.refresh_calendars(rt, account.id or 0, by=CLI)
    assert inside
    assert not any(inside)


# --- calendars


def test_a_new_calendar_appears_unselected(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    account = link_account(rt, eli)
    server.add_calendar("club", owner="eli")
    found = connect.refresh_calendars(rt, account.id or 0, by=CLI)
    club = next(c for c in found if c.remote_id == "club")
    assert (club.syncs, club.blocks, club.is_write_target) == (False, False, False)


def test_a_gone_calendar_is_marked_and_its_links_are_parked(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    account = link_account(rt, eli)
    link_id = make_link(rt, calendars(rt, account)["work"])
    server.delete_calendar("work")
    connect.refresh_calendars(rt, account.id or 0, by=CLI)
    work = calendars(rt, account)["work"]
    assert (work.is_gone, work.syncs) == (True, True)
    assert link_state(rt, link_id) == (LinkState.PARKED, Reason.PAUSED_CALENDAR)
    server.add_calendar("work", owner="eli")
    connect.refresh_calendars(rt, account.id or 0, by=CLI)
    assert not calendars(rt, account)["work"].is_gone


def test_an_error_while_refreshing_marks_nothing_as_gone(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    account = link_account(rt, eli)
    server.faults.arm(FaultKind.UNAVAILABLE)
    with pytest.raises(Unavailable):
        connect.refresh_calendars(rt, account.id or 0, by=CLI)
    assert not any(c.is_gone for c in calendars(rt, account).values())


def test_a_person_has_one_write_target_over_all_accounts(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    first = link_account(rt, eli)
    server.add_calendar("club", owner="eli@club")
    second = link_account(rt, eli, username="eli@club")
    accounts.set_calendar(rt, calendars(rt, second)["club"].id or 0, is_write_target=True, by=CLI)
    assert not calendars(rt, first)["work"].is_write_target
    assert calendars(rt, second)["club"].is_write_target


def test_a_read_only_calendar_is_refused_as_write_target(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    with pytest.raises(Refused) as refused:
        accounts.set_calendar(rt, calendars(rt, account)["holidays"].id or 0, is_write_target=True, by=CLI)
    assert refused.value.code == "read_only"
    assert calendars(rt, account)["work"].is_write_target


def test_deselecting_a_calendar_parks_its_links(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    work = calendars(rt, account)["work"]
    link_id = make_link(rt, work)
    accounts.set_calendar(rt, work.id or 0, syncs=False, by=CLI)
    assert link_state(rt, link_id) == (LinkState.PARKED, Reason.PAUSED_CALENDAR)


def test_a_gone_calendar_cannot_be_selected(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    account = link_account(rt, eli)
    server.delete_calendar("family")
    connect.refresh_calendars(rt, account.id or 0, by=CLI)
    with pytest.raises(Refused) as refused:
        accounts.set_calendar(rt, calendars(rt, account)["family"].id or 0, syncs=True, by=CLI)
    assert refused.value.code == "gone"


# --- own rules


def test_own_rules_stand_over_the_organisations(rt: Runtime, eli: t.User, clock: Clock) -> None:
    account = link_account(rt, eli)
    accounts.set_overrides(rt, account.id or 0, {"frequency": "60", "direction": "inbound"}, by=CLI)
    with rt.reading() as session:
        rules = settings.rules_of(session, row(rt, account))
    assert (rules.frequency, rules.direction) == ("60", "inbound")
    accounts.set_overrides(rt, account.id or 0, {"frequency": None}, by=CLI)
    assert row(rt, account).overrides == {"direction": "inbound"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"policy": "crm"}, "policy"),
        ({"frequency": "0"}, "frequency"),
        ({"frequency": "often"}, "frequency"),
        ({"default_visibility": "secret"}, "default_visibility"),
    ],
)
def test_rules_that_cannot_be_are_refused(rt: Runtime, eli: t.User, changes: dict[str, str], field: str) -> None:
    account = link_account(rt, eli)
    with pytest.raises(Refused) as refused:
        accounts.set_overrides(rt, account.id or 0, changes, by=CLI)
    assert refused.value.field == field
    assert row(rt, account).overrides == {}


def test_switching_to_both_directions_holds_the_next_plan(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    accounts.set_overrides(rt, account.id or 0, {"direction": "inbound"}, by=CLI)
    assert not row(rt, account).hold_next_plan
    accounts.set_overrides(rt, account.id or 0, {"direction": "both"}, by=CLI)
    assert row(rt, account).hold_next_plan


def test_an_inbound_account_is_handed_no_client_that_writes(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    accounts.set_overrides(rt, account.id or 0, {"direction": "inbound"}, by=CLI)
    assert factories.client_of_a_run(rt, account.id or 0) is None
    reader = clients.open_reader(rt, account.id or 0)
    assert not hasattr(reader, "write")
    assert not hasattr(reader, "move")
    assert [c.remote_id for c in reader.calendars()] == ["work", "family", "holidays"]


# --- pause, resume, sync now


def test_a_paused_account_does_not_run(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    accounts.pause(rt, account.id or 0, reason="on holiday", by=acting(eli))
    accounts.pause(rt, account.id or 0, reason="on holiday", by=acting(eli))
    paused = row(rt, account)
    assert (paused.state, paused.paused_reason, paused.paused_by_id) == ("paused", "on holiday", eli.id)
    with pytest.raises(Refused) as refused:
        accounts.sync_now(rt, account.id or 0, by=acting(eli))
    assert refused.value.code == "paused"
    resumed = accounts.resume(rt, account.id or 0, by=acting(eli))
    assert (resumed.state, resumed.next_sync_at) == (AccountState.ACTIVE, rt.now())


def test_a_pause_cannot_end_in_the_past(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    with pytest.raises(Refused):
        accounts.pause(rt, account.id or 0, until=rt.now() - timedelta(seconds=1), by=CLI)


def test_a_double_click_on_sync_now_does_one_thing(rt: Runtime, eli: t.User, clock: Clock) -> None:
    account = link_account(rt, eli)
    assert accounts.sync_now(rt, account.id or 0, by=acting(eli))
    assert not accounts.sync_now(rt, account.id or 0, by=acting(eli))
    assert claims.claim_due(rt, "one", 1) == [account.id]
    assert not accounts.sync_now(rt, account.id or 0, by=acting(eli))
    claims.release(rt, account.id or 0, "one", started_at=clock())
    assert claims.claim_due(rt, "one", 1) == []
    assert accounts.sync_now(rt, account.id or 0, by=acting(eli))


def test_a_full_resync_forgets_the_cursors(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    with rt.writing() as session:
        rows.list_calendars(session, account.id or 0)[0].cursor = "17"
    accounts.sync_now(rt, account.id or 0, full=True, by=CLI)
    assert {c.cursor for c in calendars(rt, account).values()} == {None}


def test_a_dead_account_asks_to_be_reconnected(rt: Runtime, eli: t.User) -> None:
    account = link_account(rt, eli)
    with rt.writing() as session:
        rows.get(session, account.id or 0).grant_ok = False
    with pytest.raises(Refused) as refused:
        accounts.sync_now(rt, account.id or 0, by=CLI)
    assert refused.value.code == "reconnect"


# --- probes


def test_manual_accounts_are_probed_daily(rt: Runtime, eli: t.User, clock: Clock) -> None:
    account = link_account(rt, eli)
    accounts.set_overrides(rt, account.id or 0, {"frequency": "manual"}, by=CLI)
    assert connect.list_unproven(rt) == []
    clock.advance(hours=24)
    assert connect.list_unproven(rt) == [account.id]
    assert connect.try_probe(rt, account.id or 0)
    assert connect.list_unproven(rt) == []
    assert row(rt, account).last_answer_at == clock()


def test_a_probe_notices_a_dead_grant(rt: Runtime, eli: t.User, server: MemoryServer) -> None:
    account = link_account(rt, eli)
    server.faults.arm(FaultKind.REVOKED)
    assert not connect.try_probe(rt, account.id or 0)
    assert not row(rt, account).grant_ok


def test_a_probe_wakes_an_account_that_had_given_up(rt: Runtime, eli: t.User, clock: Clock) -> None:
    account = link_account(rt, eli)
    with rt.writing() as session:
        given_up = rows.get(session, account.id or 0)
        given_up.failed_runs, given_up.next_sync_at = 10, clock() + timedelta(days=1)
    clock.advance(hours=1)
    assert connect.list_unproven(rt) == [account.id]
    assert connect.try_probe(rt, account.id or 0)
    assert claims.claim_due(rt, "one", 1) == [account.id]


def pause_writing(rt: Runtime, paused: bool) -> None:
    known, version = settings.switches(rt)
    settings.save_switches(rt, dataclasses.replace(known, writes_paused=paused), version, by=CLI)


def test_once_writing_goes_on_accounts_that_write_are_due(rt: Runtime, eli: t.User, monkeypatch) -> None:
    monkeypatch.setattr(rows, "HURRIED", 2)
    later, failing = rt.now() + timedelta(minutes=15), rt.now() + timedelta(hours=1)
    given = {"provider": "memory", "can_write": True, "next_sync_at": later}
    writing = [factories.make_account(rt, eli, subject=f"w{n}", **given) for n in range(5)]
    others = [
        factories.make_account(rt, eli, subject="reads", **{**given, "can_write": False}),
        factories.make_account(rt, eli, subject="paused", **given, state=AccountState.PAUSED),
        factories.make_account(rt, eli, subject="fails", **{**given, "next_sync_at": failing}, failed_runs=3),
        factories.make_account(rt, eli, subject="asked", **{**given, "next_sync_at": None}),
    ]
    pause_writing(rt, True)
    assert {row(rt, account).next_sync_at for account in writing} == {later}
    pause_writing(rt, False)
    assert {row(rt, account).next_sync_at for account in writing} == {rt.now()}
    assert [row(rt, account).next_sync_at for account in others] == [later, later, failing, None]


def test_an_account_that_runs_as_writing_goes_on_runs_once_more(rt: Runtime, eli: t.User) -> None:
    account = factories.make_account(rt, eli, provider="memory", can_write=True, next_sync_at=rt.now())
    pause_writing(rt, True)
    claims.claim_due(rt, "one", 1)
    pause_writing(rt, False)
    with rt.writing() as session:
        claims.end(session, account.id or 0, "one", rt.now(), started_at=rt.now())
    assert row(rt, account).next_sync_at == rt.now()
