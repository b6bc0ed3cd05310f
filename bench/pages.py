"""`python -m bench.pages`: how long every page takes with a large database, and how many queries it makes.

The database is built once and kept in a folder of this machine until it is a week old or its tables change. Pages are
asked for one after another over HTTP, from a real `calsync serve`, by an admin, who sees everything.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import psutil
import sqlalchemy as sa
from sqlmodel import col

from bench import town
from calsync import config
from calsync.providers import registry
from calsync.runtime import Runtime
from calsync.services import booking_rows
from calsync.store import schema
from calsync.store import tables as t
from calsync.store.db import Database
from calsync.store.secrets import Secrets
from tests import factories
from tests.parts.process import HOST, Server
from tests.web.conftest import signed_in
from tests.web.queries import count_queries
from tests.web.routes import OK, ROUTES, Route

ROUNDS, WARM_UP = 50, 3
TARGET_MS, MOST_QUERIES = 100.0, 12
NOT_THERE = 404
KEPT_S = 7 * 86_400
NOT_PAGES = ("static", "brand.style", "brand.icon", "brand.logo", "login.invite", "oauth.callback")
"""No pages, or such as nobody reaches without a key that is given once."""

DOWNLOADS = re.compile(r"\.(csv|json)(\?|$)")
Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Measured:
    """One page: the milliseconds of each request until its last byte, and what it is made of.

    `cpu_ms` is the server's processor time of one request, which other programs on the machine cannot lengthen much.
    """

    path: str
    times_ms: tuple[float, ...]
    cpu_ms: float
    queries: int
    size: int
    status: int

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def p95_ms(self) -> float:
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.95) - 1]

    @property
    def is_good(self) -> bool:
        return self.p95_ms < TARGET_MS and self.queries <= MOST_QUERIES and self.status < 400


class Served(Server):
    """`calsync serve` on a folder that is filled."""

    def __init__(self, folder: Path, log_folder: Path) -> None:
        super().__init__(log_folder)
        self.instance = folder

    def command(self) -> list[str]:
        os.environ["CALSYNC_INSTANCE_DIR"] = str(self.instance)
        os.environ["CALSYNC_LOG_LEVEL"] = "warning"
        program = Path(sys.executable).parent / "calsync"
        return [str(program), "serve", "--host", HOST, "--port", str(self.port)]


def measure(size: town.Size, say: Say, only: str = "") -> list[Measured]:
    """Return what every page takes; `only` picks those whose path contains it."""
    folder = filled(size, say)
    rt = runtime(folder)
    paths = [path for path in pages(rt) if only in path]
    queries = count(rt, paths)
    rt.db.close()
    with serving(folder) as (client, server):
        found = []
        for path in paths:
            found.append(ask(client, server, path, queries[path]))
            say(f"{path} {found[-1].p95_ms:.0f} ms")
    # A page of something that this town has none of (a preview that waits, say) answers 404: nothing to measure.
    return [each for each in found if each.status != NOT_THERE]


def filled(size: town.Size, say: Say) -> Path:
    """Return a folder with the large database, an old one where it still fits."""
    version = hashlib.sha256(b"".join(p.read_bytes() for p in _makers())).hexdigest()[:10]
    folder = Path(tempfile.gettempdir()) / f"calsync-bench-{size.activities}-{size.steps}-{version}"
    done = folder / "done"
    if done.exists() and time.time() - done.stat().st_mtime < KEPT_S:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    say(f"building {size.activities:,} activities and {size.steps:,} steps in {folder}; this takes minutes, once")
    rt = runtime(folder)
    schema.upgrade(rt.db)
    town.build(rt, size, say)
    rt.db.close()
    done.touch()
    return folder


def _makers() -> list[Path]:
    """Return what decides about the database's contents: the tables, and the one who fills them."""
    return [
        *sorted(Path(schema.__file__).parent.glob("migrations/versions/*.py")),
        *sorted(Path(town.__file__).parent.glob("town*.py")),
    ]


def runtime(folder: Path) -> Runtime:
    settings = config.load({"CALSYNC_INSTANCE_DIR": str(folder)}, env_file=None)
    return Runtime(settings, Database(settings.database_url), Secrets(settings.key_texts), registry.all_providers())


def pages(rt: Runtime) -> list[str]:
    """Return the paths of all pages that an admin opens, on the rows with the most behind them."""
    with rt.reading() as session:
        newest = {
            "run": session.scalar(sa.select(sa.func.max(t.Run.id))),  # the largest run is the last one
            "notice": session.scalar(sa.select(sa.func.min(t.Notice.id))),
            "conflict": session.scalar(sa.select(sa.func.min(t.Conflict.id))),
            "activity": session.scalar(_own_activity()),
        }
        people = {u.name.lower(): u.id for u in session.scalars(sa.select(t.User).limit(4))}
        booking = session.scalars(_next_booking(rt)).first()
        booked = {} if booking is None else {"booking": booking.id, "token": booking_rows.token(rt, booking)}
        slug = session.scalar(sa.select(sa.func.min(t.EventType.slug)))  # the first is about a group of ten
    ids = {**dict.fromkeys(("account", "calendar", "step", "login"), 1), **people, **newest, **booked, "slug": slug}
    tomorrow = (rt.now() + timedelta(days=1)).date().isoformat()
    paths = [route.path.format_map(_Ids(ids)) for route in ROUTES if _is_page(route)]
    return [path.replace("day=2030-01-08", f"day={tomorrow}") for path in paths]


def _next_booking(rt: Runtime) -> Any:
    """The first booking that is still to come."""
    query = sa.select(t.Booking).where(col(t.Booking.starts_at) > rt.now(), col(t.Booking.state) == "booked")
    return query.order_by(col(t.Booking.starts_at), col(t.Booking.id)).limit(1)


def _own_activity() -> Any:
    """The first activity of the admin who asks: those of others are not theirs to change."""
    query = sa.select(sa.func.min(t.Activity.id)).join(t.User, col(t.User.id) == col(t.Activity.owner_id))
    return query.where(col(t.User.email) == "ada@example.com")


class _Ids(dict[str, Any]):
    """Ids by name; the first row of whatever else a path may name."""

    def __missing__(self, name: str) -> int:
        return 1


def _is_page(route: Route) -> bool:
    is_download = DOWNLOADS.search(route.path) or route.endpoint in NOT_PAGES
    return route.method == "GET" and route.verdicts[4] == OK and not is_download


def count(rt: Runtime, paths: list[str]) -> dict[str, int]:
    """Return how many queries each page makes once it is warm."""
    from webapp import create_app

    app = create_app(rt)
    with rt.reading() as session:
        ada = session.scalars(sa.select(t.User).where(t.User.email == "ada@example.com")).one()  # type: ignore[arg-type]
    client = signed_in(app, rt, ada)
    found = {}
    for path in paths:
        client.get(path)
        with count_queries(rt) as queries:
            client.get(path)
        found[path] = len(queries)
    return found


@contextmanager
def serving(folder: Path) -> Iterator[tuple[httpx2.Client, psutil.Process]]:
    """Give a signed-in client and the process that answers it."""
    with tempfile.TemporaryDirectory() as log_folder:
        server = Served(folder, Path(log_folder))
        server.start()
        try:
            with httpx2.Client(base_url=f"http://{HOST}:{server.port}", timeout=60.0, trust_env=False) as client:
                sign_in(client)
                yield client, psutil.Process(server.child.pid if server.child else 0)
        finally:
            server.stop()


def sign_in(client: httpx2.Client) -> None:
    form = client.get("/login")
    token = re.search(r'name="csrf_token" value="([^"]+)"', form.text)
    assert token is not None, form.text[:500]
    data = {"csrf_token": token.group(1), "email": "ada@example.com", "password": factories.PASSWORD}
    answer = client.post("/login", data=data, headers={"Referer": str(form.url)})
    assert answer.status_code == 303, answer.text[:500]


def ask(client: httpx2.Client, server: psutil.Process, path: str, queries: int) -> Measured:
    """Ask for a page many times; the first few do not count."""
    for _ in range(WARM_UP):
        answer = client.get(path)
    cpu, times = _cpu_s(server), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - began) * 1000)
    used_ms = (_cpu_s(server) - cpu) * 1000 / ROUNDS
    return Measured(path, tuple(times), used_ms, queries, len(answer.content), answer.status_code)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def report(found: list[Measured]) -> str:
    """Return a table for people, in Markdown, the slowest page first."""
    lines = ["| page | median | p95 | CPU | queries | size |", "|---|---:|---:|---:|---:|---:|"]
    for each in sorted(found, key=lambda m: -m.p95_ms):
        mark = "" if each.is_good else " **over**" if each.status < 400 else f" **{each.status}**"
        times = f"{each.median_ms:.0f} ms | {each.p95_ms:.0f} ms | {each.cpu_ms:.0f} ms"
        lines.append(f"| `{each.path}`{mark} | {times} | {each.queries} | {each.size / 1024:.0f} KB |")
    good = sum(each.is_good for each in found)
    target = f"p95 under {TARGET_MS:.0f} ms with at most {MOST_QUERIES} queries"
    return "\n".join([*lines, "", f"{len(found)} pages, {good} of them with {target}."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--activities", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="measure pages whose path contains this")
    asked = parser.parse_args()
    found = measure(
        town.Size(asked.activities, asked.steps), lambda line: print(line, file=sys.stderr, flush=True), asked.only
    )
    print(report(found))
    sys.exit(0 if all(each.is_good for each in found) else 1)


if __name__ == "__main__":
    main()
