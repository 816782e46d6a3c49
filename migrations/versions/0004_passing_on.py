"""passing on.

Revision: 0004
Follows: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "announcement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("object_uri", sa.String(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("activity", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("said_at", MOMENT, nullable=True),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["actor.id"], name=op.f("fk_announcement_actor_id_actor")
        ),
        sa.ForeignKeyConstraint(
            ["author_id"], ["actor.id"], name=op.f("fk_announcement_author_id_actor")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
        sa.UniqueConstraint(
            "actor_id", "object_uri", name=op.f("uq_announcement_actor_id_object_uri")
        ),
        sa.UniqueConstraint("uri", name=op.f("uq_announcement_uri")),
    )
    with op.batch_alter_table("announcement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_announcement_author_id"), ["author_id"])
        batch_op.create_index(batch_op.f("ix_announcement_object_uri"), ["object_uri"])
    op.create_table(
        "quote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("quoting", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["actor.id"], name=op.f("fk_quote_author_id_actor")),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_quote_entry_id_entry")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
        sa.UniqueConstraint("uri", name=op.f("uq_quote_uri")),
    )
    with op.batch_alter_table("quote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quote_author_id"), ["author_id"])
        batch_op.create_index("ix_quote_entry", ["entry_id", "quoting"])
    op.add_column("outbox_activity", sa.Column("from_host", sa.String(), nullable=True))
    op.add_column("entry", sa.Column("passed_at", MOMENT, nullable=True))
    op.add_column("actor", sa.Column("moved_to", sa.String(), nullable=True))
    op.add_column("actor", sa.Column("moved_at", MOMENT, nullable=True))
    op.create_index(op.f("ix_actor_moved_to"), "actor", ["moved_to"])


def downgrade() -> None:
    op.drop_index(op.f("ix_actor_moved_to"), "actor")
    op.drop_column("actor", "moved_at")
    op.drop_column("actor", "moved_to")
    op.drop_column("entry", "passed_at")
    op.drop_column("outbox_activity", "from_host")
    op.drop_table("quote")
    op.drop_table("announcement")
