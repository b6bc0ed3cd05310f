"""One pair to what brings it back into agreement: the tables of docs/sync.md."""

from dataclasses import replace

import pytest

from calsync.engine import event, pushes, winner
from calsync.engine.decide import decide
from calsync.engine.pair import Decision
from calsync.engine.vocabulary import Action, ConflictKind, Deletions, Policy, Reason
from tests.engine.pairs import agreed, at, content, local, remote, terms

TITLE, PLACE = {"summary": "New title"}, {"location": "Room 2"}


@pytest.mark.parametrize(
    ("ours", "theirs", "here", "there", "reason"),
    [
        (local(), remote(), Action.NONE, Action.NONE, Reason.BOTH_EQUAL),  # an echo, a silent version bump
        (local(TITLE), remote(), Action.NONE, Action.UPDATE, Reason.LOCAL_EDITED),  # only we changed
        (local(), remote(TITLE), Action.UPDATE, Action.NONE, Reason.REMOTE_EDITED),  # only they changed
        (local(TITLE), remote(TITLE), Action.NONE, Action.NONE, Reason.BOTH_EQUAL),  # the same edit twice
        (local(TITLE), remote(PLACE), Action.UPDATE, Action.UPDATE, Reason.MERGED),  # different fields: both stand
        (local(gone=0), remote(), Action.NONE, Action.CANCEL, Reason.LOCAL_CANCELLED),
        (local(), remote(gone="erased"), Action.CANCEL, Action.NONE, Reason.REMOTE_DELETED),
        (local(), remote(gone="cancelled"), Action.CANCEL, Action.NONE, Reason.REMOTE_CANCELLED),
        (local(gone=0), remote(gone="erased"), Action.NONE, Action.NONE, Reason.BOTH_EQUAL),  # nothing left to do
    ],
)
def test_what_one_pair_needs(ours, theirs, here, there, reason):
    decision = decide(ours, theirs, agreed(), terms())
    assert (decision.local_action, decision.remote_action, decision.reason) == (here, there, reason)


@pytest.mark.parametrize(
    ("policy", "here_at", "there_at", "crm_wins", "reason"),
    [
        (Policy.CRM, 0, 60, True, Reason.CRM_WINS),  # whoever was later
        (Policy.EXTERNAL, 60, 0, False, Reason.EXTERNAL_WINS),
        (Policy.LAST_MODIFIED, 10, 20, False, Reason.LATER_EDIT_WINS),
        (Policy.LAST_MODIFIED, 20, 10, True, Reason.LATER_EDIT_WINS),
        (Policy.LAST_MODIFIED, 10, 10 + 4 / 60, True, Reason.TIE_TO_CRM),  # four seconds are a tie
        (Policy.LAST_MODIFIED, 10, 10 + 6 / 60, False, Reason.LATER_EDIT_WINS),  # six are not
    ],
)
def test_policy_settles_a_clash_and_keeps_the_losing_value(policy, here_at, there_at, crm_wins, reason):
    ours, theirs = local({"summary": "Ours"}, edited=here_at), remote({"summary": "Theirs"}, edited=there_at)
    decision = decide(ours, theirs, agreed(), terms(policy=policy))
    assert decision.reason is reason
    assert decision.outward.get("summary") == ("Ours" if crm_wins else None)
    assert decision.inward.get("summary") == (None if crm_wins else "Theirs")
    loser = ("remote", "Theirs") if crm_wins else ("local", "Ours")
    assert decision.losing == {"summary": {"side": loser[0], "value": loser[1]}}


def test_policy_applies_to_clashes_only():
    """CRM wins never reverts an event that changed only in the calendar."""
    decision = decide(local(), remote(TITLE), agreed(), terms(policy=Policy.CRM))
    assert decision.inward == TITLE
    assert decision.remote_action is Action.NONE


def test_manual_writes_nothing_on_either_side():
    decision = decide(local(TITLE | PLACE), remote({"summary": "Theirs"}), agreed(), terms(policy=Policy.MANUAL))
    assert decision.conflict is ConflictKind.BOTH_CHANGED
    assert not decision.writes
    assert decision.merged["remote"] == PLACE  # proposed, not written


def test_a_choice_of_a_person_stands_above_the_policy():
    ours = local({"summary": "Ours", "location": "Here"})
    theirs = remote({"summary": "Theirs", "location": "There"})
    rules = terms(policy=Policy.MANUAL, choices={"summary": Policy.CRM, "location": Policy.EXTERNAL})
    decision = decide(ours, theirs, agreed(), rules)
    assert (decision.outward, decision.inward) == ({"summary": "Ours"}, {"location": "There"})
    assert decision.reason is Reason.RESOLVED


@pytest.mark.parametrize(
    ("policy", "gone_at", "edited_at", "here", "there"),
    [
        (Policy.CRM, 0, 60, Action.NONE, Action.CANCEL),  # what the CRM did stands: it cancelled
        (Policy.EXTERNAL, 60, 0, Action.UPDATE, Action.NONE),  # the calendar's edit revives it here
        (Policy.LAST_MODIFIED, 10, 20, Action.UPDATE, Action.NONE),  # edited after it was cancelled
        (Policy.LAST_MODIFIED, 20, 10, Action.NONE, Action.CANCEL),  # cancelled after it was edited
        (Policy.MANUAL, 20, 10, Action.NONE, Action.NONE),
    ],
)
def test_cancelled_here_and_edited_there(policy, gone_at, edited_at, here, there):
    decision = decide(local(gone=gone_at), remote(TITLE, edited=edited_at), agreed(), terms(policy=policy))
    assert (decision.local_action, decision.remote_action) == (here, there)
    if policy is Policy.MANUAL:
        assert decision.conflict is ConflictKind.CHANGED_DELETED


@pytest.mark.parametrize(
    ("policy", "here", "there"),
    [
        (Policy.CRM, Action.NONE, Action.CREATE),  # the edit stands: it is made again there
        (Policy.EXTERNAL, Action.CANCEL, Action.NONE),
        (Policy.LAST_MODIFIED, Action.CANCEL, Action.NONE),  # no time for a deletion: when we learned of it, the last
        (Policy.MANUAL, Action.NONE, Action.NONE),
    ],
)
def test_edited_here_and_erased_there(policy, here, there):
    decision = decide(local(TITLE, edited=10), remote(gone="erased"), agreed(), terms(policy=policy))
    assert (decision.local_action, decision.remote_action) == (here, there)


def test_unlinking_deletions_touch_neither_side():
    rules = terms(deletions=Deletions.UNLINK)
    for decision in (
        decide(local(gone=0), remote(), agreed(), rules),
        decide(local(), remote(gone="erased"), agreed(), rules),
    ):
        assert decision.parks
        assert not decision.writes


def test_asking_about_deletions_opens_a_conflict():
    decision = decide(local(), remote(gone="erased"), agreed(), terms(deletions=Deletions.ASK))
    assert decision.conflict is ConflictKind.CHANGED_DELETED
    assert not decision.writes


def test_without_visible_cancelling_the_event_is_deleted():
    assert decide(local(gone=0), remote(), agreed(), terms(cancel_visibly=False)).remote_action is Action.DELETE


def test_a_cancelled_pair_is_not_recreated_by_either_side():
    over = agreed(was_gone=True)
    assert not decide(local(gone=0), remote(gone="erased"), over, terms()).writes


def test_reviving_here_writes_it_there_again():
    over = agreed(was_gone=True)
    assert decide(local(TITLE), remote(gone="erased"), over, terms()).remote_action is Action.CREATE
    assert decide(local(TITLE), remote(gone="cancelled"), over, terms()).remote_action is Action.UPDATE


def test_reviving_there_revives_it_here():
    decision = decide(local(gone=0), remote(TITLE), agreed(was_gone=True), terms())
    assert decision.local_action is Action.UPDATE
    assert decision.inward["status"] == "confirmed"


# --- direction and access


@pytest.mark.parametrize("why", [Reason.ONE_WAY, Reason.READ_ONLY_CALENDAR])
def test_what_may_not_be_pushed_waits_and_says_why(why):
    for ours in (local(TITLE), local(gone=0)):
        decision = decide(ours, remote(), agreed(), terms(push_refused=why))
        assert decision.waits_for is why
        assert not decision.writes


def test_pulling_goes_on_while_pushing_waits():
    decision = decide(local(TITLE), remote(PLACE), agreed(), terms(push_refused=Reason.ONE_WAY))
    assert decision.inward == PLACE
    assert decision.waits_for is Reason.ONE_WAY


def test_outbound_records_remote_edits_as_drift():
    decision = decide(local(), remote(PLACE), agreed(), terms(may_pull=False))
    assert decision.drift == ("location",)
    assert not decision.writes


def test_outbound_does_not_recreate_what_was_deleted_there():
    decision = decide(local(TITLE), remote(gone="erased"), agreed(), terms(may_pull=False))
    assert not decision.writes
    assert decision.waits_for is Reason.DRIFT


# --- copies of a guest


def test_a_guests_copy_never_writes_shared_fields():
    decision = decide(local(TITLE), remote(), agreed(), terms(is_owner=False))
    assert decision.waits_for is Reason.NOT_OWNER
    assert not decision.writes


def test_deleting_a_guests_copy_declines_for_that_guest_alone():
    people = {"responses": {"eli@x": "accepted", "vic@x": "accepted"}, "attendees": {"eli@x": {}, "vic@x": {}}}
    rules = terms(is_source=False, is_owner=False, own_addresses=frozenset({"eli@x"}))
    decision = decide(local(people), replace(remote(people), is_gone=True, is_erased=True), agreed(), rules)
    assert decision.local_action is Action.UPDATE
    assert decision.inward == {"responses": {"eli@x": "declined", "vic@x": "accepted"}}


def test_shared_fields_do_not_come_in_through_a_second_copy():
    decision = decide(local(), remote(TITLE), agreed(), terms(is_source=False))
    assert not decision.writes


# --- guards


def test_the_same_value_is_not_pushed_a_fourth_time():
    pushed = (pushes.value_hash("New title"), 3)
    decision = decide(local(TITLE), remote(), agreed(pushes={"summary": pushed}), terms())
    assert decision.fails is Reason.SERVER_KEEPS_CHANGING
    assert not decision.writes


def test_pushes_of_one_value_are_counted_and_a_new_value_starts_anew():
    once = pushes.count({}, {"summary": "A"})
    twice = pushes.count(once, {"summary": "A"})
    other = pushes.count(twice, {"summary": "B"})
    assert [p["summary"][1] for p in (once, twice, other)] == [1, 2, 1]


def test_a_changed_projection_rewrites_what_is_shown():
    def hide(values):
        return {**values, "summary": "Busy"}

    rules = terms(project=hide, hidden=frozenset({"summary"}))
    decision = decide(local(), remote(), agreed(projection_changed=True, is_ours=True), rules)
    assert decision.outward == {"summary": "Busy"}
    assert decision.inward == {}


def test_the_remote_time_is_clamped_between_the_two_reads():
    early = replace(remote(TITLE), modified_at=at(-600))
    late = replace(remote(TITLE), modified_at=at(600))
    assert winner.remote_time(early) == early.after
    assert winner.remote_time(late) == late.seen_at


def test_responses_follow_the_attendees():
    wanted = event.resulting(content(), {"attendees": {"a@x": {"name": "", "role": "req-participant", "kind": "room"}}})
    assert wanted["responses"] == {"a@x": "needs-action"}


def test_an_untouched_pair_decides_to_keep():
    assert decide(local(), remote(), agreed(), terms()) == Decision(Reason.BOTH_EQUAL, agrees=True)
