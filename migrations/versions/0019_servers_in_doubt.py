"""servers in doubt: those that failed when last asked, or never were, found among all that wait.

Revision: 0019
Follows: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DOUBTFUL = sa.text("(failures > 0 OR last_delivered_at IS NULL)")


def upgrade() -> None:
    op.create_index(
        "ix_peer_doubtful_due", "peer", ["run_at"], sqlite_where=DOUBTFUL, postgresql_where=DOUBTFUL
    )


def downgrade() -> None:
    op.drop_index("ix_peer_doubtful_due", table_name="peer")
