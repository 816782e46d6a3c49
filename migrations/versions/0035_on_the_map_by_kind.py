"""spots by kind: what has no place on the map is found among its own kind.

Revision: 0035
Follows: 0034
"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None
works_with = "0034"


def upgrade() -> None:
    # The new one first: until it is there, the version before goes on by the old one.
    op.create_index("ix_entry_on_map", "entry", ["latitude", "longitude", "kind"])
    op.drop_index("ix_entry_spot", "entry")


def downgrade() -> None:
    op.create_index("ix_entry_spot", "entry", ["latitude", "longitude"])
    op.drop_index("ix_entry_on_map", "entry")
