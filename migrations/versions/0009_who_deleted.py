"""who said that something is gone.

Revision: 0009
Follows: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tombstone", recreate="auto") as batch:
        batch.add_column(sa.Column("said_by", sa.String(), nullable=False, server_default=""))
        batch.drop_constraint("pk_tombstone", type_="primary")
        batch.create_primary_key("pk_tombstone", ["uri", "said_by"])


def downgrade() -> None:
    op.execute("DELETE FROM tombstone WHERE said_by <> ''")
    with op.batch_alter_table("tombstone", recreate="auto") as batch:
        batch.drop_constraint("pk_tombstone", type_="primary")
        batch.create_primary_key("pk_tombstone", ["uri"])
        batch.drop_column("said_by")
