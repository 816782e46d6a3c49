"""search: an index of words over all entries.

Revision: 0013
Follows: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.entries.models import Entry, numbered
from hub.entries.search import search_text

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

# `search_text` carries three signs that part words as spaces do: two marks, and `#` of tags.
SIGNS = r"[ #\x1e\x1f]+"
WORDS = """
CREATE FUNCTION hub_words(search_text text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
  SELECT coalesce(string_agg(quote_literal(word) || ':' || least(place, 16383), ' '), '')::tsvector
  FROM regexp_split_to_table(search_text, '{signs}') WITH ORDINALITY AS split(word, place)
  WHERE word != '' AND word !~ '[\\\\'']'
$$
"""
TRIGGERS = (
    """
CREATE TRIGGER entry_words_come AFTER INSERT ON entry WHEN new.search_text != '' BEGIN
  INSERT INTO entry_words(rowid, words) VALUES (new.number, new.search_text);
END
""",
    """
CREATE TRIGGER entry_words_change AFTER UPDATE OF number, search_text ON entry
WHEN old.search_text != new.search_text OR old.number != new.number BEGIN
  INSERT INTO entry_words(entry_words, rowid, words)
    SELECT 'delete', old.number, old.search_text WHERE old.search_text != '';
  INSERT INTO entry_words(rowid, words)
    SELECT new.number, new.search_text WHERE new.search_text != '';
END
""",
    """
CREATE TRIGGER entry_words_go AFTER DELETE ON entry WHEN old.search_text != '' BEGIN
  INSERT INTO entry_words(entry_words, rowid, words)
    VALUES ('delete', old.number, old.search_text);
END
""",
)


def upgrade() -> None:
    op.add_column("entry", sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"))
    _fill()
    op.create_index("ix_entry_number", "entry", ["number"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        # Words come folded and parted by spaces; this tokenizer leaves all beyond ASCII alone.
        op.execute(
            "CREATE VIRTUAL TABLE entry_words USING "
            "fts5(words, content='', tokenize='ascii', prefix='1 2 3 4 5')"
        )
        op.execute(
            "INSERT INTO entry_words(rowid, words) "
            "SELECT number, search_text FROM entry WHERE search_text != ''"
        )
        for trigger in TRIGGERS:
            op.execute(trigger)
        return
    op.execute(WORDS.format(signs=SIGNS))
    op.execute(
        "ALTER TABLE entry ADD COLUMN search_vector tsvector "
        "GENERATED ALWAYS AS (hub_words(search_text)) STORED"
    )
    # Without `fastupdate = off` each search would read what waits to be sorted in.
    op.execute(
        "CREATE INDEX ix_entry_search_vector ON entry USING gin (search_vector) "
        "WITH (fastupdate = off)"
    )


def _fill() -> None:
    """Number the entries in the order of time, and part their words as they are now looked for."""
    bind = op.get_bind()
    columns = (
        "id",
        "number",
        "title",
        "tags",
        "place",
        "search_text",
        "published_at",
        "created_at",
    )
    entry = sa.table("entry", *(sa.column(name, Entry.__table__.c[name].type) for name in columns))
    rows = bind.execute(sa.select(entry)).all()
    change = sa.update(entry).where(entry.c.id == sa.bindparam("entry_id"))
    for first in range(0, len(rows), 500):
        values = []
        for turn, row in enumerate(rows[first : first + 500], first):
            found = ""
            if row.search_text:
                texts = row.search_text.partition(" #")[0].partition("\x1f")[0]
                found = search_text(row.title, (texts,), tuple(row.tags), row.place)
            number = numbered(row.published_at or row.created_at, turn)
            values.append({"entry_id": row.id, "number": number, "search_text": found})
        bind.execute(change, values)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("come", "change", "go"):
            op.execute(f"DROP TRIGGER entry_words_{name}")
        op.execute("DROP TABLE entry_words")
    else:
        op.drop_column("entry", "search_vector")
        op.execute("DROP FUNCTION hub_words")
    op.drop_index("ix_entry_number", "entry")
    op.drop_column("entry", "number")
