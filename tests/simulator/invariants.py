"""Invariants: what must be true when all is quiet again. Each raises Violation. What no run may do: `run_checks.py`.

They compare the two sides as they truly are, past the mirror and the links, so that the engine cannot agree with
itself about something that is not so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from calsync.engine import event as events
from calsync.engine import series
from calsync.engine.event import FIELDS, Event
from calsync.engine.projection import strip_block
from calsync.providers.memory import body
from calsync.store import tables as t
from tests.simulator.ledger import ALIVE, LOCAL, OTHER, Ledger, Record, token_of
from tests.simulator.world import World

FAR = timedelta(days=600)
"""Events further away than this are outside every window the simulator uses."""


class Violation(AssertionError):
    """A promise is broken: `name` of the invariant, and what was found."""

    def __init__(self, name: str, found: object) -> None:
        self.name = name
        super().__init__(f"{name}: {found}")


@dataclass
class Side:
    """A record as one side holds it."""

    content: dict[str, Any]
    is_alive: bool
    row: Any = field(repr=False)


@dataclass
class Both:
    """Everything that both sides hold, by record number."""

    local: dict[int, list[Side]]
    remote: dict[int, list[Side]]

    def living(self, number: int) -> tuple[list[Side], list[Side]]:
        ours = [side for side in self.local.get(number, []) if side.is_alive]
        return ours, [side for side in self.remote.get(number, []) if side.is_alive]


def look(world: World) -> Both:
    """Return both sides as they are."""
    local: dict[int, list[Side]] = {}
    remote: dict[int, list[Side]] = {}
    for row in world.activities():
        number = token_of(row.content["summary"])
        if number is not None:
            alive = row.status != "cancelled" and not row.is_dissolved
            local.setdefault(number, []).append(Side(row.content, alive, row))
    for calendar, handle, event in world.remote_events():
        number = token_of(event.summary)
        if number is not None:
            side = Side(_readable(world, calendar, event), not event.is_cancelled, (calendar, handle))
            remote.setdefault(number, []).append(side)
    return Both(local, remote)


def _readable(world: World, calendar: str, event: Event) -> dict[str, Any]:
    """Return remote content; a series whose removed occurrences stand alone gets them as EXDATEs."""
    content = events.content(event)
    if not event.is_series or world.server.quirks.series_is_one_resource:
        return content
    removed = {
        events.recurrence_key(e)
        for _, _, e in world.remote_events([calendar])
        if e.uid == event.uid and e.recurrence_id is not None and e.is_cancelled
    }
    return content | {"exdates": sorted({*content["exdates"], *removed})}


# --- when all is quiet --------------------------------------------------------------------------------------


def check_quiet(world: World, ledger: Ledger) -> None:
    """Check everything that must hold when nothing is left to do."""
    both = look(world)
    check_doubles(ledger, both)
    check_equal(world, ledger, both)
    check_alive(world, ledger, both)
    check_kept(world, ledger, both)
    check_expected(world, ledger, both)
    check_unknown(world, ledger, both)


def check_doubles(ledger: Ledger, both: Both) -> None:
    """No activity and no event stands twice."""
    for number, record in ledger.records.items():
        most = 2 if record.shape == "twin" else 1  # one of the two is the event that both looked like
        most += ledger.looks_new(record)
        rows = [side for side in both.local.get(number, []) if not side.row.is_dissolved]
        living = both.living(number)[1]
        if len(rows) > most or len(living) > most:
            places = [side.row for side in living]
            raise Violation("doubled", f"{record}: {len(rows)} activities, events at {places}")


def check_equal(world: World, ledger: Ledger, both: Both) -> None:
    """Both sides hold the same, field by field, of everything in scope."""
    links = _links(world)
    for number in in_scope(world, ledger, both):
        (ours,), (theirs,) = (one(sides) for sides in both.living(number))
        drift = {name for link in links.get(number, []) for name in link.drift}
        if (ours is None) != (theirs is None):
            if "status" not in drift:
                raise Violation("unequal", f"{ledger.records[number]}: here {ours}, there {theirs}")
            continue
        if ours is None or theirs is None:
            continue
        is_ours = any(link.is_ours for link in links.get(number, []))
        for name in comparable(world, is_ours=is_ours) - drift:
            mine, yours = tidy(world, ours.content, is_ours), tidy(world, theirs.content, is_ours)
            if mine[name] != yours[name]:
                raise Violation(
                    "unequal", f"{ledger.records[number]} {name}: here {mine[name]!r}, there {yours[name]!r}"
                )


def check_alive(world: World, ledger: Ledger, both: Both) -> None:
    """What nobody has ended lives, on both sides."""
    for number in in_scope(world, ledger, both):
        record = ledger.records[number]
        if not record.was_over and record.shape != "override" and not all(both.living(number)):
            raise Violation("ended by nobody", f"{record}: {both.local.get(number)}, {both.remote.get(number)}")


def check_kept(world: World, ledger: Ledger, both: Both) -> None:
    """Every value that lost stands on a step: nothing that somebody typed is nowhere."""
    remembered = world.steps_text()
    for edit in ledger.edits:
        if edit.is_replaced or edit.key[1] in (ALIVE, OTHER):
            continue
        text = _text(edit.value)
        sides = [*both.local.get(edit.key[0], []), *both.remote.get(edit.key[0], [])]
        if not any(text in str(side.content) for side in sides) and text not in remembered:
            raise Violation("lost", f"{edit} is on no side and on no step")


def check_expected(world: World, ledger: Ledger, both: Both) -> None:
    """What the rules leave no choice about has come out that way."""
    inside = set(in_scope(world, ledger, both))
    losers = world.losers_text()
    for (number, name), expected in ledger.expected.items():
        if number not in inside:
            continue
        (ours,), (theirs,) = (one(sides) for sides in both.living(number))
        record = ledger.records[number]
        if name == ALIVE:
            if bool(ours) != expected.value or bool(theirs) != expected.value:
                raise Violation("wrong end", f"{record}: here {ours}, there {theirs}; {expected}")
            continue
        if expected.loser is not None and _text(expected.loser) not in losers:
            raise Violation("losing value", f"{record} {name}: {expected.loser!r} is on no step; {expected}")
        for where, side in (("here", ours), ("there", theirs)):
            if side is not None and not holds(side, name, expected.value):
                raise Violation("wrong value", f"{record} {name} {where}: {side.content[name]!r}; {expected}")


def check_unknown(world: World, ledger: Ledger, both: Both) -> None:
    """What we do not model is still in the events of others."""
    if not world.server.quirks.keeps_unknown:
        return
    for number, record in ledger.records.items():
        if record.side == LOCAL or record.was_over or record.shape not in ("single", "series", "all_day"):
            continue
        for side in both.living(number)[1]:
            kept = world.server.unknown(*side.row)
            if kept.get("colour") != f"colour-{number}":
                raise Violation("unknown content", f"{record} has {kept}")


def in_scope(world: World, ledger: Ledger, both: Both) -> Iterator[int]:
    """Yield the records that both sides must hold alike."""
    refused = _refused(world)
    for number, record in ledger.records.items():
        if number in refused:
            continue
        sides = [*both.local.get(number, []), *both.remote.get(number, [])]
        is_outside = any(is_far(world, side) for side in sides)
        if sides and not is_outside and record.shape not in ("twin", "task") and _has_series(record, both):
            yield number


def _refused(world: World) -> set[int | None]:
    ids = {step.activity_id for step in world.refused()}
    return {token_of(row.content["summary"]) for row in world.activities() if row.id in ids} if ids else set()


def _has_series(record: Record, both: Both) -> bool:
    return record.series is None or all(both.living(record.series))


def is_far(world: World, side: Side) -> bool:
    return bool(side.content["time"]["start"] > (world.clock() + FAR).isoformat())


def one(sides: list[Side]) -> tuple[Side | None]:
    return (sides[0] if sides else None,)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else events.moment_text(value)


def holds(side: Side, name: str, value: Any) -> bool:
    if name == "time":
        return bool(side.content["time"]["start"] == events.moment_text(value))
    return str(value) in side.content[name]


def _links(world: World) -> dict[int, list[t.Link]]:
    numbers = {row.id: token_of(row.content["summary"]) for row in world.activities()}
    found: dict[int, list[t.Link]] = {}
    for link in world.rows(t.Link):
        number = numbers.get(link.activity_id)
        if number is not None:
            found.setdefault(number, []).append(link)
    return found


def comparable(world: World, *, is_ours: bool) -> set[str]:
    """Return the fields that both sides can hold alike."""
    quirks = world.server.quirks
    fields = set(FIELDS) & quirks.expresses
    if is_ours and quirks.mails_on_write:
        fields -= {"attendees", "responses"}  # they stand in the description instead
    if "attendees" not in fields:
        fields.discard("responses")
    return fields


def tidy(world: World, content: dict[str, Any], is_ours: bool) -> dict[str, Any]:
    """Return content as the server would keep it, without what we add to it."""
    shown = content | {"description": strip_block(content["description"])} if is_ours else content
    time = dict(shown["time"])
    time["tz"] = None if time["tz"] == "UTC" else time["tz"]  # a time in UTC needs no zone beside it
    shown = shown | {"time": time, "exdates": _holes(shown)}
    return body.normalise(shown) if world.server.quirks.normalises else shown


def _holes(content: dict[str, Any]) -> list[str]:
    """Return the removed occurrences that the series would have; one that it has left takes nothing away."""
    start = events.parse_moment(content["time"]["start"])
    whole = replace(events.with_content(Event("", start, start), content), exdates=())
    return [text for text in content["exdates"] if series.yields(whole, events.parse_moment(text))]
