"""A real Radicale with a password, whose storage folder a test may read and write past the server.

Writing through the folder costs microseconds where a PUT costs tens of milliseconds; Radicale notices.
"""

import json
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from tests.parts.caldav import CalDavServer

CONFIG = """
[server]
hosts = 127.0.0.1:{port}
max_connections = 40
timeout = 60
delay_on_error = 0
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
level = warning
"""


class Radicale(CalDavServer):
    """Radicale for one person (more with `add_user`), without the delays it adds to failed logins."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._users = {self.username: self.password}
        self._write_users()

    def command(self) -> list[str]:
        """Write the configuration for the present port and return what starts Radicale on it."""
        config = self.folder / "config"
        config.write_text(CONFIG.format(port=self.port, folder=self.folder))
        return [sys.executable, "-m", "radicale", "--config", str(config)]

    @property
    def home_url(self) -> str:
        """The address under which this person's calendars stand; here also that of the person."""
        return f"{self.url}{quote(self.username)}/"

    def add_user(self, username: str, password: str) -> None:
        """Let one more person log in, at once."""
        self._users[username] = password
        self._write_users()

    def change_password(self, password: str) -> None:
        """Give the first person another password, at once; the old one is refused from now on."""
        self.password = password
        self.add_user(self.username, password)

    def _write_users(self) -> None:
        lines = [f"{username}:{password}\n" for username, password in self._users.items()]
        (self.folder / "users").write_text("".join(lines))

    def calendar_folder(self, calendar: str) -> Path:
        """Where the server keeps a calendar's files: one .ics each."""
        return self.folder / "collections" / "collection-root" / self.username / calendar

    def make_calendar_folder(self, name: str) -> Path:
        """Make an empty calendar in the storage; the server need not run."""
        folder = self.calendar_folder(name)
        folder.mkdir(parents=True)
        props = {"tag": "VCALENDAR", "D:displayname": name, "C:supported-calendar-component-set": "VEVENT"}
        (folder / ".Radicale.props").write_text(json.dumps(props))
        return folder

    def put(self, calendar: str, name: str, ics: str) -> None:
        """Write one resource into the storage."""
        (self.calendar_folder(calendar) / name).write_text(ics, newline="")

    def delete(self, calendar: str, name: str) -> None:
        """Remove one resource from the storage."""
        (self.calendar_folder(calendar) / name).unlink()

    def resources(self, calendar: str) -> dict[str, str]:
        """Return every resource as it stands in the storage: file name to text."""
        files = sorted(self.calendar_folder(calendar).glob("*.ics"))
        return {file.name: file.read_bytes().decode() for file in files}

    def renew(self) -> None:
        """Become as if new: running, no calendars, one person with the first password."""
        shutil.rmtree(self.folder / "collections" / "collection-root", ignore_errors=True)
        self.password = type(self).password
        self._users = {self.username: self.password}
        self._write_users()
        if not self.running:
            self.start()
