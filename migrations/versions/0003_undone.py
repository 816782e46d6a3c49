"""what was undone before it came; every reaction by its own id.

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ONE_OF_A_KIND = "uq_reaction_entry_id_actor_uri_kind"


def upgrade() -> None:
    op.create_table(
        "undone",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("undone_at", hub.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_undone")),
    )
    with op.batch_alter_table("undone", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_undone_undone_at"), ["undone_at"], unique=False)
    with op.batch_alter_table("reaction", schema=None) as batch_op:
        batch_op.drop_constraint(ONE_OF_A_KIND, type_="unique")
        batch_op.create_index("ix_reaction_entry", ["entry_id", "kind", "actor_uri"], unique=False)


def downgrade() -> None:
    op.execute(
        "DELETE FROM reaction WHERE EXISTS (SELECT 1 FROM reaction AS other WHERE"
        " other.entry_id = reaction.entry_id AND other.actor_uri = reaction.actor_uri"
        " AND other.kind = reaction.kind AND other.id < reaction.id)"
    )
    with op.batch_alter_table("reaction", schema=None) as batch_op:
        batch_op.drop_index("ix_reaction_entry")
        batch_op.create_unique_constraint(ONE_OF_A_KIND, ["entry_id", "actor_uri", "kind"])
    with op.batch_alter_table("undone", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_undone_undone_at"))
    op.drop_table("undone")
