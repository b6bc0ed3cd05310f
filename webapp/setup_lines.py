"""The steps of setting up a provider as its card shows them: ticked by what the program knows, and by nothing else.

lines = setup_lines.of(steps, standing, redirect_uri)     .step, .state, .said
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from calsync.services.credentials import Proof, SetupStep, Standing
from calsync.store import tables as t
from webapp import moments, words

DONE, OPEN, WRONG, UNSEEN = "done", "open", "wrong", "unseen"


@dataclass(frozen=True, slots=True)
class Line:
    """One step. `state` is done, open, wrong, or unseen where nothing of it shows here; `said` tells how it shows."""

    step: SetupStep
    state: str
    said: str = ""


def of(steps: Sequence[SetupStep], standing: Standing, redirect_uri: str) -> list[Line]:
    """Return the steps with their states, in their order."""
    return [_line(step, standing, redirect_uri) for step in steps]


def _line(step: SetupStep, standing: Standing, redirect_uri: str) -> Line:
    row = standing.current
    match step.proof:
        case None:
            return Line(step, UNSEEN, "Cannot be seen from here.")
        case _ if row is None:
            return Line(step, OPEN)
        case Proof.SAVED:
            return _saved(step, row)
        case Proof.ACCEPTED if row.refused_at is not None:
            return Line(step, WRONG, "It is refused at the moment.")
        case Proof.ACCEPTED:
            return Line(step, DONE, "Its credentials are in use.")
        case Proof.REDIRECT:
            return _redirect(step, row, redirect_uri)
        case Proof.SIGN_IN:
            return _sign_in(step, row, standing)
        case Proof.ANSWER:
            return _seen(step, _latest(row.answered_at, standing.holders.read_at), "Calendars were read")
        case Proof.LASTING:
            return _lasting(step, standing)
        case Proof.NOTICE:
            heard_at = row.extra.get("heard_at")
            return _seen(step, datetime.fromisoformat(heard_at) if heard_at else None, "A notice arrived")


def _saved(step: SetupStep, row: t.ProviderCredential) -> Line:
    project = row.extra.get("project")
    return Line(step, DONE, f"Saved, of the project {project}." if project else "Its credentials are saved.")


def _redirect(step: SetupStep, row: t.ProviderCredential, ours: str) -> Line:
    registered = row.extra.get("redirect_uris") or []
    if ours and row.signed_in_uri == ours:
        return Line(step, DONE, "Somebody came back there.")
    if ours and ours in registered:
        return Line(step, DONE, "The imported file names it.")
    if row.signed_in_uri:
        return Line(step, WRONG, f"People came back to {row.signed_in_uri} so far: the public address has changed.")
    if registered:
        return Line(step, WRONG, "The imported file does not name it. If you added it since, the first sign-in shows.")
    return Line(step, OPEN, "It shows with the first sign-in.")


def _sign_in(step: SetupStep, row: t.ProviderCredential, standing: Standing) -> Line:
    if row.signed_in_at is None and standing.accounts:
        return Line(step, DONE, f"{words.count(standing.accounts, 'account is', 'accounts are')} connected.")
    return _seen(step, row.signed_in_at, "Somebody signed in")


def _lasting(step: SetupStep, standing: Standing) -> Line:
    holders = standing.holders
    if holders.ending:
        said = f"{words.count(holders.ending, 'permission ends by itself', 'permissions end by themselves')}."
        return Line(step, WRONG, said)
    if holders.accounts:
        return Line(step, DONE, "No permission that was given ends by itself.")
    return Line(step, OPEN, "It shows with the first account.")


def _seen(step: SetupStep, at: datetime | None, what: str) -> Line:
    if at is None:
        return Line(step, OPEN, "It shows by itself.")
    return Line(step, DONE, f"{what} on {moments.absolute(at)}.")


def _latest(*times: datetime | None) -> datetime | None:
    return max((each for each in times if each is not None), default=None)
