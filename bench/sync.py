"""Sync against vdirsyncer: the same server, the same calendar, turn and turn about."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import ours, place, theirs
from bench.place import Place

PHASES = ("first", "no change", "changed there", "changed here")
CLIENTS = ("ours", "theirs")
SHARE = 100
"""One in so many events changes."""

TIMEOUT_S = 3600


@dataclass(frozen=True)
class Measured:
    """One sync of one client. Bytes are those of bodies, both ways; `server_s` was spent waiting for the server."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: int
    bytes: int
    server_s: float
    marks: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def own_s(self) -> float:
        """Wall time less server time."""
        return max(self.wall_s - self.server_s, 0.0)


@dataclass
class Size:
    """All rounds of one number of events. `failures` say why a client has no numbers."""

    size: int
    found: dict[tuple[str, str], list[Measured]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def median(self, who: str, phase: str, value: Callable[[Measured], float]) -> float | None:
        """Return the median over the rounds; None where the client has no numbers."""
        rounds = self.found.get((who, phase), [])
        return statistics.median(value(each) for each in rounds) if rounds else None

    def ratio(self, phase: str, value: Callable[[Measured], float]) -> float | None:
        """Return ours divided by theirs, each its median."""
        mine, other = self.median("ours", phase, value), self.median("theirs", phase, value)
        return None if mine is None or not other else mine / other


def measure(size: int, rounds: int, say: Callable[[str], None]) -> Size:
    """Measure one number of events: in every round from nothing on, and the other client first."""
    result = Size(size)
    with tempfile.TemporaryDirectory(prefix="calsync-bench-") as name:
        say(f"{size}: filling the server's cache")
        with place.filled(Path(name) / "server", size) as there:
            for number in range(rounds):
                order = CLIENTS if number % 2 else CLIENTS[::-1]
                _Round(there, Path(name) / f"round-{number}", order, random.Random(number), result, say).go()
    return result


@dataclass
class _Round:
    place: Place
    folder: Path
    order: Sequence[str]
    chance: random.Random
    result: Size
    say: Callable[[str], None]

    def go(self) -> None:
        theirs.prepare(self.folder / "theirs")
        login = {"username": self.place.server.username, "password": self.place.server.password}
        ours.prepare(self.folder / "ours", self.place.home_url, **login)
        for who in self._alive():
            self._sync(who, PHASES[0])
        for who in self._alive():
            self._sync(who, PHASES[1])
        self.place.edit(self._some(), self.place.next_change())
        for who in self._alive():
            self._sync(who, PHASES[2])
        for who in self._alive():
            self._sync(who, None)  # what the other has just written is no part of the measurement
            {"ours": ours, "theirs": theirs}[who].edit(self.folder / who, self._some(), self.place.next_change())
            self._sync(who, PHASES[3])

    def _alive(self) -> list[str]:
        return [who for who in self.order if who not in self.result.failures]

    def _some(self) -> list[int]:
        return self.chance.sample(range(self.place.size), max(self.place.size // SHARE, 1))

    def _sync(self, who: str, phase: str | None) -> None:
        """Let one client sync once, check that it did, and note what it took."""
        self.place.warm()
        self.place.proxy.forget_counts()
        try:
            facts = self._run(who)
            self._check(who, facts)
        except ClientFailed as failure:
            self.result.failures[who] = str(failure)
            self.say(f"{self.place.size}: {who} failed: {failure}")
            return
        if phase is not None:
            found = _measured(facts, self.place)
            self.result.found.setdefault((who, phase), []).append(found)
            self.say(
                f"{self.place.size} {phase:13} {who:6} wall {found.wall_s:7.2f} s  cpu {found.cpu_s:7.2f} s  "
                f"server {found.server_s:7.2f} s  peak {found.peak_mb:5.0f} MB  {found.requests} requests"
            )

    def _run(self, who: str) -> dict[str, Any]:
        asked: dict[str, Any] = {"folder": str(self.folder / who)}
        if who == "theirs":
            asked |= {"username": self.place.server.username, "password": self.place.server.password}
            asked["url"] = self.place.url
        command = [sys.executable, "-m", "bench.child", who, json.dumps(asked)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        if ended.returncode:
            raise ClientFailed(ended.stderr.strip().splitlines()[-1] if ended.stderr else "it ended without a word")
        facts: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
        return facts

    def _check(self, who: str, facts: dict[str, Any]) -> None:
        """A measurement counts only if both sides are equal afterwards."""
        outcome = facts["outcome"]
        if outcome.get("errors") or outcome.get("error"):
            raise ClientFailed(str(outcome.get("errors") or outcome["error"]))
        if {"ours": ours, "theirs": theirs}[who].titles(self.folder / who) != self.place.titles():
            raise ClientFailed("the two sides differ after the sync")


class ClientFailed(Exception):
    """A client did not do what was to be measured."""


def _measured(facts: dict[str, Any], there: Place) -> Measured:
    traffic = list(there.proxy.traffic.values())
    return Measured(
        wall_s=facts["wall_s"],
        cpu_s=facts["cpu_s"],
        peak_mb=facts["peak_mb"],
        requests=sum(each.requests for each in traffic),
        bytes=sum(each.bytes_up + each.bytes_down for each in traffic),
        server_s=sum(each.server_s for each in traffic),
        marks={name: (wall, cpu) for name, (wall, cpu) in facts["marks"].items()},
    )
