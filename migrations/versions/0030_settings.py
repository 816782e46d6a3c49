"""settings that stewards choose in the browser, and who changed which.

Revision: 0030
Follows: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "setting",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "setting_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["by_id"], ["person.id"], name=op.f("fk_setting_change_by_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_change")),
    )
    # A hub that has stewards was set up long ago: nobody is led through it once more.
    op.execute(
        "INSERT INTO fact (name, value) SELECT 'setup', '[\"done\"]' "
        "WHERE EXISTS (SELECT 1 FROM person WHERE role = 'steward')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM fact WHERE name = 'setup'")
    op.drop_table("setting_change")
    op.drop_table("setting")
