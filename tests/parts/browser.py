"""Which Chromium the browser tests drive, and how it is started."""

import os
import shutil
import sys
from pathlib import Path

# The first is Chromium without windows: windows are most of what a browser costs that nobody looks at.
SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SHELLS = (SHELL, "headless_shell", "chrome-headless-shell")
MAC_APPS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")

# The last two keep pages off the network: no name resolves but those of this machine.
LAUNCH_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


def find() -> Path | None:
    """Return the browser: CALSYNC_TEST_BROWSER, else the system's, else Playwright's own, else None."""
    candidates = [*_named(), *_installed(), *_downloaded()]
    return next((path for path in candidates if path.is_file() and os.access(path, os.X_OK)), None)


def find_shell() -> Path | None:
    """Return what is found where it is Chromium without windows, or was named on purpose; else None."""
    found = find()
    return found if found and (_named() or found.name in SHELLS) else None


def _named() -> list[Path]:
    named = os.environ.get("CALSYNC_TEST_BROWSER")
    return [Path(named)] if named else []


def _installed() -> list[Path]:
    on_path = [Path(found) for name in NAMES if (found := shutil.which(name)) and not _is_snap_stub(found)]
    return [*on_path, *(Path("/Applications") / app for app in MAC_APPS)]


def _is_snap_stub(path: str) -> bool:
    """Ubuntu's package is a script that asks for a snap, which does not run without a login session."""
    with Path(path).open("rb") as file:
        return b"/snap/bin/" in file.read(2048)


def _downloaded() -> list[Path]:
    names = {*SHELLS, "chrome", "Chromium", "Google Chrome for Testing", "chrome.exe"}
    folders = sorted(_download_folder().glob("chromium*-*"), reverse=True)  # "chromium_headless_shell-" comes first
    return [file for folder in folders for file in folder.rglob("*") if file.name in names]


def _download_folder() -> Path:
    """Where Playwright keeps the browsers it fetches (its documentation, "Managing browser binaries")."""
    if "PLAYWRIGHT_BROWSERS_PATH" in os.environ:
        return Path(os.environ["PLAYWRIGHT_BROWSERS_PATH"])
    caches = {"darwin": "Library/Caches", "win32": "AppData/Local"}
    return Path.home() / caches.get(sys.platform, ".cache") / "ms-playwright"
