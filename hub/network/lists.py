"""A list of hubs as somebody hands it on: lines, a table, or an OPML file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from hub.core.errors import Invalid
from hub.core.words import filled

MOST: Final = 50  # hubs that are looked up at once
_BETWEEN: Final = re.compile(r"[,;\t]")
_ADDRESS: Final = re.compile(r"https?://[^\s/]+(?:/\S*)?", re.IGNORECASE)
_HANDLE: Final = re.compile(r"@[\w.-]+@[\w.-]+(?::\d+)?")
_HOST: Final = re.compile(
    r"(?:(?:[\w-]+\.)+[a-z][\w-]+|localhost|\d+\.\d+\.\d+\.\d+)(?::\d+)?/?", re.IGNORECASE
)
_BARE_HANDLE: Final = re.compile(r"[\w.-]+@[\w.-]+(?::\d+)?")
# In a row with a hub's address stands perhaps an e-mail address, so that comes last.
_KINDS: Final = (_ADDRESS, _HANDLE, _HOST, _BARE_HANDLE)


@dataclass(frozen=True, slots=True)
class Listed:
    """`hubs` are addresses and handles in their order, each once; `unread` lines without one."""

    hubs: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def read(text: str) -> Listed:
    """What a list names.

    Raises:
        Invalid: it is no list, or names more than `MOST`.
    """
    found = _opml(text) if text.lstrip().startswith("<") else _rows(text)
    if len(found.hubs) > MOST:
        raise Invalid(
            filled("These are more than {most} hubs at once. Take them in parts.", most=MOST)
        )
    return found


def _rows(text: str) -> Listed:
    hubs, unread = [], []
    rows = [line.strip().lstrip("\ufeff") for line in text.splitlines()]
    rows = [row for row in rows if row and not row.startswith("# ")]
    for number, row in enumerate(rows):
        cells = [cell.strip().strip('"').strip() for cell in _BETWEEN.split(row)]
        name = next(_named(cells), None)
        if name is not None:
            hubs.append(name)
        elif number or len(cells) == 1:  # the first row of a table names its columns
            unread.append(row)
    return Listed(tuple(dict.fromkeys(hubs)), tuple(unread))


def _named(cells: list[str]) -> Iterator[str]:
    for kind in _KINDS:
        yield from (cell for cell in cells if kind.fullmatch(cell))


def _opml(text: str) -> Listed:
    """The servers of all that an OPML file lists: whoever reads feeds keeps such lists."""
    try:
        tree = defusedxml.ElementTree.fromstring(text)
    except (DefusedXmlException, defusedxml.ElementTree.ParseError) as error:
        raise Invalid("This begins like an OPML file, but cannot be read as one.") from error
    hubs, unread = [], []
    for outline in tree.iter("outline"):
        named = [outline.get(name) or "" for name in ("htmlUrl", "url", "xmlUrl")]
        address = next((one for one in named if _ADDRESS.fullmatch(one)), None)
        if address is not None:
            parts = urlsplit(address)
            hubs.append(f"{parts.scheme}://{parts.netloc}")
        elif not len(outline):
            unread.append(outline.get("text") or "")
    return Listed(tuple(dict.fromkeys(hubs)), tuple(filter(None, unread)))
