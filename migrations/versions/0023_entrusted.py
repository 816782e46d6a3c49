"""entrusted: which stewards see private wants, and who said so.

Revision: 0023
Follows: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0023"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("person", sa.Column("entrusted_at", MOMENT, nullable=True))
    op.create_table(
        "entrusting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_entrusting_person_id")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_entrusting_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entrusting")),
    )


def downgrade() -> None:
    op.drop_table("entrusting")
    op.drop_column("person", "entrusted_at")
