"""leaving: when clocks ran; what somebody takes along, and how far their taking back is.

Revision: 0029
Follows: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "clock_run",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ran_at", MOMENT, nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_clock_run")),
    )
    op.create_table(
        "parcel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("made_at", MOMENT, nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_parcel_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcel")),
    )
    op.create_index(op.f("ix_parcel_person_id"), "parcel", ["person_id"])
    op.create_table(
        "farewell",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("left_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_farewell")),
    )
    op.create_table(
        "farewell_thing",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"],
            ["farewell.digest"],
            name=op.f("fk_farewell_thing_digest"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", "uri", name=op.f("pk_farewell_thing")),
    )


def downgrade() -> None:
    op.drop_table("farewell_thing")
    op.drop_table("farewell")
    op.drop_index(op.f("ix_parcel_person_id"), table_name="parcel")
    op.drop_table("parcel")
    op.drop_table("clock_run")
