"""the inbox log by the beginning of ids, so that what was sent about a thing is found at once.

SQLite's own index is in the order of bytes already; PostgreSQL's is in that of a language.

Revision: 0034
Follows: 0033
"""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None
works_with = "0033"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('CREATE INDEX ix_inbox_activity_uri_bytes ON inbox_activity (uri COLLATE "C")')


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_inbox_activity_uri_bytes")
