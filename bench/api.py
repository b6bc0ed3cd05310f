"""`python -m bench.api`: how long lists of the API take with 100,000 activities, and bulk upserts of 1,000.

Over HTTP from a real `calsync serve`, with a service token. Beside each stands a floor: for lists the smallest answer
that needs a token, for upserts SQLite alone writing as many bare rows in one transaction.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from bench import pages, town
from calsync.runtime import SYSTEM
from calsync.services import tokens

ROUNDS, WARM_UP = 30, 3
BULK, BULK_ROUNDS = 1_000, 5
LIST_MS, BULK_MS = 50.0, 1_000.0
FLOOR = "/integrations/unknown"
LISTS = (
    "/activities",
    "/activities?limit=200",
    "/activities?kind=call&status=confirmed",
    "/activities?owner={owner}",
    "/activities?start={start}&end={end}",
    "/activities?search=offer",
    "/activities/changes?cursor=latest",
    "/integrations",
    "/runs",
    "/conflicts",
    "/users",
    "/audit",
)
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was asked, the milliseconds of each time, those of its floor, and how long it may take.

    `cpu_ms` is the server's processor time of one request, which other programs on the machine cannot lengthen much: it
    is what is held against the target.
    """

    what: str
    cpu_ms: float
    times_ms: tuple[float, ...]
    floor_ms: float
    target_ms: float

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def worst_ms(self) -> float:
        return max(self.times_ms)

    @property
    def ratio(self) -> float:
        return self.median_ms / self.floor_ms


def measure(size: town.Size, say: Say) -> list[Measured]:
    """Return what every list and every kind of bulk upsert takes."""
    with _copied(pages.filled(size, say)) as folder:
        rt = pages.runtime(folder)
        secret = tokens.create(rt, "bench", "admin", is_service=True, by=SYSTEM).secret
        with rt.reading() as session:
            owner = str(session.connection().exec_driver_sql('SELECT email FROM "user" LIMIT 1').scalar_one())
        now = rt.now()
        rt.db.close()
        start, end = (f"{now:%Y-%m-%d}T{hour}:00:00Z" for hour in ("00", "23"))
        with pages.serving(folder) as (client, server):
            ask = _Asking(client, secret, server)
            floor = statistics.median(ask.get(FLOOR)[0])
            found = []
            for path in LISTS:
                times, cpu = ask.get(path := path.format(owner=owner, start=start, end=end))
                found.append(Measured(path, cpu, tuple(times), floor, LIST_MS))
            for each in found:
                say(f"{each.what} {each.median_ms:.1f} ms")
            return found + _bulk(ask, owner, _bare_rows_ms())


def _bulk(ask: _Asking, owner: str, floor_ms: float) -> list[Measured]:
    """Measure a thousand new records, the same again, and the same with another title."""
    found: dict[str, list[tuple[float, float]]] = {"created": [], "unchanged": [], "updated": []}
    for turn in range(BULK_ROUNDS):
        for status, title in (("created", "Bulk"), ("unchanged", "Bulk"), ("updated", "Other")):
            found[status].append(ask.bulk(_records(turn, title, owner), status))
    what = f"POST /activities/bulk, {BULK:,} records "
    return [_measured(what + status, times, floor_ms) for status, times in found.items()]


def _measured(what: str, times: list[tuple[float, float]], floor_ms: float) -> Measured:
    cpu = statistics.median(spent for _, spent in times)
    return Measured(what, cpu, tuple(wall for wall, _ in times), floor_ms, BULK_MS)


def _records(turn: int, title: str, owner: str) -> list[dict[str, Any]]:
    return [
        {
            "external_id": f"bench-{turn}-{n}",
            "owner": owner,
            "title": f"{title} {n}",
            "start": f"2030-03-{n % 28 + 1:02}T10:00:00Z",
            "end": f"2030-03-{n % 28 + 1:02}T11:00:00Z",
            "attendees": [{"email": f"guest{n}@example.org"}],
        }
        for n in range(BULK)
    ]


class _Asking:
    """A program with a token."""

    def __init__(self, client: httpx2.Client, secret: str, server: psutil.Process) -> None:
        self.client, self.headers, self.server = client, {"Authorization": f"Bearer {secret}"}, server

    def cpu_ms(self) -> float:
        times = self.server.cpu_times()
        return float(times.user + times.system) * 1000

    def get(self, path: str) -> tuple[list[float], float]:
        """Return the milliseconds of each request, the first ones left out, and the processor's of one."""
        times: list[float] = []
        for turn in range(WARM_UP + ROUNDS):
            if turn == WARM_UP:
                cpu = self.cpu_ms()
            began = time.perf_counter()
            answer = self.client.get(f"/api/v1{path}", headers=self.headers)
            spent = (time.perf_counter() - began) * 1000
            assert answer.status_code == (404 if path == FLOOR else 200), answer.text
            if turn >= WARM_UP:
                times.append(spent)
        return times, (self.cpu_ms() - cpu) / ROUNDS

    def bulk(self, records: list[dict[str, Any]], status: str) -> tuple[float, float]:
        """Return the milliseconds of one bulk upsert, and the processor's; all records must come to `status`."""
        cpu, began = self.cpu_ms(), time.perf_counter()
        answer = self.client.post("/api/v1/activities/bulk", json={"activities": records}, headers=self.headers)
        spent = (time.perf_counter() - began) * 1000
        assert answer.json().get(status) == len(records), answer.text[:500]
        return spent, self.cpu_ms() - cpu


def _bare_rows_ms() -> float:
    """Return how long SQLite takes to write as many rows of the size of an activity, in one transaction."""
    with tempfile.TemporaryDirectory() as folder:
        bare = sqlite3.connect(Path(folder) / "bare.db")
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, name TEXT UNIQUE, start TEXT, content TEXT)")
        began = time.perf_counter()
        bare.executemany("INSERT INTO row (name, start, content) VALUES (?, ?, ?)", _bare())
        bare.commit()
        return (time.perf_counter() - began) * 1000


def _bare() -> Iterator[tuple[str, str, str]]:
    return ((f"row-{n}", "2030-03-01T10:00:00Z", "x" * 800) for n in range(BULK))


@contextmanager
def _copied(folder: Path) -> Iterator[Path]:
    """Yield a copy of the large database: what is written to it must not be there next time."""
    with tempfile.TemporaryDirectory() as other:
        copy = Path(other) / "instance"
        shutil.copytree(folder, copy)
        yield copy


def report(found: list[Measured]) -> str:
    """Return the measurements as a table for people, in Markdown."""
    lines = ["| what | CPU | median | worst | floor | ratio | |", "|---|---:|---:|---:|---:|---:|---|"]
    for each in found:
        verdict = "" if each.cpu_ms < each.target_ms else f"over {each.target_ms:.0f} ms"
        times = (each.cpu_ms, each.median_ms, each.worst_ms, each.floor_ms)
        shown = " | ".join(f"{value:.1f} ms" for value in times)
        lines.append(f"| {each.what} | {shown} | {each.ratio:.1f} | {verdict} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--activities", type=int, default=100_000)
    asked = parser.parse_args()
    found = measure(town.Size(asked.activities, 10_000), lambda line: print(line, file=sys.stderr, flush=True))
    print(report(found))
    sys.exit(any(each.cpu_ms >= each.target_ms for each in found))


if __name__ == "__main__":
    main()
