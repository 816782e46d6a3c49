"""searches that people keep, phones that are told, and how each sort of notice is.

Revision: 0022
Follows: 0021
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)

OF_PERSON: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "channels": (sa.JSON(), "{}"),
    "hushed": (sa.JSON(), "[]"),
    "quiet_from": (sa.Integer(), "1260"),
    "quiet_until": (sa.Integer(), "480"),
    "letter_place": (sa.String(), ""),
    "letter_near": (sa.JSON(), "[]"),
    "letter_within_m": (sa.Integer(), "5000"),
}


def upgrade() -> None:
    # Not as a batch: that would make the table anew, to which others refer.
    for name, (kind, default) in OF_PERSON.items():
        op.add_column("person", sa.Column(name, kind, nullable=False, server_default=default))
    op.create_table(
        "push_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_key")),
    )
    op.create_table(
        "push_subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_digest", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_digest"],
            ["session.digest"],
            name=op.f("fk_push_subscription_session_digest"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscription")),
        sa.UniqueConstraint("session_digest", name=op.f("uq_push_subscription_session_digest")),
        sa.UniqueConstraint("endpoint", name=op.f("uq_push_subscription_endpoint")),
    )
    op.create_table(
        "kept_search",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("looked_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_kept_search_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_search")),
        sa.UniqueConstraint(
            "person_id", "path", "query", name=op.f("uq_kept_search_person_id_path_query")
        ),
    )
    op.create_index("ix_kept_search_due", "kept_search", ["told", "looked_at"])
    op.create_table(
        "search_hit",
        sa.Column("search_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["kept_search.id"],
            name=op.f("fk_search_hit_search_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("search_id", "entry_id", name=op.f("pk_search_hit")),
    )
    quiet: sa.Column[bool] = sa.Column(
        "quiet", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("attendance", quiet)
    op.create_index("ix_entry_created_at", "entry", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_entry_created_at", table_name="entry")
    op.drop_column("attendance", "quiet")
    for table in ("search_hit", "kept_search", "push_subscription", "push_key"):
        op.drop_table(table)
    for name in reversed(OF_PERSON):
        op.drop_column("person", name)
