"""news: articles, and consent for their pictures.

Revision: 0014
Follows: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["entry.id"], name=op.f("fk_article_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("picture", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ticked_at", hub.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name=op.f("fk_consent_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_entry_id"), "consent", ["entry_id"])


def downgrade() -> None:
    op.drop_table("consent")
    op.drop_table("article")
    _forget_news()


def _forget_news() -> None:
    """An older hub knows no such kind, and could not show its lists."""
    entry = sa.table("entry", sa.column("id"), sa.column("kind"))
    news = sa.select(entry.c.id).where(entry.c.kind == "article")
    for name in ("reply", "reaction", "quote"):
        table = sa.table(name, sa.column("entry_id"))
        op.execute(sa.delete(table).where(table.c.entry_id.in_(news)))
    op.execute(sa.delete(entry).where(entry.c.kind == "article"))
