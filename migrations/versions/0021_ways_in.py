"""further ways in: passkeys, accounts at other servers, and what was begun.

Revision: 0021
Follows: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.core.db import UTCDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

MOMENT = UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_passkey_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
    )
    op.create_index(op.f("ix_passkey_person_id"), "passkey", ["person_id"])
    op.create_table(
        "mastodon_account",
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("handle", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_mastodon_account_person_id")
        ),
        sa.PrimaryKeyConstraint("actor", name=op.f("pk_mastodon_account")),
    )
    op.create_index(
        op.f("ix_mastodon_account_person_id"), "mastodon_account", ["person_id"], unique=True
    )
    op.create_table(
        "mastodon_app",
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("home", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("pkce", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("server", name=op.f("pk_mastodon_app")),
    )
    op.create_index(op.f("ix_mastodon_app_created_at"), "mastodon_app", ["created_at"])
    op.create_table(
        "begun",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_begun_person_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_begun")),
    )
    op.create_index(op.f("ix_begun_person_id"), "begun", ["person_id"])
    op.create_index(op.f("ix_begun_expires_at"), "begun", ["expires_at"])


def downgrade() -> None:
    for table in ("begun", "mastodon_app", "mastodon_account", "passkey"):
        op.drop_table(table)
