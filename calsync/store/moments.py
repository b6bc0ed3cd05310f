"""Times as queries on very many rows read them: in one step, or as seconds.

The ordinary columns take three times as long, and in a month of ten people it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


class Instant(sa.types.TypeDecorator[datetime]):
    """A time in UTC, read in one step."""

    impl = sa.DateTime
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime]:
        if dialect.name == "sqlite":  # which keeps times as texts without an offset
            return lambda value: datetime.fromisoformat(value + "+00:00")
        return lambda value: value.astimezone(UTC)


class Seconds(sa.sql.functions.FunctionElement[int]):
    """A time of whole seconds as seconds since 1970."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(Seconds, "sqlite")
def _by_julian_day(element: Any, compiler: Any, **options: Any) -> str:
    # unixepoch() is of SQLite 3.38, and strftime makes a text first. A day is a float of microseconds here.
    (moment,) = element.clauses
    return f"(CAST(julianday({compiler.process(moment, **options)}) * 86400.0 + 0.5 AS INTEGER) - 210866760000)"


@compiles(Seconds)
def _by_epoch(element: Any, compiler: Any, **options: Any) -> str:
    (moment,) = element.clauses
    return f"CAST(EXTRACT(epoch FROM {compiler.process(moment, **options)}) AS BIGINT)"
