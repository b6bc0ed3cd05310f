"""Sees to the parts that pip cannot bring: a browser, and PostgreSQL where there is no wheel of it.

Found, else fetched, else named loudly; exits with 1 when one is missing and CI is set. `make test` runs it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.parts import browser, postgres

Command = Sequence[str]


@dataclass(frozen=True)
class Part:
    """Something to find, the commands that may bring it (tried in order), and what to tell a person.

    Without a hint tests can do without it.
    """

    name: str
    find: Callable[[], Path | None]
    ways: Sequence[Sequence[Command]]
    hint: str = ""


def main() -> int:
    """Bring every part that is missing. Returns the exit code."""
    missing = [part for part in parts() if not bring(part) and part.hint]
    for part in missing:
        print(f"\n*** {part.name} IS MISSING: its tests will not run. {part.hint}\n", file=sys.stderr)
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
    return 1 if missing and in_ci else 0


def parts() -> list[Part]:
    """Return the parts with the ways open on this machine."""
    playwright = (sys.executable, "-m", "playwright", "install", *_with_libraries(), "chromium")
    return [
        Part("A BROWSER WITHOUT WINDOWS", browser.find_shell, _apt(browser.SHELL)),
        Part(
            "A BROWSER",
            browser.find,
            [*_apt("chromium"), [playwright]],
            "Install Chromium, or name one in CALSYNC_TEST_BROWSER.",
        ),
        Part(
            "POSTGRESQL",
            postgres.find,
            [*_apt("postgresql"), *_brew("postgresql")],
            "Install PostgreSQL 15 or newer (apt install postgresql, brew install postgresql).",
        ),
    ]


def _apt(package: str) -> list[list[Command]]:
    if not _is_root() or not shutil.which("apt-get"):
        return []
    install = ("apt-get", "install", "-qq", "-y", "--no-install-recommends", package)
    return [[("apt-get", "update", "-qq"), install]]


def _brew(package: str) -> list[list[Command]]:
    return [[("brew", "install", "--quiet", package)]] if shutil.which("brew") else []


def _with_libraries() -> list[str]:
    """Playwright can install the system libraries that its browser needs, as root."""
    return ["--with-deps"] if _is_root() and sys.platform == "linux" else []


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def bring(part: Part) -> bool:
    """Return whether the part is there, after trying each way to bring it."""
    for way in part.ways:
        if part.find():
            return True
        print(f"Fetching {part.name.lower()}; this happens once", flush=True)
        _try(way)
    return part.find() is not None


def _try(commands: Sequence[Command]) -> None:
    """Run commands until one fails; a failure is not the end, the next way may succeed."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        if subprocess.run(command, env=quiet, check=False).returncode:
            return


if __name__ == "__main__":
    sys.exit(main())
