"""coming along: guests without an account, what they bring, and facts about getting in.

Revision: 0017
Follows: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The defaults stay: taking them away would copy the whole table on SQLite.
    op.add_column(
        "event", sa.Column("access_facts", sa.JSON(), nullable=False, server_default="{}")
    )
    op.add_column("event", sa.Column("bring", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.alter_column("actor_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.add_column(sa.Column("person_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("email", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("name", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("people", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("brings", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("secret", sa.String(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_attendance_person_id"), "person", ["person_id"], ["id"]
        )
        batch_op.create_unique_constraint(
            op.f("uq_attendance_event_id_person_id"), ["event_id", "person_id"]
        )
        batch_op.create_unique_constraint(
            op.f("uq_attendance_event_id_email"), ["event_id", "email"]
        )
        batch_op.create_index(batch_op.f("ix_attendance_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attendance_secret"), ["secret"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM attendance WHERE actor_id IS NULL")
    with op.batch_alter_table("attendance", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attendance_secret"))
        batch_op.drop_index(batch_op.f("ix_attendance_person_id"))
        batch_op.drop_constraint(op.f("uq_attendance_event_id_email"), type_="unique")
        batch_op.drop_constraint(op.f("uq_attendance_event_id_person_id"), type_="unique")
        batch_op.drop_constraint(op.f("fk_attendance_person_id"), type_="foreignkey")
        for name in ("secret", "brings", "people", "name", "email", "person_id"):
            batch_op.drop_column(name)
        batch_op.alter_column("actor_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_column("event", "bring")
    op.drop_column("event", "access_facts")
