"""other hubs: what they published before, what several of them tell of, what they call things.

Revision: 0026
Follows: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.core.db import UTCDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = UTCDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("entry", sa.Column("licence", sa.String(), server_default="", nullable=False))
    op.add_column("entry", sa.Column("heard_at", MOMENT, nullable=True))
    op.add_column("peer", sa.Column("lost_at", MOMENT, nullable=True))
    op.create_table(
        "backfill",
        sa.Column("follow_id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("page", sa.String(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["follow_id"], ["follow.id"], name=op.f("fk_backfill_follow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("follow_id", name=op.f("pk_backfill")),
    )

    op.create_table(
        "merged",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entry.id"], name=op.f("fk_merged_entry_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_merged")),
    )
    op.create_index(op.f("ix_merged_group_id"), "merged", ["group_id"])
    op.create_table(
        "apart",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entry.id"], name=op.f("fk_apart_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["entry.id"], name=op.f("fk_apart_other_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", "other_id", name=op.f("pk_apart")),
    )
    op.create_index(op.f("ix_apart_other_id"), "apart", ["other_id"])

    op.create_table(
        "category",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("host", "word", name=op.f("pk_category")),
    )


def downgrade() -> None:
    op.drop_table("category")
    op.drop_table("apart")
    op.drop_table("merged")
    op.drop_table("backfill")
    op.drop_column("peer", "lost_at")
    op.drop_column("entry", "heard_at")
    op.drop_column("entry", "licence")
