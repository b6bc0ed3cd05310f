"""What many tests start from, built once per process: each gets a copy of the database, and the rows as objects of
its own, so that no test sees what another one did.
"""

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calsync.runtime import Runtime
from tests import factories


@dataclass(frozen=True)
class Scene:
    """A database file, and what its maker returned."""

    database: Path
    _made: bytes

    def made(self) -> Any:
        """Return what the maker returned, as a copy that may be changed."""
        return pickle.loads(self._made)  # noqa: S301 - it is our own


@functools.cache
def scene(make: Callable[[Runtime], Any]) -> Scene:
    """Return what `make(rt)` puts into an empty SQLite database at factories.START, made once per process.

    Give its `database` to `factories.make_runtime` as `template`.
    """
    folder = factories.kept_folder("scene")
    rt = factories.make_runtime(folder)
    made = pickle.dumps(make(rt))
    factories.finish_file(rt.db)
    return Scene(Path(rt.settings.database_url.removeprefix("sqlite:///")), made)
