"""the directory: places and organisations, who says that one is theirs, and events that point there.

Revision: 0024
Follows: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)
KINDS = ("place", "organisation")


def upgrade() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("website", sa.String(), nullable=True),
        sa.Column("links", sa.JSON(), nullable=False),
        sa.Column("opening_hours", sa.String(), nullable=False),
        sa.Column("access_facts", sa.JSON(), nullable=False),
        sa.Column("has", sa.JSON(), nullable=False),
        sa.Column("lacks", sa.JSON(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("asked_digest", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["entry.id"], name=op.f("fk_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
    )
    op.create_index(op.f("ix_record_asked_digest"), "record", ["asked_digest"])
    op.create_table(
        "claim",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_claim_record_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_claim_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("record_id", "person_id", name=op.f("uq_claim_record_id_person_id")),
    )
    op.create_index(op.f("ix_claim_person_id"), "claim", ["person_id"])
    op.create_index(op.f("ix_claim_digest"), "claim", ["digest"])
    # Not as a batch: that would make the table anew, to which others refer.
    for name in ("place_id", "organiser_id"):
        op.add_column("event", sa.Column(name, sa.Uuid(), nullable=True))
    for name in ("place_uri", "organiser_uri"):
        op.add_column("event", sa.Column(name, sa.String(), nullable=True))
        op.create_index(f"ix_event_{name}", "event", [name])


def downgrade() -> None:
    for name in ("place_uri", "organiser_uri"):
        op.drop_index(f"ix_event_{name}", table_name="event")
    for name in ("place_id", "organiser_id", "place_uri", "organiser_uri"):
        op.drop_column("event", name)
    op.drop_table("claim")
    op.drop_table("record")
    _forget_records()


def _forget_records() -> None:
    """An older hub knows no such kinds, and could not show its lists."""
    entry = sa.table("entry", sa.column("id"), sa.column("kind"))
    records = sa.select(entry.c.id).where(entry.c.kind.in_(KINDS))
    for name in ("reply", "reaction", "quote", "search_hit", "import_change", "imported_item"):
        table = sa.table(name, sa.column("entry_id"))
        op.execute(sa.delete(table).where(table.c.entry_id.in_(records)))
    op.execute(sa.delete(entry).where(entry.c.kind.in_(KINDS)))
