"""The index of words over all entries, the same on both databases (decision 0032).

`Entry.search_text` holds the words, folded by us: those of the title, a mark, all others, `#tags`,
and the place between two marks. The database keeps its index by it in the same transaction,
whoever writes: SQLite by triggers into the FTS5 table `entry_words`, whose rows have the entry's
`number`; PostgreSQL in the generated column `entry.search_vector`. Hits come newest first, since
numbers grow with time, so that asking for some of them costs the same for every word.

A question is words, each found by its beginning too; `"several words"` side by side; `-not`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    String,
    and_,
    cast,
    column,
    literal,
    literal_column,
    select,
    table,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from hub.core.text import fold, words
from hub.entries.models import Entry

LONGEST_QUESTION: Final = 200  # characters
MOST_WORDS: Final = 16  # of a question, all its parts together
LONGEST_TEXT: Final = 30_000
FEW: Final = 500  # hits that are looked at one by one
NEWEST: Final = 2**63 - 1  # no number is greater

TITLE = "\x1e"  # ends the title's words
MARK = "\x1f"  # stands on both sides of the place, and nowhere else

WORDS: Final = table("entry_words", column("rowid"))

_PART = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_QUOTES = str.maketrans(dict.fromkeys("“”„«»‟〝〞＂", '"'))


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand side by side; `open_end`: the last may go on."""

    words: tuple[str, ...]
    open_end: bool

    @property
    def pattern(self) -> str:
        """For LIKE; words have neither `%` nor `_` in them."""
        return f"% {' '.join(self.words)}{'' if self.open_end else ' '}%"


@dataclass(frozen=True, slots=True)
class Question:
    """What must occur, and what must not."""

    terms: tuple[Term, ...]
    without: tuple[Term, ...]

    def __bool__(self) -> bool:
        return bool(self.terms or self.without)


@lru_cache(maxsize=4)
def search_text(title: str, texts: tuple[str, ...], tags: tuple[str, ...], place: str) -> str:
    """What searches look into, for one entry; the dates of a series share theirs."""
    named, where = " ".join(words(title)), " ".join(words(place))
    rest = " ".join((*words(" ".join(texts)), *words(" ".join(tags)), where))[:LONGEST_TEXT]
    marked = " ".join(f"#{fold(tag)}" for tag in tags)
    return f" {named} {TITLE} {rest} {marked} {MARK}{where}{MARK}"


@lru_cache(maxsize=64)
def question(asked: str) -> Question:
    """What somebody asks for; anything can be asked."""
    terms: list[Term] = []
    without: list[Term] = []
    room = MOST_WORDS
    for minus, phrase, word in _PART.findall(asked[:LONGEST_QUESTION].translate(_QUOTES)):
        found = tuple(words(phrase or word))[:room]
        if found:
            room -= len(found)
            term = Term(found, open_end=not phrase and not minus)
            (without if minus else terms).append(term)
    return Question(tuple(terms), tuple(without))


def all_of(found: Sequence[str]) -> Question:
    """What asks for each of these words as it is; as `core.text.words` gives them."""
    return Question(tuple(Term((word,), open_end=False) for word in found), ())


def in_title(asked: Question) -> ColumnElement[bool]:
    """Whether all that is asked for stands in the title; said of `Entry`."""
    pattern = [f"{term.pattern}{TITLE}%" for term in asked.terms]
    return and_(true(), *(Entry.search_text.like(one) for one in pattern))


def has_tag(tag: str, entry: Any = Entry) -> ColumnElement[bool]:
    """Whether an entry bears this tag; `entry` may be an alias."""
    column: InstrumentedAttribute[str] = entry.search_text
    return column.contains(f" #{fold(tag.lstrip('#'))} ", autoescape=True)


def has_place(place: str, entry: Any = Entry) -> ColumnElement[bool]:
    """Whether the name of an entry's place has this in it; `entry` may be an alias."""
    column: InstrumentedAttribute[str] = entry.search_text
    return column.like(f"%{MARK}%{' '.join(words(place))}%{MARK}")


def hits(
    session: AsyncSession, asked: Question, *, below: int = NEWEST, most: int | None = None
) -> Select[Any]:
    """The numbers of the newest entries that answer, below a number; the greatest first.

    So many at the most; None means `FEW`.
    """
    most = FEW if most is None else most
    if asked.terms and _is_sqlite(session):
        matches = literal_column("entry_words").op("MATCH")(_fts5(asked))
        return _newest(WORDS.c.rowid, below, most).where(matches)
    if asked.terms:
        return _newest(Entry.number, below, most).where(_matches(asked))
    return _newest(Entry.number, below, most).where(*_walked(asked), Entry.search_text != "")


def _newest(number: Any, below: int, most: int) -> Select[Any]:
    return select(number.label("number")).where(number < below).order_by(number.desc()).limit(most)


def answers(asked: Question, entry: Any = Entry) -> ColumnElement[bool]:
    """The condition that an entry answers, as a look into its text: for few of them."""
    return and_(true(), *_walked(asked, entry))


async def narrowing(session: AsyncSession, asked: Question) -> tuple[ColumnElement[bool], bool]:
    """The condition that an entry answers, and whether only few do: then they are the way in.

    A list in an order of its own is walked while words are common, since soon enough have it; the
    few that have a rare one are named.
    """
    if not asked.terms:
        return answers(asked), False
    if not _is_sqlite(session):
        return _matches(asked), False  # PostgreSQL knows how common words are
    numbers = list(await session.scalars(hits(session, asked)))
    if len(numbers) == FEW:
        return answers(asked), False
    return Entry.number.in_(numbers), True


async def rebuild(session: AsyncSession) -> None:
    """Make the index anew from the texts of entries."""
    if _is_sqlite(session):
        await session.execute(text("INSERT INTO entry_words(entry_words) VALUES ('delete-all')"))
        await session.execute(
            text(
                "INSERT INTO entry_words(rowid, words) "
                "SELECT number, search_text FROM entry WHERE search_text != ''"
            )
        )
    else:
        await session.execute(text("REINDEX INDEX ix_entry_search_vector"))


def _is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _walked(asked: Question, entry: Any = Entry) -> list[ColumnElement[bool]]:
    """The question as a look into each text."""
    return [
        *(entry.search_text.like(term.pattern) for term in asked.terms),
        *(entry.search_text.not_like(term.pattern) for term in asked.without),
    ]


def _fts5(asked: Question) -> str:
    """The question in the language of FTS5; words hold letters, digits and marks alone."""
    terms = [f'"{" ".join(term.words)}"{"*" if term.open_end else ""}' for term in asked.terms]
    without = [f'"{" ".join(term.words)}"' for term in asked.without]
    return " NOT ".join((f"({' AND '.join(terms)})", *without))


def _matches(asked: Question) -> ColumnElement[bool]:
    """The question in the language of PostgreSQL's `tsquery`."""
    terms = [_side_by_side(term) for term in asked.terms]
    terms += [f"!({_side_by_side(term)})" for term in asked.without]
    query = cast(literal(" & ".join(terms), String()), TSQUERY)
    return literal_column("entry.search_vector", Boolean()).op("@@", return_type=Boolean())(query)


def _side_by_side(term: Term) -> str:
    return " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.open_end else "")
