"""One conflict as its page shows it: fields side by side, what would come of each choice, and what is suggested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_login import current_user

from calsync.engine.event import FIELDS
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import ConflictKind, MailRule, Policy
from calsync.engine.winner import TIE
from calsync.store import tables as t
from calsync.store.conflict_list import Around
from calsync.store.links import mark
from webapp import values, words


@dataclass(frozen=True, slots=True)
class Row:
    """One field. A clash is chosen by a person; any other difference is merged by itself towards `result`."""

    name: str
    label: str
    agreed: str
    local: str
    remote: str
    is_clash: bool
    suggested: str = ""  # crm or external
    result: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides of a conflict. `hides`: it is private and somebody else's, so no value is shown."""

    title: str
    when: str
    rows: list[Row]
    hides: bool
    is_deleted_here: bool
    is_deleted_there: bool
    local_at: datetime | None
    remote_at: datetime | None
    suggested: str
    guests: int
    has_shifted: bool

    @property
    def clashes(self) -> list[Row]:
        return [row for row in self.rows if row.is_clash]

    @property
    def merged(self) -> list[Row]:
        return [row for row in self.rows if not row.is_clash]


def compare(found: Around) -> Comparison:
    """Return both sides of a conflict as the viewer may see them."""
    row = found.conflict
    hides = row.is_private and found.owner.id != current_user.id
    suggested = _suggested(found, row.fields)
    content = found.activity.content if found.activity else (found.event.facts if found.event else {})
    status = row.fields.get("status", {}) if row.kind == ConflictKind.CHANGED_DELETED else {}
    return Comparison(
        title=words.title_for(current_user, row, found.owner.id),
        when=values.text("time", content["time"]) if content and not hides else "",
        rows=[] if hides else [*_clashes(found, suggested), *_merges(found)],
        hides=hides,
        is_deleted_here=status.get("local") == "cancelled",
        is_deleted_there=status.get("remote") == "cancelled",
        local_at=_local_at(found, row.fields),
        remote_at=_remote_at(found),
        suggested=suggested,
        guests=len(content.get("attendees") or {}),
        has_shifted=_has_shifted(found),
    )


def sides(row: t.Conflict, choice: Mapping[str, str]) -> dict[str, str]:
    """Return the side chosen for each clashing field, whether chosen by field or for the whole record."""
    chosen = {name: choice.get(name) or choice.get("*", "") for name in FIELDS if name in row.fields}
    return {name: side for name, side in chosen.items() if side in (Policy.CRM, Policy.EXTERNAL)}


def candidate(activity: t.Activity) -> dict[str, Any]:
    """Return an activity that an event may be, as the viewer may see it."""
    hides = activity.is_private and activity.owner_id != current_user.id
    shown = [] if hides else ["location", "attendees", "description"]
    return {
        "row": activity,
        "title": words.title_for(current_user, activity),
        "when": "" if hides else values.text("time", activity.content["time"]),
        "facts": [
            (words.field(name), values.text(name, activity.content[name])) for name in shown if activity.content[name]
        ],
    }


def mails(found: Around, comparison: Comparison, rules: Rules, short: str) -> str:
    """Return who is mailed when the calendar's side changes."""
    rule = rules.mail_cancelled if comparison.is_deleted_here else rules.mail_changed
    if rule is MailRule.NEVER or not comparison.guests:
        return "Nobody is mailed, whatever you choose."
    whom = "external guests" if rule is MailRule.EXTERNAL else words.count(comparison.guests, "guest")
    return f"If the event in {short} changes, {short} tells {whom}, as the settings say."


def _clashes(found: Around, suggested: str) -> list[Row]:
    is_deletion = found.conflict.kind == ConflictKind.CHANGED_DELETED
    return [
        _row(name, value, True, "" if is_deletion else _field_suggestion(found, name) or suggested)
        for name in FIELDS
        if (value := found.conflict.fields.get(name)) and not (is_deletion and name == "status")
    ]


def _merges(found: Around) -> list[Row]:
    """Return fields that changed on one side only, or that can be joined: nobody has to choose there."""
    inward, outward = found.conflict.merged.get("local", {}), found.conflict.merged.get("remote", {})
    if not (found.activity and found.event and found.link):
        return []
    rows = []
    for name in FIELDS:
        if name in inward or name in outward:
            sides = {
                "agreed": found.link.agreed_local.get(name),
                "local": found.activity.content.get(name),
                "remote": found.event.facts.get(name),
            }
            result = inward[name] if name in inward else outward[name]
            rows.append(_row(name, sides, False, result=values.text(name, result)))
    return rows


def _row(name: str, value: Mapping[str, Any], is_clash: bool, suggested: str = "", result: str = "") -> Row:
    agreed, local, remote = (values.text(name, value.get(side)) for side in ("agreed", "local", "remote"))
    return Row(name, words.field(name), agreed, local, remote, is_clash, suggested, result)


# --- who was later


def _suggested(found: Around, fields: Mapping[str, Any]) -> str:
    return _later(_local_at(found, fields), _remote_at(found))


def _field_suggestion(found: Around, name: str) -> str:
    return _later(_local_at(found, {name: None}), _remote_at(found))


def _later(ours: datetime | None, theirs: datetime | None) -> str:
    """Suggest the later edit; a tie goes to the CRM, as under the policy of that name."""
    if ours is None or theirs is None:
        return "external" if ours is None and theirs is not None else "crm"
    return "crm" if ours >= theirs - TIE else "external"


def _local_at(found: Around, fields: Mapping[str, Any]) -> datetime | None:
    if found.activity is None:
        return None
    told = [found.activity.field_times[name] for name in fields if name in found.activity.field_times]
    times = [datetime.fromisoformat(text) for text in told]
    if "status" in fields and found.activity.cancelled_at:
        times.append(found.activity.cancelled_at)
    return max(times, default=None)


def _remote_at(found: Around) -> datetime | None:
    if found.event is None:
        return None
    told = found.event.facts.get("last_modified")
    if told is None or found.event.is_deleted:
        return found.event.seen_at
    return min(datetime.fromisoformat(told), found.event.seen_at)


def _has_shifted(found: Around) -> bool:
    """Whether a side has changed since the conflict was written down; the next run brings it up to date."""
    row = found.conflict
    if row.kind == ConflictKind.DUPLICATE_MATCH or found.activity is None or found.event is None:
        return False
    return (row.local_fp, row.remote_fp) != (found.activity.fingerprint, mark(found.event))
