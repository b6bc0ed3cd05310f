"""Why a record is, or is not, synced, in sentences: each question that a run asks, and what it would do."""

from __future__ import annotations

from typing import Any

from webapp.words import choices
from webapp.words.reasons import reason
from webapp.words.texts import joined

_QUESTIONS = {
    "account": ("Is the account at work?", "It is active and its sign-in is accepted.", ""),
    "calendar": ("Does the calendar sync?", "Syncing of this calendar is on.", ""),
    "readable": ("Can the event be read?", "It can.", ""),
    "direction": ("Does the account sync this way?", "It does.", ""),
    "access": ("May we write to the calendar?", "We may.", ""),
    "writes": ("Is writing allowed at all?", "It is.", ""),
    "alive": ("Is it alive?", "It is not cancelled.", ""),
    "kind": ("Does this kind of activity go out?", "It does.", ""),
    "window": ("Is it inside the time window?", "It is.", ""),
    "imports": ("Do events like this come in?", "They do.", ""),
    "event_kind": ("Do events of this kind come in?", "They do.", ""),
    "all_day": ("Has it a time, or do all-day events come in?", "Nothing against it.", ""),
    "private": ("Is it public, or do private events come in?", "Nothing against it.", ""),
    "declined": ("Has its owner not declined it?", "It was not.", ""),
    "matched": ("Is it clear which activity it belongs to?", "It is.", ""),
}
_DOES = {
    ("create", "outbound"): "writes it to {calendar} for the first time",
    ("create", "inbound"): "makes an activity of it",
    ("update", "outbound"): "writes {fields} to {calendar}",
    ("update", "inbound"): "takes over {fields} from {calendar}",
    ("cancel", "outbound"): "cancels it on {calendar}",
    ("cancel", "inbound"): "cancels it here",
    ("delete", "outbound"): "deletes it from {calendar}",
    ("link", "inbound"): "recognises the two as the same and links them",
    ("unlink", "inbound"): "stops following {calendar}; both sides stay as they are",
}


def question(code: str) -> str:
    return _QUESTIONS.get(code, (code.replace("_", " ").capitalize() + "?", "", ""))[0]


def finding(check: Any, answer: Any) -> str:
    """Return the answer to one question: a plain yes, the reason for a no, or that it was not asked."""
    if check.is_ok is None:
        return "Not asked any more."
    if check.is_ok:
        return _QUESTIONS.get(check.code, ("", "Yes.", ""))[1]
    return account_trouble(answer.account) if check.code == "account" else reason(answer.reason)


def account_trouble(account: Any) -> str:
    """Return why an account does not run, "" when it does."""
    if account.state == "paused":
        return "The account is paused: nothing is read or written until somebody resumes it."
    if account.state == "disconnected":
        return "The account is disconnected."
    return "" if account.grant_ok else "The provider no longer accepts the sign-in; the account must be reconnected."


def would(step: Any, calendar: str) -> str:
    """Return what one planned step does, as the end of "The next run ..."; "" for a step that only takes note."""
    if str(step["state"]) == "conflict":
        return f"asks a person to decide about {joined(_fields(step)) or 'which of several activities it is'}"
    text = _DOES.get((str(step["action"]), str(step["direction"])), "")
    done = text.format(calendar=calendar or "the calendar", fields=joined(_fields(step)) or "the changes")
    return f"{done}, once an admin has approved it" if done and str(step["state"]) == "held" else done


def _fields(step: Any) -> list[str]:
    return [choices.field(name).lower() for name in step["fields"]]
