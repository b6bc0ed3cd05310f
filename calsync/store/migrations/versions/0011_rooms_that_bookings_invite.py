"""Rooms that bookings invite, what they answered, and sign-ins that ask for more than reading and writing.

The way back from a revision is a backup: there are no downgrades.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sqlmodel.sql.sqltypes.AutoString
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_invited", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("taken", schema=None) as batch_op:
        batch_op.add_column(sa.Column("room_answer", text(length=12), server_default="", nullable=False))
    with op.batch_alter_table("sign_in_attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("extra", text(length=20), server_default="", nullable=False))
        batch_op.add_column(sa.Column("leads_to", text(length=200), server_default="", nullable=False))
