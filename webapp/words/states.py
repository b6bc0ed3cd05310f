"""States as badges: label, colour, icon and one sentence. Colours are names that `calsync.css` knows, never hex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.words.texts import count


@dataclass(frozen=True, slots=True)
class Word:
    """One badge. `colour` is green, blue, amber, red, violet, grey or white; `icon` a symbol of `icons.svg`.

    `help` is a sentence for the badge's title: what the state means and who acts.
    """

    label: str
    colour: str
    icon: str
    help: str = ""


_ACCOUNT = {
    "healthy": Word("Healthy", "green", "check", "The last sync succeeded in time. Nothing to do."),
    "syncing": Word("Syncing", "blue", "refresh", "A sync is running now."),
    "late": Word("Late", "amber", "clock", "The last success is older than one interval. It usually catches up."),
    "stale": Word("Stale", "red", "clock", "No success for more than two intervals. An admin should look."),
    "rate_limited": Word("Rate limited", "amber", "hourglass", "The provider asked for a pause. It ends by itself."),
    "retrying": Word("Retrying", "amber", "rotate", "A passing error. The next try comes by itself."),
    "needs_reconnect": Word("Needs reconnect", "red", "key", "The sign-in no longer works. Its owner must reconnect."),
    "needs_attention": Word("Needs attention", "red", "flag", "Records failed or wait for a decision."),
    "held": Word("Held", "violet", "shield", "A run stopped at a safety limit. An admin approves or discards it."),
    "paused": Word("Paused", "grey", "player-pause", "Someone paused this account. Nothing is read or written."),
    "new": Word("New", "white", "star", "Never synced yet. Finish its set-up."),
    "disconnected": Word("Disconnected", "grey", "unlink", "No longer connected. Its history is kept."),
}

_RUN = {
    "queued": Word("Queued", "grey", "clock", "Waiting for its turn."),
    "running": Word("Running", "blue", "refresh", "In progress."),
    "succeeded": Word("Succeeded", "green", "check", "Every step was done."),
    "partial": Word("Succeeded with errors", "amber", "alert-triangle", "Some records failed; all others were done."),
    "failed": Word("Failed", "red", "x", "The run could not do its work."),
    "held": Word("Held", "violet", "shield", "Stopped at a safety limit; waits for approval."),
    "cancelled": Word("Cancelled", "grey", "ban", "Stopped before it was done."),
    "no_changes": Word("No changes", "grey", "circle-minus", "Nothing had changed on either side."),
    "preview": Word("Preview", "white", "eye", "A plan that nobody applied."),
}

_OUTCOME = {
    "created": Word("Created", "green", "plus", "A new record was made."),
    "updated": Word("Updated", "blue", "edit", "A record was changed."),
    "deleted": Word("Deleted", "red", "trash", "A record was cancelled or deleted."),
    "unlinked": Word("Unlinked", "grey", "unlink", "Both sides stay as they are and no longer follow each other."),
    "linked": Word("Linked", "green", "link", "Two existing records were recognised as the same."),
    "merged": Word("Merged", "green", "git-merge", "Changes from both sides were joined."),
    "unchanged": Word("Unchanged", "grey", "circle-minus", "Both sides were equal already."),
    "skipped": Word("Skipped", "grey", "circle-minus", "Left alone, for the reason given."),
    "conflict": Word("Conflict", "amber", "arrows-left-right", "Changed on both sides; a person decides."),
    "failed": Word("Failed", "red", "x", "It did not work, for the reason given."),
    "retrying": Word("Retrying", "amber", "rotate", "It will be tried again by itself."),
    "retried_ok": Word("Retried OK", "green", "check", "It failed once and worked later."),
    "held": Word("Held", "violet", "shield", "Waits for approval."),
    "planned": Word("Planned", "white", "clock", "Decided and not done yet."),
    "preview": Word("Preview", "white", "eye", "What a run would do."),
    "archived": Word("Archived", "grey", "archive", "It failed, and a person said that it need not be tried again."),
    "undone": Word("Undone", "grey", "arrow-back-up", "Taken back."),
}

_STEP = {
    "planned": _OUTCOME["planned"],
    "held": _OUTCOME["held"],
    "applying": Word("Writing", "blue", "refresh", "Being written now."),
    "done": Word("Done", "green", "check", "Written and confirmed."),
    "skipped": _OUTCOME["skipped"],
    "conflict": _OUTCOME["conflict"],
    "failed": _OUTCOME["failed"],
    "in_doubt": _OUTCOME["retrying"],
    "superseded": Word("Superseded", "grey", "circle-minus", "A newer plan took its place."),
    "undone": _OUTCOME["undone"],
    "preview": _OUTCOME["preview"],
}

_CONFLICT = {
    "both_changed": Word("Both changed", "amber", "arrows-left-right", "The same field was changed on both sides."),
    "changed_deleted": Word("Changed and deleted", "red", "trash", "Changed on one side and deleted on the other."),
    "duplicate_match": Word("Duplicate match", "violet", "copy", "Several records might be the same one."),
    "series": Word("Moved series", "amber", "repeat", "A series moved and a changed occurrence no longer fits it."),
}

_NOTICE = {
    "reconnect": Word("Reconnect needed", "red", "key"),
    "ending": Word("Authorisation ends soon", "amber", "clock"),
    "credentials": Word("Credentials refused", "red", "key"),
    "secret": Word("Secret runs out", "amber", "key"),
    "held": Word("Waiting for approval", "violet", "shield"),
    "failing": Word("Failing repeatedly", "red", "flag"),
    "conflict": Word("Waiting for your decision", "amber", "arrows-left-right"),
    "meeting": Word("Meeting needs you", "red", "video"),
    "room": Word("Room declined", "red", "door"),
    "webhook": Word("Webhook switched off", "red", "webhook"),
    "disconnected": Word("Account disconnected", "grey", "unlink"),
    "recovered": Word("Working again", "green", "check"),
    "digest": Word("Weekly summary", "blue", "mail"),
}


def account_state(state: str) -> Word:
    """Return the badge of a derived account state (`engine/status.py`)."""
    return _look_up(_ACCOUNT, state)


def run_state(state: str) -> Word:
    return _look_up(_RUN, state)


def outcome(value: str) -> Word:
    """Return the badge of what became of one record."""
    return _look_up(_OUTCOME, value)


def step_state(state: str) -> Word:
    return _look_up(_STEP, state)


def conflict_kind(kind: str) -> Word:
    return _look_up(_CONFLICT, kind)


def notice(kind: str) -> Word:
    return _look_up(_NOTICE, kind)


def notice_text(kind: str, facts: Mapping[str, Any]) -> str:
    """Return what a notice says, from the facts that its service stored."""
    account, waiting = facts.get("account") or "An account", facts.get("count", 0)
    texts = {
        "reconnect": f"{account} does not sync until its owner reconnects it.",
        "ending": f"{account} has to be reconnected soon: its authorisation ends by itself.",
        "credentials": f"{account} no longer knows this installation: its credentials are refused.",
        "secret": f"{account}: the secret of this installation {_runs_out(facts.get('days', 0))}.",
        "held": f"{account}: a run stopped at a safety limit.",
        "failing": f"{account} failed several times in a row.",
        "conflict": f"{account}: {waiting} waiting for a decision." if waiting else f"{account}: a decision is needed.",
        "meeting": f"A meeting at {account} {_meeting_why(str(facts.get('why', '')))}",
        "room": f"{account} did not take a booking: it is in use then, or its rules say no.",
        "webhook": f"{account} took no message for five days, so its webhook was switched off.",
        "disconnected": f"{account} was disconnected. Its history is kept.",
        "recovered": f"{account} syncs again.",
    }
    return texts.get(str(kind), account)


def _meeting_why(why: str) -> str:
    known = {
        "gone": "was deleted there: its link leads nowhere.",
        "no_host": "begins soon and has nobody who could host it.",
    }
    return known.get(why, "was refused there, so it has no link.")


def _runs_out(days: int) -> str:
    return f"runs out within {count(days, 'day')}" if days else "has run out"


def _look_up(table: dict[str, Word], value: str) -> Word:
    text = str(value)
    return table.get(text) or Word(text.replace("_", " ").capitalize() or "Unknown", "grey", "info-circle")
