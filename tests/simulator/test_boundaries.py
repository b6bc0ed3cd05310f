"""Every boundary of a run, one after the other: killed there, gone wrong there, overtaken there.

The boundaries are counted in a run without trouble; a run that was interrupted may pass others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from calsync.providers.memory import FaultKind
from calsync.providers.memory.faults import fits
from tests.simulator import healing
from tests.simulator.ledger import Ledger
from tests.simulator.machine import PROFILES
from tests.simulator.process import Process, guarded
from tests.simulator.scenarios import SCENARIOS
from tests.simulator.world import World

EVERY = [(story, profile) for story in SCENARIOS for profile in PROFILES]
WHOLE = ("plain", "google-like")
"""A server of either kind on which nothing is left out: series as one resource, and occurrences that stand alone."""
SHARE = 6
"""On the other servers every so-manieth place is taken, each time beginning at another."""

T = TypeVar("T")

pytestmark = pytest.mark.deep


class Teller:
    """Tells one story on one server, as often as it takes."""

    def __init__(self, folder: Path, story: str, profile: str) -> None:
        self.folder, self.story, self.profile, self.told = folder, SCENARIOS[story], PROFILES[profile], 0

    @contextmanager
    def world(self) -> Iterator[tuple[World, Ledger]]:
        self.told += 1
        world, ledger = World(self.folder / str(self.told), self.profile), Ledger()
        try:
            self.story(world, ledger)
            yield world, ledger
        finally:
            world.close()

    def boundaries(self) -> list[str]:
        """Return the boundaries of the run without trouble, which also has to end well."""
        process = Process()
        with self.world() as (world, ledger):
            ledger.before_run(world.rules.policy)
            world.run(process)
            healing.heal(world, ledger)
        return process.passed

    def interrupted(self, place: int, happening: Callable[[World, Process], Callable[[], object]]) -> None:
        """Tell the story with something happening at one boundary, and see that it ends well."""
        with self.world() as (world, ledger):
            ledger.before_run(world.rules.policy)
            process = Process()
            process.interfere(place, happening(world, process))
            world.run(process)
            healing.heal(world, ledger)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("story", "profile"), EVERY)
def test_a_run_may_be_killed_at_every_boundary(tmp_path: Path, story: str, profile: str) -> None:
    teller = Teller(tmp_path, story, profile)
    for place, name in shared(effective(teller.boundaries()), story, profile):
        with said(f"killed at {place}, {name}"):
            teller.interrupted(place, lambda world, process: process.die)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("story", "profile"), EVERY)
def test_every_request_may_go_wrong_in_every_way(tmp_path: Path, story: str, profile: str) -> None:
    teller = Teller(tmp_path, story, profile)
    with teller.world() as (world, _):
        begun = len(world.server.faults.requests)
        world.run()
        requests = world.server.faults.requests[begun:]
    wrong = [(n, request, kind) for n, request in enumerate(requests) for kind in FaultKind if fits(kind, request)]
    for number, request, kind in shared(wrong, story, profile):
        skip = sum(fits(kind, earlier) for earlier in requests[:number])
        with said(f"{kind} at request {number}, {request.kind}"), teller.world() as (world, ledger):
            if kind is not FaultKind.CLOCK_SKEW:  # with a clock set wrong there is no telling who was later
                ledger.before_run(world.rules.policy)
            world.server.faults.arm(kind, skip=skip)
            world.run()
            healing.heal(world, ledger)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("story", "profile"), EVERY)
def test_a_run_may_be_overtaken_at_every_boundary(tmp_path: Path, story: str, profile: str) -> None:
    def stall(world: World, process: Process) -> Callable[[], object]:
        def happen() -> None:
            world.outlast_the_lease()
            world.run()

        return guarded(happen)

    teller = Teller(tmp_path, story, profile)
    for place, name in shared(effective(teller.boundaries()), story, profile):
        with said(f"overtaken at {place}, {name}"):
            teller.interrupted(place, stall)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("story", "profile"), EVERY)
def test_a_run_may_be_halted_at_every_boundary(tmp_path: Path, story: str, profile: str) -> None:
    teller = Teller(tmp_path, story, profile)
    for place, name in shared(effective(teller.boundaries()), story, profile):
        for pause in (World.pause_account, World.pause_writing):
            with said(f"{pause.__name__} at {place}, {name}"):
                teller.interrupted(place, partial(_guarded, pause))


def _guarded(pause: Callable[[World], bool], world: World, _process: Process) -> Callable[[], object]:
    return guarded(partial(pause, world))


def effective(boundaries: list[str]) -> list[tuple[int, str]]:
    """Return the boundaries that differ from the one before: something has happened to the world since.

    Between the others a run has only thought; being killed there is being killed at the one before.
    """
    numbered = list(enumerate(boundaries))
    return [(n, name) for n, name in numbered if n == 0 or name == "committed" or name.startswith("after ")]


def shared(places: Sequence[T], story: str, profile: str) -> Sequence[T]:
    """Return the places that are taken in this story on this server."""
    if profile in WHOLE:
        return places
    return places[EVERY.index((story, profile)) % SHARE :: SHARE]


@contextmanager
def said(what: str) -> Iterator[None]:
    """Name what was going on when a promise was broken."""
    try:
        yield
    except BaseException as error:
        error.add_note(what)
        raise
