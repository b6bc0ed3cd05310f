"""Busy blocks, busy time that providers are asked for, and attachments of mails.

The way back from a revision is a backup: there are no downgrades.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "busy_block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("calendar_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("stamp", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("remote_fp", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=False),
        sa.Column("asked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("rewrites", sa.Integer(), nullable=False),
        sa.Column("rewritten_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error_class", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("next_try_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendar.id"], name=op.f("fk_busy_block_calendar_id_calendar"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["mirror_event.id"], name=op.f("fk_busy_block_event_id_mirror_event"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_busy_block")),
        sa.UniqueConstraint("calendar_id", "event_id", name=op.f("uq_busy_block_calendar_id_event_id")),
        sa.UniqueConstraint("key", name=op.f("uq_busy_block_key")),
    )
    op.create_index(op.f("ix_busy_block_event_id"), "busy_block", ["event_id"], unique=False)
    op.create_table(
        "asked_busy",
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(length=320), nullable=False),
        sa.Column("spans", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("read_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("why", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("next_ask_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_asked_busy_resource_id_resource"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_asked_busy_account_id_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_asked_busy")),
    )
    op.create_index(op.f("ix_asked_busy_account_id"), "asked_busy", ["account_id"], unique=False)
    op.create_index(op.f("ix_asked_busy_next_ask_at"), "asked_busy", ["next_ask_at"], unique=False)
    with op.batch_alter_table("calendar", schema=None) as batch_op:
        batch_op.add_column(sa.Column("takes_blocks", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("clears_blocks", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attachments", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_account_id", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("asked_address", sqlmodel.sql.sqltypes.AutoString(length=320), server_default="", nullable=False)
        )
        batch_op.create_index(batch_op.f("ix_resource_asked_account_id"), ["asked_account_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_resource_asked_account_id_account"),
            "account",
            ["asked_account_id"],
            ["id"],
            ondelete="SET NULL",
        )
