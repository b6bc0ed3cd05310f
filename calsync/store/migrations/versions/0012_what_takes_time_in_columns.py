"""What activities and events say of the time that they take as a column, and indexes for searches of free time.

The way back from a revision is a backup: there are no downgrades.
"""

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _table(name: str, *own: Any) -> Any:
    return sa.table(
        name,
        sa.column("taking", sa.String),
        sa.column("recurrence_key", sa.String),
        sa.column("is_all_day", sa.Boolean),
        sa.column("is_series", sa.Boolean),
        sa.column("span_start"),
        sa.column("span_end"),
        *own,
    )


_ACTIVITY = _table("activity", sa.column("content", sa.JSON))
_EVENT = _table("mirror_event", sa.column("is_busy", sa.Boolean), sa.column("facts", sa.JSON))


def upgrade() -> None:
    for table in ("activity", "mirror_event"):
        column = sa.Column(
            "taking", sqlmodel.sql.sqltypes.AutoString(length=8), server_default="unfolded", nullable=False
        )
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(column)
    fill(op.get_bind())
    op.drop_index("ix_activity_owner_id_span_start_id", "activity")
    op.create_index(
        "ix_activity_taking",
        "activity",
        [
            "owner_id",
            "span_start",
            "id",
            "span_end",
            "taking",
            "status",
            "kind",
            "due_is",
            "is_done",
            "is_dissolved",
            "source_account_id",
        ],
        unique=False,
    )
    op.drop_index("ix_mirror_event_calendar_id_span_start", "mirror_event")
    op.create_index(
        "ix_mirror_event_taking",
        "mirror_event",
        ["calendar_id", "span_start", "id", "span_end", "taking", "is_deleted", "is_cancelled"],
        unique=False,
    )


def fill(connection: sa.Connection) -> None:
    """Note what existing rows say. Left at "unfolded" is what is not certain: that is right of everything."""
    is_opaque = _ACTIVITY.c.content["transparency"].as_string() == "opaque"
    is_disputed = sa.cast(_ACTIVITY.c.content, sa.Text).contains('"declined"')
    _note(connection, _ACTIVITY, is_opaque, sa.not_(is_disputed))
    _note(connection, _EVENT, _EVENT.c.is_busy, _EVENT.c.facts["event_kind"].as_string().is_(None))


def _note(connection: sa.Connection, table: Any, says_busy: Any, is_ordinary: Any) -> None:
    is_single = table.c.is_series.is_(False)
    # Of floating times the bounds lie 26 hours apart at least.
    is_plain = sa.and_(
        is_single,
        is_ordinary,
        table.c.is_all_day.is_(False),
        table.c.recurrence_key == "",
        *_is_short_and_whole(connection, table.c.span_start, table.c.span_end),
    )
    never = sa.update(table).where(is_single, sa.not_(says_busy)).values(taking="never")
    plain = sa.update(table).where(says_busy, is_plain).values(taking="plain")
    for change in (never, plain):
        connection.execute(change)


def _is_short_and_whole(connection: sa.Connection, start: Any, end: Any) -> list[Any]:
    if connection.dialect.name == "sqlite":
        is_short = sa.func.julianday(end) - sa.func.julianday(start) < 1
        return [is_short, *(sa.func.substr(at, 21) == "000000" for at in (start, end))]
    is_short = end - start < sa.text("interval '1 day'")
    return [is_short, *(sa.func.date_trunc("second", at) == at for at in (start, end))]
