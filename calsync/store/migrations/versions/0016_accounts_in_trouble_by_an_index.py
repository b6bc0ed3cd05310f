"""Accounts whose sign-in was lost or that fail again and again, found by an index: every page of an admin counts them.

The way back from a revision is a backup: there are no downgrades.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_account_troubled",
        "account",
        ["grant_ok", "failed_runs", "state"],
        sqlite_where=sa.text("grant_ok IS 0 OR failed_runs >= 3"),
        postgresql_where=sa.text("grant_ok IS false OR failed_runs >= 3"),
    )
