"""Status: one state from many facts, and what a step's record is called."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsync.engine import status
from calsync.engine.rules import Rules
from calsync.engine.status import AccountFacts, Outcome, State
from calsync.engine.vocabulary import AccountState, Action, Reason, StepState

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERY_15, REALTIME, MANUAL = Rules(frequency="15"), Rules(frequency="realtime"), Rules(frequency="manual")
WELL = AccountFacts(AccountState.ACTIVE, NOW - timedelta(days=9), last_success_at=NOW - MINUTE)

IN_ORDER = (
    # each row fits together with every row below it, and wins
    (State.DISCONNECTED, {"stored": AccountState.DISCONNECTED}),
    (State.PAUSED, {"stored": AccountState.PAUSED}),
    (State.NEEDS_RECONNECT, {"grant_ok": False}),
    (State.SYNCING, {"is_running": True}),
    (State.RATE_LIMITED, {"rate_limited_until": NOW + MINUTE}),
    (State.HELD, {"held_steps": 1}),
    (State.NEEDS_ATTENTION, {"open_issues": 2}),
    (State.NEEDS_ATTENTION, {"open_conflicts": 1}),
    (State.NEEDS_ATTENTION, {"failed_runs": 10}),
    (State.RETRYING, {"failed_runs": 1}),
    (State.STALE, {"last_success_at": NOW - 60 * MINUTE}),
    (State.LATE, {"last_success_at": NOW - 20 * MINUTE}),
    (State.HEALTHY, {}),
)


def state(rules: Rules = EVERY_15, **facts: object) -> State:
    return status.account_state(replace(WELL, **facts), rules, NOW)


@pytest.mark.parametrize("row", range(len(IN_ORDER)))
def test_the_first_state_that_fits_wins(row: int) -> None:
    expected, facts = IN_ORDER[row]
    assert state(**facts) is expected
    for _, others in IN_ORDER[row + 1 :]:
        assert state(**{**others, **facts}) is expected


@pytest.mark.parametrize(
    ("rules", "minutes", "expected"),
    [
        (EVERY_15, 15, State.HEALTHY),
        (EVERY_15, 17, State.HEALTHY),  # within two minutes of grace
        (EVERY_15, 18, State.LATE),
        (EVERY_15, 32, State.LATE),
        (EVERY_15, 33, State.STALE),
        (REALTIME, 7, State.HEALTHY),  # a safety poll every five minutes
        (REALTIME, 8, State.LATE),
        (REALTIME, 13, State.STALE),
        (Rules(frequency="1440"), 1584, State.HEALTHY),  # a tenth of a long interval
        (Rules(frequency="1440"), 1585, State.LATE),
        (MANUAL, 10**6, State.HEALTHY),  # nobody asked, nobody waits
    ],
)
def test_late_and_stale_count_from_the_last_success(rules: Rules, minutes: int, expected: State) -> None:
    assert state(rules, last_success_at=NOW - minutes * MINUTE) is expected


@pytest.mark.parametrize(
    ("rules", "facts", "expected"),
    [
        (EVERY_15, {"connected_at": NOW - 5 * MINUTE}, State.NEW),
        (EVERY_15, {"connected_at": NOW - 40 * MINUTE}, State.STALE),  # should have synced long ago
        (EVERY_15, {"has_calendars": False}, State.NEW),  # set-up is not finished
        (MANUAL, {}, State.NEW),
        (EVERY_15, {"connected_at": NOW, "failed_runs": 1}, State.RETRYING),
    ],
)
def test_an_account_that_never_synced_is_new_until_it_is_overdue(rules: Rules, facts: dict, expected: State) -> None:
    assert state(rules, last_success_at=None, **facts) is expected


def test_a_rate_limit_that_is_over_no_longer_counts() -> None:
    assert state(rate_limited_until=NOW) is State.HEALTHY


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        *((s, ("ACTIVE", None)) for s in (State.HEALTHY, State.SYNCING, State.LATE, State.STALE, State.NEW)),
        (State.NEEDS_RECONNECT, ("TOKEN_EXPIRED", None)),
        (State.RATE_LIMITED, ("RATE_LIMITED", None)),
        (State.RETRYING, ("ERROR", "retrying")),
        (State.NEEDS_ATTENTION, ("ERROR", "needs_attention")),
        (State.HELD, ("ERROR", "held")),
        (State.PAUSED, ("PAUSED", None)),
        (State.DISCONNECTED, ("DISCONNECTED", None)),
    ],
)
def test_what_programs_see(of: State, expected: tuple[str, str | None]) -> None:
    assert status.api_status(of) == expected


@pytest.mark.parametrize(
    ("rules", "minutes"), [(EVERY_15, 15), (REALTIME, 5), (Rules(frequency="60"), 60), (MANUAL, None)]
)
def test_the_next_run_follows_the_frequency(rules: Rules, minutes: int | None) -> None:
    assert status.next_sync_at(rules, NOW) == (None if minutes is None else NOW + minutes * MINUTE)


@pytest.mark.parametrize(
    ("step", "action", "expected"),
    [
        (StepState.DONE, Action.CREATE, Outcome.CREATED),
        (StepState.DONE, Action.UPDATE, Outcome.UPDATED),
        (StepState.DONE, Action.CANCEL, Outcome.DELETED),
        (StepState.DONE, Action.DELETE, Outcome.DELETED),
        (StepState.DONE, Action.LINK, Outcome.LINKED),
        (StepState.DONE, Action.UNLINK, Outcome.UNLINKED),
        (StepState.DONE, Action.NONE, Outcome.UNCHANGED),
        (StepState.SKIPPED, Action.NONE, Outcome.SKIPPED),
        (StepState.CONFLICT, Action.NONE, Outcome.CONFLICT),
        (StepState.FAILED, Action.UPDATE, Outcome.FAILED),
        (StepState.IN_DOUBT, Action.CREATE, Outcome.RETRYING),
        (StepState.HELD, Action.DELETE, Outcome.HELD),
        (StepState.SUPERSEDED, Action.UPDATE, None),
    ],
)
def test_the_outcome_of_a_record(step: StepState, action: Action, expected: Outcome | None) -> None:
    assert status.outcome(step, action) is expected


def test_every_step_has_an_outcome() -> None:
    unknown = [s for s in StepState for a in Action if status.outcome(s, a) is None]
    assert set(unknown) == {StepState.SUPERSEDED}


def test_a_merge_and_a_failure_that_a_later_run_mended_are_named() -> None:
    assert status.outcome(StepState.DONE, Action.UPDATE, Reason.MERGED) is Outcome.MERGED
    assert status.outcome(StepState.FAILED, Action.UPDATE, was_retried=True) is Outcome.RETRIED_OK


def test_a_failed_step_that_a_person_gave_up_is_archived() -> None:
    assert status.outcome(StepState.SKIPPED, Action.UPDATE, has_failed=True) is Outcome.ARCHIVED
    assert status.outcome(StepState.SKIPPED, Action.UPDATE) is Outcome.SKIPPED
