"""what workers die of.

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "inbox_activity", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    op.drop_column("inbox_activity", "deaths")
