"""What waits for people is counted through indexes: every page asks for it, however large the tables are."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session

from calsync.runtime import Runtime
from calsync.store import counters, notices

pytestmark = pytest.mark.postgres

WHOLE_TABLE = re.compile(r"Seq Scan on \w+|SCAN (TABLE )?(account|run|conflict|conference)(?! USING)")


@pytest.mark.parametrize("user_id", [None, 7])
def test_what_waits_is_counted_without_reading_a_table_through(rt: Runtime, user_id: int | None) -> None:
    plan = plan_of(rt, lambda session: counters.waiting(session, user_id))
    assert "ix_run_" in plan
    assert not WHOLE_TABLE.findall(plan)


def test_accounts_in_trouble_are_found_by_an_index(rt: Runtime) -> None:
    plan = plan_of(rt, notices.troubled_accounts)
    assert "ix_account_troubled" in plan
    assert not WHOLE_TABLE.findall(plan)


def plan_of(rt: Runtime, ask: Callable[[Session], object]) -> str:
    """Return how the database would answer the one statement that `ask` sends. PostgreSQL is to take an index for
    every table that has one to take: an empty table it would read through whatever the indexes are.
    """
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        sent.append((statement, values))

    with rt.reading() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", note)
        ask(session)
        event.remove(connection, "before_cursor_execute", note)
        ((statement, values),) = sent
        if not rt.db.is_sqlite:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        word = "EXPLAIN QUERY PLAN" if rt.db.is_sqlite else "EXPLAIN"
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{word} {statement}", values))
