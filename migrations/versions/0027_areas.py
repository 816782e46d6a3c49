"""channels of areas, relays that we subscribed to, and the way by which entries came.

Revision: 0027
Follows: 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("within_m", sa.Integer(), nullable=False),
        sa.Column("created_at", hub.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["actor.id"], name=op.f("fk_area_actor_id")),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("pk_area")),
    )
    op.add_column("follow", sa.Column("relay", sa.String(), nullable=True))
    op.add_column("entry", sa.Column("via", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("entry", "via")
    op.drop_column("follow", "relay")
    op.drop_table("area")
