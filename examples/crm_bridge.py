"""A bridge between a CRM's own table of meetings and Calsync, both ways: small enough to read, complete enough to run.

    CALSYNC=https://calendar.example.com CALSYNC_TOKEN=cal_... python crm_bridge.py crm.sqlite anna@example.com

The CRM is a SQLite file with a table `meeting`. What people change in the CRM sets `is_dirty`; the bridge sends it and
brings back what changed elsewhere, every PAUSE_S seconds, or at once with a webhook: set WEBHOOK_PORT to listen on and
WEBHOOK_SECRET. It may be killed at any moment and started again: everything that it sends may be sent twice, and the
cursor of the feed is saved in the transaction that stores what the feed told.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

PAUSE_S = 30
AT_ONCE = 500
FIELDS = ("title", "start", "end", "status")

TABLES = """
CREATE TABLE IF NOT EXISTS meeting (
    id INTEGER PRIMARY KEY, calsync_id TEXT UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL,
    start TEXT NOT NULL, "end" TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'confirmed',
    edit INTEGER NOT NULL DEFAULT 1, is_dirty INTEGER NOT NULL DEFAULT 1, problem TEXT);
CREATE TABLE IF NOT EXISTS bridge (id INTEGER PRIMARY KEY CHECK (id = 1), cursor TEXT);
INSERT OR IGNORE INTO bridge (id) VALUES (1);
CREATE TRIGGER IF NOT EXISTS edited AFTER UPDATE OF title, start, "end", status ON meeting WHEN NEW.is_dirty
BEGIN UPDATE meeting SET edit = edit + 1 WHERE id = NEW.id; END;
"""


class Refused(Exception):
    """Calsync said no. `problem` are its problem details."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.problem = problem
        super().__init__(problem.get("detail", ""))


class Calsync:
    """The few requests that the bridge needs."""

    def __init__(self, address: str, token: str) -> None:
        self.base, self.token = address.rstrip("/") + "/api/v1", token

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request and return the answer; wait where the server asks to. Raises Refused and URLError."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            if error.code == 429:
                time.sleep(float(error.headers.get("Retry-After", "5")))
                return self.ask(method, path, body)
            raise Refused(dict(json.load(error))) from error


def open_crm(path: str) -> sqlite3.Connection:
    crm = sqlite3.connect(path, timeout=20, isolation_level=None)
    crm.row_factory = sqlite3.Row
    crm.executescript(TABLES)
    return crm


def sync(crm: sqlite3.Connection, calsync: Calsync, owner: str) -> None:
    """Bring both sides into agreement once: what changed here goes out first, then what changed there comes in."""
    push(crm, calsync)
    pull(crm, calsync, owner)


def push(crm: sqlite3.Connection, calsync: Calsync) -> None:
    """Send what was edited here. Each record is answered for itself; a refusal stays beside it until it is edited."""
    while rows := crm.execute("SELECT * FROM meeting WHERE is_dirty LIMIT ?", (AT_ONCE,)).fetchall():
        answer = calsync.ask("POST", "/activities/bulk", {"activities": [as_record(row) for row in rows]})
        for row, result in zip(rows, answer["results"], strict=True):
            # Edited again meanwhile, it stays dirty and is sent once more.
            crm.execute(
                "UPDATE meeting SET is_dirty = 0, calsync_id = coalesce(?, calsync_id), problem = ?"
                " WHERE id = ? AND edit = ?",
                (result["id"], result["detail"], row["id"], row["edit"]),
            )


def as_record(row: sqlite3.Row) -> dict[str, Any]:
    sent = {"external_id": f"crm-{row['id']}", **{name: row[name] for name in FIELDS}}
    return sent | ({"id": row["calsync_id"]} if row["calsync_id"] else {"owner": row["owner"]})


def pull(crm: sqlite3.Connection, calsync: Calsync, owner: str) -> None:
    """Bring in what changed elsewhere, from where the last time ended."""
    while True:
        cursor = crm.execute("SELECT cursor FROM bridge").fetchone()["cursor"]
        if cursor is None:
            start_over(crm, calsync, owner)
            continue
        try:
            part = calsync.ask("GET", f"/activities/changes?include=activity&limit={AT_ONCE}&cursor={cursor}")
        except Refused as refused:
            if refused.problem.get("code") != "cursor_too_old":
                raise
            crm.execute("UPDATE bridge SET cursor = NULL")
            continue
        told = (change["activity"] for change in part["changes"] if change["activity"])
        store(crm, told, owner, part["cursor"])
        if not part["has_more"]:
            return


def start_over(crm: sqlite3.Connection, calsync: Calsync, owner: str) -> None:
    """Read everything once. The cursor is taken first: what changes meanwhile is told again by the feed."""
    cursor = calsync.ask("GET", "/activities/changes?cursor=latest")["cursor"]
    path, found = f"/activities?limit=200&owner={owner}", list[dict[str, Any]]()
    while path:
        part = calsync.ask("GET", path.removeprefix("/api/v1"))
        found += part["items"]
        path = part["next"]
    store(crm, found, owner, cursor)


def store(crm: sqlite3.Connection, activities: Iterable[dict[str, Any]], owner: str, cursor: str) -> None:
    """Store what was told and where to go on, in one transaction: neither is ever without the other."""
    crm.execute("BEGIN IMMEDIATE")
    try:
        for activity in activities:
            if activity["owner"]["email"] == owner:
                take_in(crm, activity)
        crm.execute("UPDATE bridge SET cursor = ?", (cursor,))
        crm.execute("COMMIT")
    except BaseException:
        crm.execute("ROLLBACK")
        raise


def take_in(crm: sqlite3.Connection, activity: dict[str, Any]) -> None:
    """Write an activity into its meeting; one that the CRM does not know becomes a new one."""
    values = {name: activity[name] for name in FIELDS} | {"calsync_id": activity["id"]}
    number = str(activity["external_id"] or "").removeprefix("crm-")
    known = crm.execute(
        "SELECT * FROM meeting WHERE calsync_id = :a OR (calsync_id IS NULL AND id = :b)",
        {"a": activity["id"], "b": int(number) if number.isdigit() else None},
    ).fetchone()
    if known is None:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(f":{name}" for name in values)
        made = f"INSERT INTO meeting (owner, is_dirty, {names}) VALUES (:owner, 0, {marks})"  # noqa: S608
        crm.execute(made, {**values, "owner": activity["owner"]["email"]})
    elif not known["is_dirty"]:  # what was edited here goes out first, and comes back by the feed
        changes = ", ".join(f'"{name}" = :{name}' for name in values)
        crm.execute(f"UPDATE meeting SET {changes} WHERE id = :number", {**values, "number": known["id"]})  # noqa: S608


def listen(port: int, secret: str, wake: threading.Event) -> None:
    """Wake the bridge when a webhook comes. What it says is read from the feed: nothing is lost with a message."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                Webhook(secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
            except WebhookVerificationError:
                self.send_response(401)
            else:
                self.send_response(204)
                wake.set()
            self.end_headers()

    threading.Thread(target=HTTPServer(("127.0.0.1", port), Handler).serve_forever, daemon=True).start()


def main() -> None:
    path, owner = sys.argv[1:]
    crm, calsync, wake = open_crm(path), Calsync(os.environ["CALSYNC"], os.environ["CALSYNC_TOKEN"]), threading.Event()
    if "WEBHOOK_PORT" in os.environ:
        listen(int(os.environ["WEBHOOK_PORT"]), os.environ["WEBHOOK_SECRET"], wake)
    while True:
        wake.clear()
        try:
            sync(crm, calsync, owner)
        except (urllib.error.URLError, Refused) as error:
            print(f"Trying again in {PAUSE_S} s: {error}", file=sys.stderr)
        wake.wait(PAUSE_S)


if __name__ == "__main__":
    main()
