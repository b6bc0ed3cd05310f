"""How large the organisation of `town.py` is, and how its rows are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from calsync.runtime import Runtime

BATCH = 5_000
STEPS_PER_RUN = 20
LARGEST_RUN = 20_000


@dataclass(frozen=True)
class Size:
    """How much there is. `steps` is reached to within one run."""

    activities: int = 100_000
    steps: int = 1_000_000

    @property
    def people(self) -> int:
        return max(10, self.activities // 500)

    @property
    def accounts(self) -> int:
        return self.people

    @property
    def runs(self) -> int:
        """Runs that changed something; as many again found nothing to do."""
        return max(2, (self.steps - LARGEST_RUN) // STEPS_PER_RUN)


def defaults(table: Any, names: set[str]) -> dict[str, Any]:
    """Return the defaults that a plain insert does not know, of these columns that have one."""
    found = {name: table.model_fields[name] for name in names}
    return {
        name: field.get_default(call_default_factory=True) for name, field in found.items() if not field.is_required()
    }


def insert(rt: Runtime, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        with rt.writing() as session:
            session.connection().execute(sa.insert(table), batch)
