"""who may use these tables: the number of the oldest version that still can.

It stands beside the number of the tables, in the row that Alembic keeps, so that both change
together; `migrations/env.py` writes it (decision 0060).

Revision: 0033
Follows: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
works_with = "0033"


def upgrade() -> None:
    op.add_column("alembic_version", sa.Column("oldest", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("alembic_version", "oldest")
