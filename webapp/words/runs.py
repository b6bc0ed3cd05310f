"""A run in one sentence, and what may be said about its numbers."""

from __future__ import annotations

from typing import Any

from webapp.words.texts import count, joined


def run_sentence(run: Any, short: str) -> str:
    """Return what a run did, or is doing; `short` is the provider's name in sentences."""
    match str(run.state):
        case "queued":
            return "Waiting for its turn; it begins in a moment."
        case "running":
            return _running(run, short)
        case "failed" if not _changes(run):
            return "Nothing was changed: the run could not do its work."
        case "cancelled" if not _changes(run):
            return run.error or "Stopped before anything was written."
        case "cancelled":
            return f"{_done(run, short)} {run.error}".strip()
        case "no_changes":
            return f"Looked at {short} and at the CRM: nothing had changed on either side."
    return _done(run, short)


def _running(run: Any, short: str) -> str:
    match str(run.phase):
        case "fetch":
            return f"Reading changes from {short}."
        case "plan":
            return "Comparing both sides."
        case _:
            return "Writing what changed."


def _done(run: Any, short: str) -> str:
    verb = "Would have" if run.state == "preview" else ""
    parts = [
        f"created {run.created}" if run.created else "",
        f"updated {run.updated}" if run.updated else "",
        f"cancelled or deleted {run.deleted}" if run.deleted else "",
    ]
    said = joined(part for part in parts if part)
    done = f"{verb} {said}".strip().capitalize() if said else "Wrote nothing"
    return f"{done}.{_waiting(run)}"


def _waiting(run: Any) -> str:
    parts = [
        f"{count(run.failed, 'record')} failed" if run.failed else "",
        f"{count(run.conflicts, 'conflict')} for a person" if run.conflicts else "",
        f"{count(run.held, 'change')} held for approval" if run.held else "",
    ]
    said = joined(part for part in parts if part)
    return f" {said[:1].upper()}{said[1:]}." if said else ""


def _changes(run: Any) -> int:
    return int(run.created + run.updated + run.deleted)
