"""entrusted: which stewards see private wants, and who said so; hashtags of what others say.

Revision: 0023
Follows: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0023"
down_revision = "0022"
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
    op.create_table(
        "reply_tag",
        sa.Column("reply_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reply_id"], ["reply.id"], name=op.f("fk_reply_tag_reply_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reply_id", "tag", name=op.f("pk_reply_tag")),
    )
    op.create_index(op.f("ix_reply_tag_tag"), "reply_tag", ["tag"])


def downgrade() -> None:
    op.drop_table("reply_tag")
    op.drop_table("entrusting")
    op.drop_column("person", "entrusted_at")
