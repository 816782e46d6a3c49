"""attendance: who comes to our events.

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Events that are there keep saying what they said to other servers.
BEFORE = "external"


def upgrade() -> None:
    op.create_table(
        "attendance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("asked_at", hub.core.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answered_at", hub.core.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["actor.id"], name=op.f("fk_attendance_actor_id")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_attendance_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
        sa.UniqueConstraint("event_id", "actor_id", name=op.f("uq_attendance_event_id_actor_id")),
    )
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attendance_actor_id"), ["actor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attendance_uri"), ["uri"], unique=False)

    # The default stays: taking it away would copy the whole table on SQLite.
    op.add_column("event", sa.Column("joining", sa.String(), nullable=False, server_default=BEFORE))
    _series_go_on_as_before()


def _series_go_on_as_before() -> None:
    """Later dates of a series come along as its earlier ones do."""
    series = sa.table("series", sa.column("id", sa.Uuid()), sa.column("draft", sa.JSON()))
    connection = op.get_bind()
    for id_, draft in connection.execute(sa.select(series.c.id, series.c.draft)).all():
        draft["event"]["joining"] = BEFORE
        connection.execute(sa.update(series).where(series.c.id == id_).values(draft=draft))


def downgrade() -> None:
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attendance_uri"))
        batch_op.drop_index(batch_op.f("ix_attendance_actor_id"))

    op.drop_table("attendance")
    op.drop_column("event", "joining")
