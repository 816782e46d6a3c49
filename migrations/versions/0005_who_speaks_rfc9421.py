"""Which servers speak RFC 9421, and what each inbound activity was signed with.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("peer", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("rfc9421_at", hub.core.db.UTCDateTime(timezone=True), nullable=True)
        )
    with op.batch_alter_table("inbox_activity", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scheme", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("inbox_activity", "scheme")
    op.drop_column("peer", "rfc9421_at")
