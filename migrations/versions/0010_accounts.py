"""accounts with e-mail, letters, notices.

Revision: 0010
Follows: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.core.db import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("sent_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("given_up_at", UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index("ix_mail_waiting", "mail", ["sent_at", "given_up_at", "created_at"])
    op.create_table(
        "told",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("told_at", UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_told_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told")),
    )
    op.create_index("ix_told_waiting", "told", ["person_id", "told_at"])
    # Not as a batch: that would make the table anew, to which others refer.
    op.add_column("person", sa.Column("email", sa.String(), nullable=True))
    op.add_column("person", sa.Column("notices", sa.String(), nullable=False, server_default="now"))
    op.add_column("person", sa.Column("stop_secret", sa.String(), nullable=True))
    op.create_index("ix_person_email", "person", ["email"], unique=True)
    op.create_index("ix_person_stop_secret", "person", ["stop_secret"], unique=True)
    with op.batch_alter_table("sign_in_link") as batch:
        batch.add_column(sa.Column("email", sa.String(), nullable=True))
        batch.add_column(sa.Column("uses_left", sa.Integer(), nullable=False, server_default="1"))
        batch.add_column(sa.Column("made_by", sa.Uuid(), nullable=True))
        batch.create_foreign_key(op.f("fk_sign_in_link_made_by"), "person", ["made_by"], ["id"])
    op.execute(sa.text("UPDATE sign_in_link SET uses_left = 0 WHERE used_at IS NOT NULL"))
    with op.batch_alter_table("session") as batch:
        batch.add_column(sa.Column("role", sa.String(), nullable=True))
        batch.add_column(sa.Column("device", sa.String(), nullable=False, server_default=""))
        batch.add_column(sa.Column("last_used_at", UTCDateTime(timezone=True), nullable=True))
    op.execute(sa.text("UPDATE session SET last_used_at = created_at"))
    with op.batch_alter_table("session") as batch:
        batch.alter_column("last_used_at", existing_type=UTCDateTime(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("session") as batch:
        batch.drop_column("last_used_at")
        batch.drop_column("device")
        batch.drop_column("role")
    with op.batch_alter_table("sign_in_link") as batch:
        batch.drop_constraint(op.f("fk_sign_in_link_made_by"), type_="foreignkey")
        batch.drop_column("made_by")
        batch.drop_column("uses_left")
        batch.drop_column("email")
    op.drop_index("ix_person_stop_secret", "person")
    op.drop_index("ix_person_email", "person")
    for name in ("stop_secret", "notices", "email"):
        op.drop_column("person", name)
    op.drop_table("told")
    op.drop_table("mail")
