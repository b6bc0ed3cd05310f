"""Files that hold a key and nothing else: made once, readable by their owner only, replaced in one move."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def read(path: Path) -> tuple[str, ...]:
    """Return the keys in a file, newest first: one a line. Raises OSError."""
    return tuple(path.read_text(encoding="utf-8").replace(",", " ").split())


def stamp(path: Path) -> object:
    """Return something that differs when the file was replaced; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def write(path: Path, keys: tuple[str, ...]) -> None:
    """Replace a key file. Raises OSError."""
    made = _aside(path, "\n".join(keys) + "\n")
    try:
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def read_or_make(path: Path, new: str) -> str:
    """Return the text of a key file, which is made with `new` in it when there is none. Raises OSError.

    Two processes that start at once end with the same text.
    """
    if not path.exists():
        made = _aside(path, new + "\n")
        try:
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
        finally:
            made.unlink()
    return path.read_text(encoding="utf-8").strip()


def _aside(path: Path, text: str) -> Path:
    """Write a new file of mode 600 beside `path` and return it."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
