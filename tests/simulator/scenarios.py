"""Scenarios: short stories that meet every kind of step, for interrupting them at every boundary.

A scenario brings a world to agreement, then changes it; what follows is one run, and that run is what gets
interrupted. The same scenario is told anew for every boundary, so that each starts from the same world.
"""

from __future__ import annotations

from collections.abc import Callable

from calsync.engine.vocabulary import Policy
from tests.simulator import crm, people
from tests.simulator.ledger import Ledger
from tests.simulator.world import HOME, World

Scenario = Callable[[World, Ledger], None]


def _begin(world: World, ledger: Ledger, *shapes: str) -> None:
    """Have some records on both sides, and in agreement."""
    for shape in shapes:
        people.create(world, ledger, shape)
        crm.create(world, ledger, shape)
    world.clock.advance(minutes=5)  # by then the slowest server shows what was made
    world.run()
    world.clock.advance(minutes=15)
    ledger.after_run(clean=True, settled=set(ledger.records))


def _both(world: World, ledger: Ledger, shape: str) -> list[tuple[crm.Found, people.Found]]:
    ours = {found.record.number: found for found in crm.living(world, ledger, shape)}
    return [(ours[f.record.number], f) for f in people.living(world, ledger, shape) if f.record.number in ours]


def edits(world: World, ledger: Ledger) -> None:
    """New, edited, clashing and ended records, on either side and on both."""
    _begin(world, ledger, *["single"] * 4)
    first, second, third, fourth, *rest = _both(world, ledger, "single")
    people.create(world, ledger, "single", HOME)
    crm.create(world, ledger, "single")
    people.edit(world, ledger, first[1], "summary")
    crm.edit(world, ledger, second[0], "location")
    crm.edit(world, ledger, third[0], "summary")
    world.clock.advance(minutes=1)
    people.edit(world, ledger, third[1], "summary")
    people.edit(world, ledger, fourth[1], "description")
    crm.edit(world, ledger, fourth[0], "location")
    people.delete(world, ledger, rest[0][1])
    crm.cancel(world, ledger, rest[1][0])
    people.move(world, ledger, rest[2][1])


def occurrences(world: World, ledger: Ledger) -> None:
    """Series whose occurrences are changed and removed, on either side."""
    _begin(world, ledger, "series", "series")
    first, second, third, fourth = _both(world, ledger, "series")
    people.override(world, ledger, first[1], 0)
    crm.override(world, ledger, second[0], 1)
    people.remove_occurrence(world, ledger, third[1], 2)
    crm.remove_occurrence(world, ledger, fourth[0], 0)
    crm.edit(world, ledger, first[0], "location")


def choices(world: World, ledger: Ledger) -> None:
    """Clashes that wait for a person."""
    _begin(world, ledger, "single", "single")
    world.change_rules(policy=Policy.MANUAL)
    pairs = _both(world, ledger, "single")
    crm.edit(world, ledger, pairs[0][0], "summary")
    people.edit(world, ledger, pairs[0][1], "summary")
    crm.cancel(world, ledger, pairs[1][0])
    people.edit(world, ledger, pairs[1][1], "summary")
    people.delete(world, ledger, pairs[2][1])
    crm.edit(world, ledger, pairs[2][0], "location")


def first_contact(world: World, ledger: Ledger) -> None:
    """Nothing was ever synced, and both sides are full."""
    for shape in ("single", "all_day", "series"):
        people.create(world, ledger, shape)
        crm.create(world, ledger, shape)


SCENARIOS: dict[str, Scenario] = {
    "edits": edits,
    "occurrences": occurrences,
    "choices": choices,
    "first contact": first_contact,
}
