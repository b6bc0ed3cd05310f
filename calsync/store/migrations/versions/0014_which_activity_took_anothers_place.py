"""Which activity took the place of a changed occurrence as its series moved.

The way back from a revision is a backup: there are no downgrades.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("activity", sa.Column("heir_id", sa.Integer(), nullable=True))
