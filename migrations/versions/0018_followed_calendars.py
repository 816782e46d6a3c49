"""followed calendars: those of others that this hub keeps up with.

Revision: 0018
Follows: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "followed_calendar",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("validators", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        sa.Column("last_run_at", MOMENT, nullable=True),
        sa.Column("succeeded_at", MOMENT, nullable=True),
        sa.Column("next_run_at", MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_followed_calendar_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_followed_calendar")),
        sa.UniqueConstraint("url", name=op.f("uq_followed_calendar_url")),
    )
    op.create_index(op.f("ix_followed_calendar_next_run_at"), "followed_calendar", ["next_run_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_followed_calendar_next_run_at"), table_name="followed_calendar")
    op.drop_table("followed_calendar")
