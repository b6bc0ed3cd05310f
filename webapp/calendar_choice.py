"""The calendar chooser of an account: which calendars sync, which block, and where new activities go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict

from calsync.store import tables as t


class ChoiceForm(FlaskForm):
    """The chooser's fields are named by calendar and read by `chosen`; this carries the token and the errors."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One calendar of the chooser."""

    calendar: t.Calendar
    syncs: bool
    blocks: bool
    is_target: bool


def choices(calendars: Sequence[t.Calendar], typed: MultiDict[str, str] | None) -> list[Choice]:
    """Return the calendars with their flags: as typed where a form was refused, else as stored."""
    if typed is None:
        return [Choice(c, c.syncs, c.blocks, c.is_write_target) for c in calendars]
    given = chosen(typed)
    return [Choice(c, c.id in given["syncs"], c.id in given["blocks"], c.id == given["target"]) for c in calendars]


def chosen(typed: MultiDict[str, str]) -> dict[str, Any]:
    """Return what the chooser says, as `accounts.choose_calendars` takes it."""
    target = typed.get("target", type=int)
    return {"syncs": _ids(typed, "syncs"), "blocks": _ids(typed, "blocks"), "target": target}


def _ids(typed: MultiDict[str, str], name: str) -> set[int]:
    return set(typed.getlist(name, type=int))
