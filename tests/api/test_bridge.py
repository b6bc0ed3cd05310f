"""The bridge of the examples against a real server, both ways, killed in the middle and started again."""

import importlib.util
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import httpx2
import pytest
from flask import Flask
from standardwebhooks import Webhook

from calsync.runtime import CLI, SYSTEM, Runtime
from calsync.services import activities, tokens, webhook_delivery, webhooks
from calsync.store import activity_list
from calsync.store import tables as t
from calsync.store.activity_list import Filters
from tests import factories
from tests.parts.web import serve
from tests.services.office import Office

BRIDGE = Path(__file__).parents[2] / "examples" / "crm_bridge.py"


@pytest.fixture(scope="module")
def bridge() -> ModuleType:
    spec = importlib.util.spec_from_file_location("crm_bridge", BRIDGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def live(app: Flask) -> Iterator[str]:
    with serve(app) as url:
        yield url


@pytest.fixture
def secret(rt: Runtime) -> str:
    return tokens.create(rt, "CRM", "write", is_service=True, by=SYSTEM).secret


@pytest.fixture
def crm(bridge: ModuleType, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = bridge.open_crm(str(tmp_path / "crm.sqlite"))
    yield connection
    connection.close()


def plan(crm: sqlite3.Connection, owner: str, title: str, day: int = 9) -> int:
    times = (f"2030-01-{day:02}T10:00:00Z", f"2030-01-{day:02}T11:00:00Z")
    made = crm.execute('INSERT INTO meeting (owner, title, start, "end") VALUES (?, ?, ?, ?)', (owner, title, *times))
    return int(made.lastrowid or 0)


def titles(crm: sqlite3.Connection) -> list[str]:
    return [row["title"] for row in crm.execute("SELECT title FROM meeting ORDER BY title")]


def there(rt: Runtime) -> dict[str, t.Activity]:
    with rt.reading() as session:
        return {row.title: row for row in activity_list.list_activities(session, Filters()).rows}


def test_both_sides_agree_through_the_feed(
    bridge: ModuleType, crm: sqlite3.Connection, live: str, secret: str, workplace: Office, rt: Runtime
) -> None:
    """From the CRM to a calendar, from the calendar to the CRM, and edits of both on the way."""
    calsync, eli = bridge.Calsync(live, secret), workplace.cast.eli.email
    number = plan(crm, eli, "From the CRM")
    handle = workplace.meeting("From the calendar")
    workplace.sync()
    bridge.sync(crm, calsync, eli)
    workplace.sync()
    assert workplace.titles_there() == ["From the CRM", "From the calendar"]
    assert titles(crm) == ["From the CRM", "From the calendar"]
    activities.edit(rt, t.pk(there(rt)["From the CRM"]), {"title": "Renamed"}, by=factories.acting(workplace.cast.eli))
    crm.execute("UPDATE meeting SET status = 'cancelled', is_dirty = 1 WHERE title = 'From the calendar'")
    bridge.sync(crm, calsync, eli)
    assert crm.execute("SELECT title FROM meeting WHERE id = ?", (number,)).fetchone()["title"] == "Renamed"
    workplace.sync()
    assert workplace.there(handle).is_cancelled
    assert "Renamed" in workplace.titles_there()


def test_nothing_is_doubled_however_often_it_is_run(
    bridge: ModuleType, crm: sqlite3.Connection, live: str, secret: str, workplace: Office, rt: Runtime
) -> None:
    calsync, eli = bridge.Calsync(live, secret), workplace.cast.eli.email
    plan(crm, eli, "Once")
    for _ in range(3):
        bridge.sync(crm, calsync, eli)
        crm.execute("UPDATE meeting SET is_dirty = 1")
    assert titles(crm) == ["Once"]
    assert there(rt)["Once"].row_version == 1


def test_what_is_refused_stays_beside_its_record(
    bridge: ModuleType, crm: sqlite3.Connection, live: str, secret: str, workplace: Office
) -> None:
    calsync, eli = bridge.Calsync(live, secret), workplace.cast.eli.email
    plan(crm, eli, "Good")
    crm.execute("UPDATE meeting SET \"end\" = '2029-01-01T00:00:00Z' WHERE id = ?", (plan(crm, eli, "Bad"),))
    bridge.sync(crm, calsync, eli)
    told = dict(crm.execute("SELECT title, problem FROM meeting").fetchall())
    assert told["Good"] is None
    assert "end" in told["Bad"]


def test_a_cursor_that_is_too_old_reads_everything_once(
    bridge: ModuleType, crm: sqlite3.Connection, live: str, secret: str, workplace: Office, rt: Runtime
) -> None:
    calsync, eli = bridge.Calsync(live, secret), workplace.cast.eli.email
    plan(crm, eli, "Here")
    bridge.sync(crm, calsync, eli)
    crm.execute("UPDATE bridge SET cursor = '7.1'")  # as after a restored backup
    workplace.write("Meanwhile")
    bridge.sync(crm, calsync, eli)
    assert titles(crm) == ["Here", "Meanwhile"]


def test_what_was_stored_without_its_cursor_is_told_again(
    bridge: ModuleType, crm: sqlite3.Connection, live: str, secret: str, workplace: Office
) -> None:
    calsync, eli = bridge.Calsync(live, secret), workplace.cast.eli.email
    bridge.sync(crm, calsync, eli)
    before = crm.execute("SELECT cursor FROM bridge").fetchone()["cursor"]
    workplace.write("New")
    bridge.sync(crm, calsync, eli)
    crm.execute("UPDATE bridge SET cursor = ?", (before,))  # the feed is replayed
    bridge.sync(crm, calsync, eli)
    assert titles(crm) == ["New"]


# --- killed


class Halfway:
    """Between the bridge and the server: passes a request on, and then kills the bridge instead of answering."""

    def __init__(self, app: Flask, method: str) -> None:
        self.method, self.child, self.started, self.killed = method, 0, threading.Event(), threading.Event()
        halfway = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on("GET")

            def do_POST(self) -> None:
                self._pass_on("POST")

            def _pass_on(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {"Authorization": self.headers["Authorization"], "Content-Type": "application/json"}
                answer = app.test_client(use_cookies=False).open(self.path, method=method, data=body, headers=headers)
                if method == halfway.method:
                    assert halfway.started.wait(10)
                    os.kill(halfway.child, signal.SIGKILL)
                    halfway.killed.set()
                    return
                self.send_response(answer.status_code)
                self.end_headers()
                self.wfile.write(answer.data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.mark.parametrize("method", ["POST", "GET"], ids=["while sending", "while reading"])
def test_a_bridge_that_is_killed_goes_on_where_it_was(
    method: str, bridge: ModuleType, crm: sqlite3.Connection, live: str, secret: str, app: Flask, workplace: Office,
    rt: Runtime, tmp_path: Path,
) -> None:  # fmt: skip
    """The server has done what it was asked, and the bridge dies before it hears of it."""
    eli = workplace.cast.eli.email
    plan(crm, eli, "From the CRM")
    workplace.write("From here")
    halfway = Halfway(app, method)
    settings = {**os.environ, "CALSYNC": halfway.url, "CALSYNC_TOKEN": secret}
    child = subprocess.Popen([sys.executable, BRIDGE, tmp_path / "crm.sqlite", eli], env=settings)
    halfway.child = child.pid
    halfway.started.set()
    assert halfway.killed.wait(30)
    assert child.wait(10) == -signal.SIGKILL
    halfway.server.shutdown()
    halfway.server.server_close()
    bridge.sync(crm, bridge.Calsync(live, secret), eli)
    assert titles(crm) == sorted(there(rt)) == ["From here", "From the CRM"]


# --- told at once


def test_a_webhook_brings_a_change_at_once(
    live: str, secret: str, crm: sqlite3.Connection, workplace: Office, rt: Runtime, tmp_path: Path
) -> None:
    """The bridge as a program, which would otherwise look again in half a minute only."""
    workplace.clock.at = datetime.now(UTC)  # signatures are good for five minutes of real time
    port = free_port()
    wide = replace(rt, settings=rt.settings.model_copy(update={"allow_private_networks": True}))
    hook, key = webhooks.create(wide, f"http://127.0.0.1:{port}/", ["activity.created"], by=CLI)
    eli = workplace.cast.eli.email
    settings = {**os.environ, "CALSYNC": live, "CALSYNC_TOKEN": secret}
    settings |= {"WEBHOOK_PORT": str(port), "WEBHOOK_SECRET": key}
    child = subprocess.Popen([sys.executable, BRIDGE, tmp_path / "crm.sqlite", eli], env=settings)
    try:
        until(lambda: crm.execute("SELECT cursor FROM bridge").fetchone()["cursor"] is not None)
        workplace.write("Just made")
        assert webhook_delivery.deliver(wide, t.pk(hook)) == 1
        until(lambda: titles(crm) == ["Just made"], tries=200)
    finally:
        child.kill()
        child.wait(10)


def test_a_forged_message_wakes_nobody(bridge: ModuleType) -> None:
    port, wake = free_port(), threading.Event()
    secret, now = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", datetime.now(UTC)
    bridge.listen(port, secret, wake)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp()))}
    signed = {**headers, "webhook-signature": Webhook(secret).sign("msg_1", now, "{}")}
    answers = []
    for given, body in (({}, "{}"), (signed, "{ }"), ({**signed, "webhook-timestamp": "1"}, "{}"), (signed, "{}")):
        assert not wake.is_set()
        answers.append(httpx2.post(f"http://127.0.0.1:{port}/", headers=given, content=body).status_code)
    assert (answers, wake.is_set()) == ([401, 401, 401, 204], True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(happened: Callable[[], object], tries: int = 400) -> None:
    for _ in range(tries):
        if happened():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not happen in time")
