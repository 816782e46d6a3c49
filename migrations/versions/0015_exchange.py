"""sorts of wants, loans, letters to owners.

Revision: 0015
Follows: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("listing", sa.Column("sort", sa.String(), nullable=False, server_default="plain"))
    op.add_column("listing", sa.Column("read_by", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "entry", sa.Column("own_box", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.add_column(sa.Column("person_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("reported_at", MOMENT, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_reply_person_id_person"), "person", ["person_id"], ["id"]
        )
        batch_op.create_index(batch_op.f("ix_reply_person_id"), ["person_id"])
    op.create_table(
        "listing_backer",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_listing_backer_listing_id_listing")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_listing_backer_person_id_person")
        ),
        sa.PrimaryKeyConstraint("listing_id", "person_id", name=op.f("pk_listing_backer")),
    )


def downgrade() -> None:
    op.drop_table("listing_backer")
    with op.batch_alter_table("reply", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reply_person_id"))
        batch_op.drop_constraint(batch_op.f("fk_reply_person_id_person"), type_="foreignkey")
        batch_op.drop_column("reported_at")
        batch_op.drop_column("person_id")
    op.drop_column("entry", "own_box")
    op.drop_column("listing", "read_by")
    op.drop_column("listing", "sort")
