"""vdirsyncer as a library, with what its own configuration file would say: a calendar and a folder of files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from vdirsyncer.cli.utils import manage_sync_status
from vdirsyncer.storage.dav import CalDAVStorage
from vdirsyncer.storage.filesystem import FilesystemStorage
from vdirsyncer.sync import sync as sync_storages

from bench import events
from bench.child import Clock

FILES, STATUS = "files", "status"


def prepare(folder: Path) -> None:
    """Begin with nothing."""
    (folder / FILES).mkdir(parents=True)


def sync(folder: str, url: str, username: str, password: str) -> Clock:
    """Sync once and return what it took."""
    clock = Clock()
    errors: list[str] = []
    with clock.running():
        asyncio.run(_sync(Path(folder), url, username, password, errors))
    clock.outcome = {"errors": errors[:5]}
    return clock


async def _sync(folder: Path, url: str, username: str, password: str, errors: list[str]) -> None:
    async with aiohttp.TCPConnector(limit_per_host=16) as connector:
        there = CalDAVStorage(connector=connector, url=url, username=username, password=password)
        here = FilesystemStorage(path=str(folder / FILES), fileext=".ics")
        with manage_sync_status(str(folder / STATUS), "bench", "bench") as status:
            await sync_storages(here, there, status, error_callback=lambda error: errors.append(repr(error)))


def edit(folder: Path, numbers: Sequence[int], change: str) -> None:
    """Change the titles of files in the folder."""
    for number in numbers:
        path = folder / FILES / f"{events.uid(number)}.ics"
        text = path.read_bytes().decode()
        path.write_bytes(re.sub(r"SUMMARY:[^\r\n]*", f"SUMMARY:{events.title(number, change)}", text).encode())


def titles(folder: Path) -> list[str]:
    """Return all titles in the folder, in order."""
    texts = (re.sub(r"\r?\n ", "", path.read_bytes().decode()) for path in (folder / FILES).iterdir())
    return sorted(found for text in texts for found in re.findall(r"^SUMMARY:(.*?)\r?$", text, re.MULTILINE))
