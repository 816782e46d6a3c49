"""Newer versions of the hub, as its tables go: this code with further migrations."""

from __future__ import annotations

import shutil
from pathlib import Path

from hub import schema
from tests.processes import ROOT

WIDER, NARROWER = "9001", "9002"

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = {number!r}, {before!r}, None, None
works_with = {works_with!r}


def upgrade():
    op.add_column("entry", sa.Column("colour_{number}", sa.String(), nullable=True))
    op.create_table("shade", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table("shade")
    op.drop_column("entry", "colour_{number}")
"""
NARROWS = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = {number!r}, {before!r}, None, None
works_with = {works_with!r}


def upgrade():
    op.drop_table("shade")


def downgrade():
    op.create_table("shade", sa.Column("id", sa.Integer(), primary_key=True))
"""


def newer(place: Path, *, narrows: bool = False) -> Path:
    """A folder with the code of the next version; `narrows`: of the one after, which needs more.

    The first only adds to the tables; the second no longer works beside today's.
    """
    shutil.copytree(ROOT / "migrations", place / "hub" / "migrations")
    for path in (ROOT / "hub").iterdir():
        (place / "hub" / path.name).symlink_to(path)
    (place / "federation").symlink_to(ROOT / "federation")
    today = schema.newest()
    written = [(WIDER, today, today, MIGRATION)]
    if narrows:
        written.append((NARROWER, WIDER, WIDER, NARROWS))
    for number, before, works_with, text in written:
        path = place / "hub" / "migrations" / "versions" / f"{number}_rig.py"
        said = text.format(number=number, before=before, works_with=works_with)
        path.write_text(f'"""A migration of a version to come."""{said}')
    return place
