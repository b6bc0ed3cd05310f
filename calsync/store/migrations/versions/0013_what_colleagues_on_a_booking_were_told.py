"""What colleagues on a booking were told of it.

The way back from a revision is a backup: there are no downgrades.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("colleagues", sa.JSON(), nullable=True))
