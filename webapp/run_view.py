"""One run as its page shows it: its records with their diffs, and errors grouped by cause."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_login import current_user

from calsync.engine import rules as rule_values
from calsync.engine import status
from calsync.engine.event import FIELDS
from calsync.engine.rules import Rules
from calsync.engine.vocabulary import Action, StepState
from calsync.runtime import Runtime
from calsync.store import run_records
from calsync.store import tables as t
from calsync.store.keyset import Cut
from calsync.store.run_records import Cause, Record
from webapp import values, words
from webapp.values import Change

BATCH = 500
_PARTICULAR = re.compile(r"\(request id [^)]*\)|https?://\S+|\"[^\"]*\"|'[^']*'|\S+@\S+|\b[0-9a-f]{8,}\b|\d+")
"""What differs between two messages about the same cause: addresses, quoted values, ids and numbers."""


_NOT_DONE = ("held", "planned", "preview", "failed", "retrying", "retried_ok", "archived", "undone")


@dataclass(frozen=True, slots=True)
class Group:
    """Failures with the same cause. `key` names the group in forms."""

    key: str
    words: words.ErrorWords
    error_class: str
    error: str
    errors: tuple[str, ...]
    count: int
    open: int
    first_at: Any
    example: str

    @property
    def recovered(self) -> int:
        return self.count - self.open


@dataclass(frozen=True, slots=True)
class FieldDiff:
    label: str
    changes: list[Change]
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One record of the table. `hides` says that it is private and somebody else's: no value is shown."""

    step: t.Step
    title: str
    calendar: str
    outcome: str
    fields: list[str]
    diffs: list[FieldDiff]
    trace: list[str]
    hides: bool
    later_run_id: int | None
    error: Any

    @property
    def is_retryable(self) -> bool:
        return self.step.state in (StepState.FAILED, StepState.IN_DOUBT)

    @property
    def is_archivable(self) -> bool:
        return self.step.state == StepState.FAILED

    @property
    def would(self) -> bool:
        """Whether its action was not done: the badge then does not tell which it is."""
        return self.step.action != Action.NONE and self.outcome in _NOT_DONE

    @property
    def technical(self) -> str:
        lines = (
            ("error", self.step.error),
            ("attempts", self.step.attempts),
            ("record", self.step.subject),
            ("step", self.step.id),
            ("idempotency key", self.step.key),
        )
        return "\n".join(f"{name}: {value}" for name, value in lines if value)


def shown(record: Record, owner_id: int) -> Shown:
    """Return a record as the viewer may see it."""
    step = record.step
    hides = step.is_private and owner_id != current_user.id
    state = StepState.FAILED if step.state == StepState.SUPERSEDED else StepState(step.state)
    facts = {"was_retried": record.was_retried, "has_failed": bool(step.error_class)}
    outcome = status.outcome(state, Action(step.action), step.reason, **facts)
    return Shown(
        step=step,
        title=_title(record, owner_id),
        calendar=record.calendar,
        outcome=outcome or "",
        fields=[words.field(name) for name in _named(step)],
        diffs=[] if hides else [*_diffs(step), *_gone_along(step, is_owner=owner_id == current_user.id)],
        trace=[] if hides else [str(line) for line in step.detail.get("trace", ())],
        hides=hides,
        later_run_id=record.later_run_id or (step.retried_in_id if step.state != StepState.DONE else None),
        error=words.error_class(step.error_class) if step.error_class else None,
    )


def _title(record: Record, owner_id: int) -> str:
    """Return a record's title; what a busy block is there for is told to those alone whose event that is."""
    if not run_records.is_of_block(record.step):
        return words.title_for(current_user, record.step, owner_id)
    origin = record.origin
    if origin is None or origin.user_id != current_user.id:
        return "Busy block"
    return f"Busy block for “{origin.title or '(no title)'}” in {origin.calendar}"


def _named(step: t.Step) -> list[str]:
    return [name for name in FIELDS if name in step.fields] if step.action == Action.UPDATE else []


def _diffs(step: t.Step) -> list[FieldDiff]:
    before, after, losing = step.before or {}, step.after or {}, step.losing or {}
    if "clashes" in step.detail:
        return [_clash(name, value) for name, value in step.detail["clashes"].items()]
    names = [name for name in FIELDS if name in after or name in losing]
    found = [_diff(name, before.get(name), after, losing) for name in names]
    is_new = step.action == Action.CREATE
    return [each for each in found if each.lost or any(c.text != "–" for c in each.changes) or not is_new]


def _gone_along(step: t.Step, *, is_owner: bool) -> list[FieldDiff]:
    """Return the changed occurrences that stood in the calendar alone and went with what befell their series."""
    found = ((step.losing or {}).get("occurrences") or {}).get("value") or []
    return [FieldDiff("Went along in the calendar", [_occurrence(each, is_owner) for each in found])] if found else []


def _occurrence(content: dict[str, Any], is_owner: bool) -> Change:
    may_read = is_owner or content.get("classification", "public") == "public"
    title = (content.get("summary") or "(no title)") if may_read else words.PRIVATE_TITLE
    return Change("old", f"{title}, {values.text('time', content['time'])}")


def _diff(name: str, before: Any, after: dict[str, Any], losing: dict[str, Any]) -> FieldDiff:
    changes = values.diff(name, before, after[name]) if name in after else []
    lost = losing.get(name)
    side = "calendar" if lost and lost.get("side") == "remote" else "CRM"
    kept = f"The {side} had: {values.text(name, lost.get('value'))}" if lost else ""
    return FieldDiff(words.field(name), changes, kept)


def _clash(name: str, value: dict[str, Any]) -> FieldDiff:
    sides = [Change("same", f"CRM: {values.text(name, value.get('local'))}")]
    sides.append(Change("same", f"Calendar: {values.text(name, value.get('remote'))}"))
    return FieldDiff(words.field(name), sides)


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting as it was when a run took place. `now` is "" unless it is another one by now."""

    name: str
    value: str
    now: str = ""


def rules(run: t.Run, current: Rules) -> list[Rule]:
    """Return the settings that were in force, with what became of them since."""
    present = json.loads(json.dumps(rule_values.to_json(current)))
    return [
        Rule(words.rule_name(name), words.rule_value(name, value), _since(name, value, present))
        for name, value in run.rules.items()
        if name in present or name == "choice"
    ]


def _since(name: str, value: Any, present: dict[str, Any]) -> str:
    return words.rule_value(name, present[name]) if name in present and present[name] != value else ""


def has_worked(run: t.Run) -> bool:
    """Return whether a run has records that were written, or were to be."""
    return bool(run.created + run.updated + run.deleted + run.failed + run.held)


def outcome_tabs(run: t.Run) -> list[tuple[str, str, str, int]]:
    """Return the tabs over a run's records: label, address, key and count."""
    counts = (
        ("created", "Created", run.created),
        ("updated", "Updated", run.updated),
        ("deleted", "Deleted", run.deleted),
        ("failed", "Failed", run.failed),
        ("conflict", "Conflicts", run.conflicts),
        ("held", "Held", run.held),
    )
    tabs = [("All", url_for("history.show", run_id=run.id), "", 0)]
    for key, label, count in counts:
        if count:
            tabs.append((label, url_for("history.show", run_id=run.id, outcome=key), key, count))
    return tabs


# --- errors by cause


def groups(causes: Sequence[Cause]) -> list[Group]:
    """Return causes joined where their messages differ in particulars only, the most frequent first."""
    joined: dict[tuple[str, str], list[Cause]] = {}
    for cause in causes:
        joined.setdefault((cause.error_class, _PARTICULAR.sub("…", cause.error)), []).append(cause)
    found = [_group(kind, pattern, members) for (kind, pattern), members in joined.items()]
    return sorted(found, key=lambda group: -group.count)


def _group(kind: str, pattern: str, members: list[Cause]) -> Group:
    return Group(
        key=hashlib.blake2b(f"{kind} {pattern}".encode(), digest_size=6).hexdigest(),
        words=words.error_class(kind),
        error_class=kind,
        error=members[0].error if len(members) == 1 else pattern,
        errors=tuple(cause.error for cause in members),
        count=sum(cause.count for cause in members),
        open=sum(cause.open for cause in members),
        first_at=min(cause.first_at for cause in members),
        example=next((cause.example for cause in members if cause.example), ""),
    )


# --- export


def export_rows(rt: Runtime, run_id: int, owner_id: int) -> Iterator[dict[str, Any]]:
    """Yield every record of a run; values of fields are left out, private titles of others are hidden."""
    cut = Cut(BATCH)
    while True:
        with rt.reading() as session:
            found = run_records.list_records(session, run_id, cut=cut)
        yield from (_row(shown(record, owner_id)) for record in found.rows)
        if not found.has_next:
            return
        cut = Cut(BATCH, after=(found.rows[-1].step.id,))


COLUMNS = (
    "step",
    "outcome",
    "title",
    "direction",
    "action",
    "calendar",
    "fields",
    "reason",
    "attempts",
    "error_class",
    "error",
    "finished_at",
)


def _row(record: Shown) -> dict[str, Any]:
    step = record.step
    own = {
        "step": step.id,
        "outcome": record.outcome,
        "title": record.title,
        "calendar": record.calendar,
        "fields": ", ".join(record.fields),
        "reason": words.reason(step.reason),
    }
    return {name: own[name] if name in own else getattr(step, name) for name in COLUMNS}
