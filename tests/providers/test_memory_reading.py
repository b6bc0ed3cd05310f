"""What the memory provider promises beyond the contract: pages, cursors, and what goes wrong on purpose."""

import pytest

from calsync.errors import (
    CursorExpired,
    RateLimited,
    Rejected,
    SignInNeeded,
    Unavailable,
    VersionMismatch,
)
from calsync.providers.base import Page
from calsync.providers.memory import FaultKind, Quirks
from tests.providers.memory import WORK, connect, create, created, make_event, make_server, pages, read, update

# --- reading ------------------------------------------------------------------------------------------------


def test_a_read_comes_in_pages_and_the_last_one_has_the_cursor() -> None:
    server = make_server(page_size=2)
    for n in range(5):
        server.put(WORK, make_event(f"u{n}"))
    found = pages(server)
    assert [len(page.resources) for page in found] == [2, 2, 1]
    assert [page.cursor is None for page in found] == [True, True, False]
    assert {h for page in found for h in page.present} == {r.handle for page in found for r in page.resources}


def test_without_a_feed_a_change_means_a_listing_and_silence_one_request() -> None:
    server = make_server(has_feed=False)
    first, second = server.put(WORK, make_event("u1")), server.put(WORK, make_event("u2"))
    (page,) = pages(server)
    known = {r.handle: r.version for r in page.resources}
    (quiet,) = connect(server).read(WORK, page.cursor, lambda: known)
    assert not quiet.is_full
    server.edit(WORK, second, summary="Coffee")
    server.delete(WORK, first)
    (found,) = connect(server).read(WORK, page.cursor, lambda: known)
    assert ([r.handle for r in found.resources], found.present, found.is_full) == ([second], (second,), True)


def test_a_lagging_server_answers_with_the_past_for_some_requests() -> None:
    server = make_server(lag=3)
    handle = server.put(WORK, make_event())
    seen = [read(server)[0] for _ in range(4)]
    assert seen == [{}, {}, {handle: "Tea"}, {handle: "Tea"}]


def test_a_lagging_cursor_skips_nothing() -> None:
    server = make_server(lag=3)
    handle = server.put(WORK, make_event())
    cursor: str | None = None
    seen = []
    for _ in range(5):
        found, cursor = read(server, cursor)
        seen.append(found)
    assert seen.count({handle: "Tea"}) == 1


def test_a_lagging_server_never_denies_what_exists() -> None:
    server = make_server(lag=3)
    made = created(server, make_event())
    assert connect(server).get_many(WORK, [made.handle])[made.handle] is not None


def test_a_tombstone_may_come_late_and_comes_once() -> None:
    server = make_server(tombstone_lag=3)
    handle = server.put(WORK, make_event())
    _, cursor = read(server)
    server.delete(WORK, handle)
    removed = []
    for _ in range(5):
        (page,) = pages(server, cursor)
        cursor = page.cursor
        removed.append(page.removed)
    assert removed == [(), (), (handle,), (), ()]


def test_an_old_cursor_is_forgotten() -> None:
    server = make_server()
    _, cursor = read(server)
    server.expire_cursors(WORK)
    with pytest.raises(CursorExpired):
        read(server, cursor)
    _, fresh = read(server)
    assert read(server, fresh)[0] == {}


def test_a_move_is_a_tombstone_here_and_a_resource_there() -> None:
    server = make_server(can_move=True)
    server.add_calendar("home")
    made = created(server, make_event())
    _, cursor = read(server)
    moved = connect(server).move(WORK, made.handle, made.version, "home")
    assert moved.events[0].uid == "u1"
    assert pages(server, cursor)[0].removed == (made.handle,)


def test_what_cannot_be_read_exists_and_says_why() -> None:
    server = make_server()
    server.put_raw(WORK, "{", handle="broken")
    (found,) = pages(server)[0].resources
    assert (found.events, found.handle) == ((), "broken")
    assert found.fault


# --- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.UNAVAILABLE, Unavailable),
        (FaultKind.CURSOR_EXPIRED, CursorExpired),
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.REVOKED, SignInNeeded),
        (FaultKind.TRUNCATED, Unavailable),
    ],
)
def test_a_read_that_fails(kind: FaultKind, error: type[Exception]) -> None:
    server = make_server()
    _, cursor = read(server)
    server.faults.arm(kind)
    with pytest.raises(error):
        pages(server, cursor)
    assert server.faults.fired[kind] == 1


def test_a_truncated_listing_gives_half_and_no_end() -> None:
    server = make_server()
    for n in range(4):
        server.put(WORK, make_event(f"u{n}"))
    server.faults.arm(FaultKind.TRUNCATED)
    reading = connect(server).read(WORK, None, dict)
    first = next(reading)
    assert (len(first.resources), len(first.present), first.is_last) == (2, 2, False)
    with pytest.raises(Unavailable):
        next(reading)


def test_an_empty_listing_never_says_that_it_is_complete_and_a_hollow_one_does() -> None:
    server = make_server()
    server.put(WORK, make_event())
    server.faults.arm(FaultKind.EMPTY)
    assert pages(server) == [Page(is_full=True)]
    server.faults.arm(FaultKind.HOLLOW)
    (hollow,) = pages(server)
    assert (hollow.present, hollow.is_last, hollow.cursor is not None) == ((), True, True)


def test_pages_come_twice_or_backwards() -> None:
    server = make_server()
    handles = [server.put(WORK, make_event(f"u{n}")) for n in range(3)]
    server.faults.arm(FaultKind.DUPLICATE)
    server.faults.arm(FaultKind.REORDERED)
    assert [r.handle for r in pages(server)[0].resources] == handles * 2
    assert [r.handle for r in pages(server)[0].resources] == handles[::-1]


@pytest.mark.parametrize(
    ("kind", "in_doubt", "took_effect"),
    [
        (FaultKind.UNAVAILABLE, False, False),
        (FaultKind.LOST_BEFORE, True, False),
        (FaultKind.LOST_AFTER, True, True),
    ],
)
def test_a_write_without_an_answer(kind: FaultKind, in_doubt: bool, took_effect: bool) -> None:
    server = make_server()
    server.faults.arm(kind)
    outcome = create(server, make_event())
    assert isinstance(outcome, Unavailable)
    assert (outcome.is_in_doubt, server.writes == 1) == (in_doubt, took_effect)


def test_a_claimed_mismatch_writes_nothing() -> None:
    server = make_server()
    made = created(server, make_event())
    server.faults.arm(FaultKind.VERSION_MISMATCH)
    assert isinstance(update(server, made, make_event(summary="x"), "summary"), VersionMismatch)
    assert server.event(WORK, made.handle).summary == "Tea"


def test_a_clock_that_is_wrong_shows_in_the_offset() -> None:
    server = make_server()
    client = connect(server)
    assert client.clock_offset() is None
    server.faults.arm(FaultKind.CLOCK_SKEW)
    client.calendars()
    assert client.clock_offset() == server.faults.skew


def test_a_revoked_grant_stays_dead_until_it_is_allowed_again() -> None:
    server = make_server()
    server.revoke()
    for _ in range(2):
        with pytest.raises(SignInNeeded):
            connect(server).calendars()
    server.allow()
    assert [calendar.remote_id for calendar in connect(server).calendars()] == [WORK]


def test_a_fault_waits_for_its_turn() -> None:
    server = make_server()
    server.faults.arm(FaultKind.UNAVAILABLE, skip=2)
    client = connect(server)
    client.calendars()
    client.calendars()
    with pytest.raises(Unavailable):
        client.calendars()
    client.calendars()


def test_every_request_passes_two_boundaries() -> None:
    server = make_server()
    passed: list[str] = []
    server.faults.boundary = passed.append
    created(server, make_event())
    assert passed == ["before write", "after write"]


def test_a_read_only_calendar_takes_no_write() -> None:
    server = make_server()
    server.set_access(WORK, "reader")
    assert isinstance(create(server, make_event()), Rejected)


@pytest.mark.parametrize(
    "quirks",
    [
        {"mails_on_write": True, "mails_by_choice": True},
        {"answers_version": False, "lag": 2},
        {"expresses": frozenset({"summary"})},
    ],
)
def test_quirks_that_contradict_each_other_are_refused(quirks: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"server|calendar"):
        Quirks(**quirks)  # type: ignore[arg-type]
