"""A real Xandikos: a CalDAV server with other habits than Radicale's, here without a password."""

import sys

from tests.parts.caldav import USERNAME, CalDavServer
from tests.parts.process import HOST


class Xandikos(CalDavServer):
    """Xandikos for one person. It takes any login, the one given here too."""

    def command(self) -> list[str]:
        """Return what starts Xandikos; data and state stay inside the folder."""
        listen = ["--no-detect-systemd", "-l", HOST, "-p", str(self.port)]
        store = ["-d", str(self.folder / "data"), "--state-dir", str(self.folder / "state")]
        person = ["--defaults", "--current-user-principal", f"/{USERNAME}/"]
        return [sys.executable, "-m", "xandikos", "serve", *store, *person, *listen]

    @property
    def home_url(self) -> str:
        """The address under which this person's calendars stand."""
        return f"{self.url}{USERNAME}/calendars/"
