"""The demo's calendar server: a real Radicale on this machine, whose files can be written past it.

Writing a file costs microseconds where a PUT costs tens of milliseconds; Radicale notices.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from calsync.errors import Refused

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0
CONFIG = """
[server]
hosts = {host}:{port}
max_connections = 40
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/collections
[web]
type = none
[logging]
level = error
"""


@dataclass(frozen=True, slots=True)
class CalendarServer:
    """Calendars as folders, events as files in them."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/"

    def set_users(self, users: dict[str, str]) -> None:
        """Let these people in, and nobody else, from now on."""
        (self.folder / "users").write_text("".join(f"{name}:{word}\n" for name, word in users.items()))

    def add_calendar(self, user: str, name: str, title: str, color: str) -> None:
        path = self._calendar(user, name)
        path.mkdir(parents=True)
        props = {
            "tag": "VCALENDAR",
            "D:displayname": title,
            "ICAL:calendar-color": color,
            "C:supported-calendar-component-set": "VEVENT",
        }
        (path / ".Radicale.props").write_text(json.dumps(props))

    def put(self, user: str, calendar: str, name: str, ics: str) -> None:
        """Write an event, new or not; `name` is its file's name without .ics."""
        (self._calendar(user, calendar) / f"{name}.ics").write_text(ics, newline="")

    def find(self, user: str, calendar: str, title: str) -> str:
        """Return the name of the event with this title."""
        files = sorted(self._calendar(user, calendar).glob("*.ics"))
        return next(file.stem for file in files if f"SUMMARY:{title}\r\n" in file.read_bytes().decode())

    def replace(self, user: str, calendar: str, name: str, old: str, new: str) -> None:
        """Edit an event as somebody with another program would."""
        path = self._calendar(user, calendar) / f"{name}.ics"
        path.write_text(path.read_bytes().decode().replace(old, new), newline="")

    def delete(self, user: str, calendar: str, name: str) -> None:
        (self._calendar(user, calendar) / f"{name}.ics").unlink()

    def _calendar(self, user: str, name: str) -> Path:
        return self.folder / "collections" / "collection-root" / quote(user) / quote(name)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[CalendarServer]:
    """Yield a started, empty server; it ends with the block. Raises Refused when Radicale is not installed."""
    if importlib.util.find_spec("radicale") is None:
        reason = "The demo needs the Radicale calendar server. Install it: pip install 'calsync[demo]', or make demo."
        raise Refused(reason, code="no_radicale")
    folder.mkdir(parents=True)
    server = CalendarServer(folder, _free_port())
    server.set_users({})
    config = folder / "config"
    config.write_text(CONFIG.format(host=HOST, port=server.port, folder=folder))
    with (folder / "log.txt").open("wb") as log:
        command = [sys.executable, "-m", "radicale", "--config", str(config)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(child, server.port)
        yield server
    finally:
        _end(child)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(child: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.05)
    raise Refused("The demo's calendar server did not start; its log.txt says why.", code="no_radicale")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
