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
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.drop_index("ix_entry_list")
        batch_op.drop_index("ix_entry_relevant")
        batch_op.create_index(
            "ix_entry_list", ["kind", "happens_at", "id", "relevant_until"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("entry", schema=None) as batch_op:
        batch_op.drop_column("counted")
        batch_op.drop_index("ix_entry_list")
        batch_op.create_index("ix_entry_relevant", ["kind", "relevant_until"], unique=False)
        batch_op.create_index("ix_entry_list", ["kind", "happens_at"], unique=False)
