"""spots: what lies in a piece of the map is found by an index.

Revision: 0025
Follows: 0024
"""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_entry_spot", "entry", ["latitude", "longitude"])


def downgrade() -> None:
    op.drop_index("ix_entry_spot", "entry")
