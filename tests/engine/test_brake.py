"""The brake: a plan against the limits."""

import pytest

from calsync.engine.brake import Counted, Tally, brake, held_for, is_limited, plan_digest, step_digest
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Action, Reason

DELETE, CREATE = Counted(1, Action.DELETE), Counted(1, Action.CREATE)


def over(steps, recent=None, *, is_first=False, **rules):
    return brake(steps, recent or {}, Rules(**rules), is_first=is_first)


@pytest.mark.parametrize(
    ("deletions", "links", "holds"),
    [
        (10, 12, False),  # never for ten or fewer, whatever the share
        (11, 12, True),
        (11, 44, False),  # exactly a quarter is still allowed
        (12, 44, True),
        (200, 10_000, False),
    ],
)
def test_many_deletions_are_held(deletions, links, holds):
    recent = {None: Tally(links=links), 1: Tally(links=links)}
    held = over([DELETE] * deletions, recent)
    assert (held_for(DELETE, held) is Reason.BRAKE_DELETIONS) is holds
    assert held_for(CREATE, held) is None  # the other kinds go on


def test_what_was_deleted_today_counts_too():
    """Ten now and ten an hour ago are twenty: splitting a disaster into runs does not pass."""
    recent = {None: Tally(links=40, deletions=10), 1: Tally(links=40, deletions=10)}
    assert held_for(DELETE, over([DELETE] * 10, recent)) is Reason.BRAKE_DELETIONS


def test_one_calendar_is_braked_even_when_the_account_is_large():
    recent = {None: Tally(links=10_000), 1: Tally(links=20), 2: Tally(links=9_980)}
    held = over([DELETE] * 12, recent)
    assert held_for(DELETE, held) is Reason.BRAKE_DELETIONS
    assert held_for(Counted(2, Action.DELETE), held) is None


def test_creating_much_is_expected_on_a_first_run_only():
    assert held_for(CREATE, over([CREATE] * 101)) is Reason.BRAKE_CREATES
    assert held_for(CREATE, over([CREATE] * 100)) is None
    assert held_for(CREATE, over([CREATE] * 5_000, is_first=True)) is None


def test_mailing_many_people_is_held_and_silent_steps_go_on():
    loud, silent = Counted(1, Action.UPDATE, people_mailed=7), Counted(1, Action.UPDATE)
    held = over([loud] * 3)
    assert held_for(loud, held) is Reason.BRAKE_MAILS
    assert held_for(silent, held) is None


@pytest.mark.parametrize("people", [0, 3])
@pytest.mark.parametrize("action", Action)
def test_a_step_without_a_limit_is_never_held(action, people):
    changes_how_much_there_is = action in (Action.CREATE, Action.CANCEL, Action.DELETE)
    assert is_limited(Counted(1, action, people)) is (changes_how_much_there_is or people > 0)


def test_limits_are_settings():
    assert held_for(CREATE, over([CREATE] * 6, brake_creates=5)) is Reason.BRAKE_CREATES


def test_an_approval_is_bound_to_what_would_be_written():
    one = step_digest("link:1", Action.UPDATE, "outbound", {"summary": "A"})
    assert one == step_digest("link:1", Action.UPDATE, "outbound", {"summary": "A"})
    assert one != step_digest("link:1", Action.UPDATE, "outbound", {"summary": "B"})
    assert plan_digest([one, "x"]) == plan_digest(["x", one])
