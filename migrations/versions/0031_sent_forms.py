"""sent_forms: forms that had their effect, so that one that comes twice has it once.

Revision: 0031
Follows: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sent_form",
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_sent_form")),
    )
    op.create_index(op.f("ix_sent_form_created_at"), "sent_form", ["created_at"])
    op.add_column("person", sa.Column("language", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("person", "language")
    op.drop_table("sent_form")
