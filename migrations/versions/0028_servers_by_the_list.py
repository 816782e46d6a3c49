"""servers by the list: what is said of servers' names stands apart; the book of acts.

Revision: 0028
Follows: 0027
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import hub.core.db

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MOMENT = hub.core.db.UTCDateTime(timezone=True)
PORT = re.compile(r":\d+$")
RULING = sa.table(
    "ruling",
    sa.column("host", sa.String()),
    sa.column("standing", sa.String()),
    sa.column("reject_media", sa.Boolean()),
    sa.column("reject_reports", sa.Boolean()),
    sa.column("comment", sa.String()),
    sa.column("obfuscate", sa.Boolean()),
    sa.column("at", MOMENT),
)
PEER = sa.table(
    "peer",
    sa.column("host", sa.String()),
    sa.column("standing", sa.String()),
    sa.column("failures", sa.Integer()),
    sa.column("fence", sa.Integer()),
    sa.column("first_seen_at", MOMENT),
)
ACTOR = sa.table("actor", sa.column("authority", sa.String()), sa.column("local", sa.Boolean()))


def upgrade() -> None:
    op.create_table(
        "ruling",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("reject_media", sa.Boolean(), nullable=False),
        sa.Column("reject_reports", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("obfuscate", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_ruling")),
    )
    op.create_table(
        "server_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", MOMENT, nullable=True),
        sa.Column("undone_at", MOMENT, nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("follows", sa.JSON(), nullable=False),
        sa.Column("replies", sa.JSON(), nullable=False),
        sa.Column("mail", sa.Integer(), nullable=False),
        sa.Column("taken_back", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_server_list_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_list")),
    )
    op.create_table(
        "act",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index(op.f("ix_act_by_id"), "act", ["by_id"])
    op.create_index(op.f("ix_act_deed"), "act", ["deed"])
    op.add_column(
        "peer",
        sa.Column("no_pictures", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    _say_it_of_names()


def _say_it_of_names() -> None:
    """What was said of servers becomes rulings; every server that has somebody here has a row."""
    database = op.get_bind()
    moment = datetime.now(UTC)
    said = dict(
        database.execute(
            sa.select(PEER.c.host, PEER.c.standing).where(PEER.c.standing != "open")
        ).all()
    )
    rulings = [
        {
            "host": host,
            "standing": standing,
            "reject_media": False,
            "reject_reports": False,
            "comment": "",
            "obfuscate": False,
            "at": moment,
        }
        for host, standing in said.items()
    ]
    if rulings:
        database.execute(RULING.insert(), rulings)
    known = set(database.scalars(sa.select(PEER.c.host)))
    there = database.scalars(
        sa.select(ACTOR.c.authority).where(ACTOR.c.local.is_(False)).distinct()
    )
    new = [
        {
            "host": host,
            "standing": "open",
            "failures": 0,
            "fence": 0,
            "first_seen_at": moment,
        }
        for host in set(there) - known
    ]
    if new:
        database.execute(PEER.insert(), new)
    for host in known | {row["host"] for row in new} if said else ():
        standing = next((said[name] for name in _names(str(host)) if name in said), "open")
        if standing != "open" and host not in said:
            database.execute(PEER.update().where(PEER.c.host == host).values(standing=standing))


def _names(host: str) -> list[str]:
    """The server's name and those above it, the nearest first; each with its port, then without."""
    port = found[0] if (found := PORT.search(host)) else ""
    labels = host.removesuffix(port).split(".")
    above = [".".join(labels[at:]) for at in range(len(labels))]
    return [name + end for name in above for end in ((port, "") if port else ("",))]


def downgrade() -> None:
    database = op.get_bind()
    known = set(database.scalars(sa.select(PEER.c.host)))
    said = database.execute(
        sa.select(RULING.c.host, RULING.c.standing).where(
            RULING.c.standing.in_(("silenced", "blocked"))
        )
    ).all()
    moment = datetime.now(UTC)
    new = [
        {
            "host": host,
            "standing": standing,
            "failures": 0,
            "fence": 0,
            "first_seen_at": moment,
        }
        for host, standing in said
        if host not in known
    ]
    if new:
        database.execute(PEER.insert(), new)
    database.execute(PEER.update().where(PEER.c.standing == "allowed").values(standing="open"))
    op.drop_column("peer", "no_pictures")
    op.drop_table("act")
    op.execute(sa.text("DELETE FROM fact WHERE name IN ('audit log', 'federation')"))
    op.drop_table("server_list")
    op.drop_table("ruling")
