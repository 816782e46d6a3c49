"""reading fast: lists in order, objects with numbers.

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "entry", sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.drop_index("ix_entry_list", "entry")
    op.drop_index("ix_entry_relevant", "entry")
    op.create_index("ix_entry_list", "entry", ["kind", "happens_at", "id", "relevant_until"])


def downgrade() -> None:
    op.drop_index("ix_entry_list", "entry")
    op.create_index("ix_entry_relevant", "entry", ["kind", "relevant_until"])
    op.create_index("ix_entry_list", "entry", ["kind", "happens_at"])
    op.drop_column("entry", "counted")
