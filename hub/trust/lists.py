"""Lists of servers as files: Mastodon's tables, plain names, and what our API answers.

Pure: no session, no network.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from hub.core.errors import Invalid, TooBig
from hub.core.text import tidy
from hub.core.words import later
from hub.fediverse.peers import host_of
from hub.fediverse.rulings import ALLOWED, BLOCKED, OPEN, SILENCED, Standing, Word

MOST: Final = 5000  # names in one list; the longest that are handed around have some 2,000
LONGEST_BYTES: Final = 900_000
LONGEST_COMMENT: Final = 500
COLUMNS: Final = (
    "#domain", "#severity", "#reject_media", "#reject_reports", "#public_comment", "#obfuscate"
)  # fmt: skip
_NAMES: Final = tuple(name[1:] for name in COLUMNS)
SEVERITIES: Final[Mapping[str, Standing]] = {
    "suspend": BLOCKED,
    "silence": SILENCED,
    "limit": SILENCED,
    "noop": OPEN,
    "none": OPEN,
    "allow": ALLOWED,
    **{each: each for each in (OPEN, ALLOWED, SILENCED, BLOCKED)},
}
_SAYS: Final[Mapping[Standing, str]] = {
    BLOCKED: "suspend",
    SILENCED: "silence",
    OPEN: "noop",
    ALLOWED: "allow",
}
_YES: Final = frozenset({"true", "1", "yes", "t"})
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run (SECURITY F8)
_BOM: Final = "\ufeff"

NOT_READABLE: Final = later(
    "This is no list of servers: it takes a name on each line, or a table as Mastodon saves it."
)
HIDDEN: Final = later("part of the name is hidden, so nobody knows which server is meant")
NO_NAME: Final = later("this is not the name of a server")
UNKNOWN: Final = later("it does not say whether to block, silence or allow")


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not understood; `why` is a message for `|said`."""

    line: int
    text: str
    why: str


@dataclass(slots=True)
class Read:
    """What a file says: words, one of each name, and the lines that say nothing."""

    words: list[Word] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read(data: bytes, standing: Standing) -> Read:
    """What a file says; where it says only names, they stand as `standing`.

    Raises:
        Invalid: it is no such list, or says nothing.
        TooBig: it has too many names, or bytes.
    """
    if len(data) > LONGEST_BYTES:
        raise TooBig("A list of servers has at most 900 kB.")
    try:
        text = data.decode().removeprefix(_BOM)
    except UnicodeDecodeError:
        raise Invalid(NOT_READABLE) from None
    found, words = Read(), dict[str, Word]()
    for line, row in _rows(text):
        word = _word(row, standing)
        if isinstance(word, Word):
            words[word.host] = _stronger(words.get(word.host), word)
        else:
            found.refused.append(Refused(line, str(row.get("domain") or "")[:100], word))
        if len(words) > MOST:
            raise TooBig("A list of servers has at most 5,000 names.")
    found.words = sorted(words.values(), key=lambda word: word.host)
    if not found.words and not found.refused:
        raise Invalid(NOT_READABLE)
    return found


def _rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines with their numbers, by the names of Mastodon's columns."""
    head = text.lstrip()[:1]
    if head in {"{", "["}:
        yield from _json(text)
        return
    first = text.partition("\n")[0].strip().lower()
    named = [name.strip().lstrip("#") for name in first.split(",")]
    if named[0] in {"domain", "host"}:
        named[0] = "domain"
        lines = csv.reader(io.StringIO(text, newline=""))
        try:
            next(lines)
            for cells in lines:
                if any(cells):
                    yield lines.line_num, dict(zip(named, cells, strict=False))
        except csv.Error:
            raise Invalid(NOT_READABLE) from None
        return
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.partition("#")[0].split(",")]
        if cells[0]:
            yield number, dict(zip(_NAMES, cells, strict=False))


def _json(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Invalid(NOT_READABLE) from None
    items = said.get("items") if isinstance(said, dict) else said
    if not isinstance(items, list):
        raise Invalid(NOT_READABLE)
    for number, item in enumerate(items, 1):
        row = item if isinstance(item, dict) else {"host": item}
        yield (
            number,
            {
                "domain": row.get("host"),
                "severity": row.get("standing"),
                "public_comment": row.get("comment"),
                **{name: row.get(name) for name in ("reject_media", "reject_reports", "obfuscate")},
            },
        )


def _word(row: Mapping[str, Any], standing: Standing) -> Word | str:
    """What a line says, or why it says nothing."""
    name = str(row.get("domain") or "").strip().removeprefix("*.")
    if "*" in name:
        return HIDDEN
    try:
        host = host_of(name)
    except Invalid:
        return NO_NAME
    said = str(row.get("severity") or "").strip().lower()
    if said and said not in SEVERITIES:
        return UNKNOWN
    comment = tidy(str(row.get("public_comment") or ""))
    if comment[:1] == "'" and comment[1:2] in _FORMULA:
        comment = comment[1:]
    return Word(
        host,
        SEVERITIES[said] if said else standing,
        reject_media=_yes(row.get("reject_media")),
        reject_reports=_yes(row.get("reject_reports")),
        comment=comment[:LONGEST_COMMENT],
        obfuscate=_yes(row.get("obfuscate")),
    )


def _yes(value: object) -> bool:
    return str(value or "").strip().lower() in _YES


STRENGTH: Final[Mapping[str, int]] = {ALLOWED: 0, OPEN: 1, SILENCED: 2, BLOCKED: 3}


def _stronger(one: Word | None, other: Word) -> Word:
    """Of two words about the same name, the one that lets less in."""
    if one is None or STRENGTH[other.standing] > STRENGTH[one.standing]:
        return other
    return one


def table(words: Iterable[Word]) -> str:
    """Words as Mastodon saves and reads them; who is allowed is on a list of its own there."""
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(COLUMNS)
    for word in words:
        flags = (word.reject_media, word.reject_reports)
        comment = f"'{word.comment}" if word.comment.startswith(_FORMULA) else word.comment
        lines.writerow(
            (word.host, _SAYS[word.standing], *map(_flag, flags), comment, _flag(word.obfuscate))
        )
    return out.getvalue()


def names(words: Iterable[Word]) -> str:
    """The names alone, as Mastodon saves whom it allows."""
    return "\n".join(("#domain", *(word.host for word in words), ""))


def _flag(value: bool) -> str:
    return "true" if value else "false"
