"""matches, what both sides say, loans.

Revision: 0016
Follows: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "listing_term",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("want", sa.Boolean(), nullable=False),
        sa.Column("local", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_listing_term_listing_id_listing")
        ),
        sa.PrimaryKeyConstraint("listing_id", "term", name=op.f("pk_listing_term")),
    )
    op.create_index("ix_listing_term_found", "listing_term", ["term", "want", "at"])
    op.create_table(
        "listing_match",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("want_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("offer_reasons", sa.JSON(), nullable=False),
        sa.Column("want_reasons", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=True),
        sa.Column("agreed_at", MOMENT, nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["listing.id"], name=op.f("fk_listing_match_offer_id_listing")
        ),
        sa.ForeignKeyConstraint(
            ["want_id"], ["listing.id"], name=op.f("fk_listing_match_want_id_listing")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["reply.id"],
            name=op.f("fk_listing_match_request_id_reply"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_match")),
        sa.UniqueConstraint("offer_id", "want_id", name=op.f("uq_listing_match_offer_id_want_id")),
    )
    op.create_index(op.f("ix_listing_match_want_id"), "listing_match", ["want_id"])
    op.create_table(
        "match_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("said_at", MOMENT, nullable=False),
        sa.Column("reported_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["match_id"], ["listing_match.id"], name=op.f("fk_match_message_match_id_listing_match")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_message")),
    )
    op.create_index("ix_match_message_read", "match_message", ["match_id", "said_at"])
    op.create_index(op.f("ix_match_message_reported_at"), "match_message", ["reported_at"])
    op.create_table(
        "loan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("match_id", sa.Uuid(), nullable=True),
        sa.Column("borrower", sa.String(), nullable=False),
        sa.Column("lent_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("reminded_at", MOMENT, nullable=True),
        sa.Column("overdue_at", MOMENT, nullable=True),
        sa.Column("returned_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listing.id"], name=op.f("fk_loan_listing_id_listing")
        ),
        sa.ForeignKeyConstraint(
            ["match_id"], ["listing_match.id"], name=op.f("fk_loan_match_id_listing_match")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan")),
    )
    for column in ("listing_id", "match_id", "returned_at"):
        op.create_index(op.f(f"ix_loan_{column}"), "loan", [column])


def downgrade() -> None:
    op.drop_table("loan")
    op.drop_table("match_message")
    op.drop_table("listing_match")
    op.drop_table("listing_term")
