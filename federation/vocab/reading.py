"""Single values out of documents of others: texts, addresses, moments, numbers.

Prose is cut and mended, since nobody is hurt by a shorter text. Identity is taken or refused, never
mended, since a mended address is another one (SECURITY C7, A4).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from federation.errors import MalformedDocument
from federation.vocab.names import PUBLIC, is_public

# PROTOCOL §6.7, in characters and in items.
NAME_LIMIT: Final = 2_048
SUMMARY_LIMIT: Final = 20_000
CONTENT_LIMIT: Final = 200_000
URI_LIMIT: Final = 2_048
ADDRESSEE_LIMIT: Final = 500
TYPE_LIMIT: Final = 8

# An http(s) address with a host, without credentials, white space or characters that hide.
_URI: Final = re.compile(
    r"https?://[^\s/?#\\@\x00-\x20\x7f-\x9f]+"
    r"(?:[/?#][^\s\\\x00-\x20\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]*)?",
    re.IGNORECASE,
)
_MARKUP: Final = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_SPACES: Final = re.compile(r"\s+")
# Characters that turn the direction of what follows, and so can disguise a name (SECURITY C8).
_TURNING: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_DECIMAL: Final = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?")
# Far enough from the ends of the calendar that every zone can show it.
_YEARS: Final = range(1000, 9999)

_TYPE_PREFIXES: Final = (
    "as:",
    "https://www.w3.org/ns/activitystreams#",
    "vf:",
    "ValueFlows:",
    "https://w3id.org/valueflows/ont/vf#",
    "https://w3id.org/valueflows#",
    "schema:",
    "http://schema.org/",
    "http://schema.org#",
    "https://schema.org/",
    "ev:",
    "https://w3id.org/fep/8a8e/",
    "litepub:",
    "http://litepub.social/ns#",
    "toot:",
    "geo:",
    "https://w3id.org/fep/044f#",
)


def member(document: Mapping[str, Any], *names: str) -> object:
    """The first of these members that is there and not null."""
    for name in names:
        value: object = document.get(name)
        if value is not None:
            return value
    return None


def items(value: object) -> list[Any]:
    """`value` as a list: one thing, several, or none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def mended(value: str, limit: int) -> str:
    """`value` without what a database cannot hold, and not longer than `limit`."""
    cut = value[:limit]
    return cut if cut.isascii() and "\0" not in cut else _UNSTORABLE.sub("", cut)


def html(value: object, limit: int = CONTENT_LIMIT) -> str | None:
    """A text with markup, as it came; whoever shows it must clean it."""
    return mended(value, limit) if isinstance(value, str) and value else None


def text(value: object, limit: int = NAME_LIMIT) -> str | None:
    """One line of plain text: no markup, no control characters, one spelling."""
    if not isinstance(value, str):
        return None
    # Twice the limit is enough to have `limit` left, and keeps the rest of the work short.
    line = mended(value, 2 * limit)
    if "<" in line:
        line = _MARKUP.sub("", line)
    if not line.isascii():
        line = unicodedata.normalize("NFC", _TURNING.sub("", line))
    line = _SPACES.sub(" ", _CONTROL.sub(" ", line)).strip()[:limit].rstrip()
    return line or None


def _in_some_language(document: Mapping[str, Any], name: str) -> object:
    """The member, or what its language map says first (ActivityStreams §4.7)."""
    value = document.get(name)
    if value is not None:
        return value
    translations = document.get(f"{name}Map")
    return next(iter(translations.values()), None) if isinstance(translations, dict) else None


def name_of(document: Mapping[str, Any]) -> str | None:
    """The name as plain text."""
    return text(_in_some_language(document, "name"))


def summary_of(document: Mapping[str, Any]) -> str | None:
    """The summary as HTML; Bonfire calls it a note."""
    return html(_in_some_language(document, "summary") or document.get("note"), SUMMARY_LIMIT)


def content_of(document: Mapping[str, Any]) -> str | None:
    """The content as HTML."""
    return html(_in_some_language(document, "content"))


def language_of(document: Mapping[str, Any]) -> str | None:
    """The language: what `contentMap` names first, else what a member says of it."""
    for name in ("contentMap", "nameMap", "summaryMap"):
        translations = document.get(name)
        if isinstance(translations, dict) and translations:
            return _language(next(iter(translations)))
    stated = member(document, "inLanguage", "schema:inLanguage", "language")
    if isinstance(stated, dict):
        stated = stated.get("identifier")
    return _language(stated)


def _language(value: object) -> str | None:
    good = isinstance(value, str) and value != "und" and _LANGUAGE.fullmatch(value)
    return value if good and isinstance(value, str) else None


def types_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The type or types, by their short names; empty if there is none.

    Raises:
        MalformedDocument: something other than a name stands there.
    """
    stated = document.get("type")
    if isinstance(stated, str) and stated.isalnum() and stated.isascii():
        # As nearly all are: nothing to shorten, nothing to mend.
        return (stated[:NAME_LIMIT],)
    names = items(stated)
    if len(names) > TYPE_LIMIT or not all(isinstance(name, str) and name for name in names):
        raise MalformedDocument("type is not a name")
    return tuple(short_type(mended(name, NAME_LIMIT)) for name in names)


def short_type(name: str) -> str:
    """`name` without the prefix that some software writes."""
    if ":" in name:
        for prefix in _TYPE_PREFIXES:
            if name.startswith(prefix):
                return name[len(prefix) :]
    return name


def is_uri(value: object) -> bool:
    """Whether `value` is an http(s) address that can be somebody's or something's id."""
    if not isinstance(value, str) or len(value) > URI_LIMIT or _URI.fullmatch(value) is None:
        return False
    # In bytes as well: an index of PostgreSQL holds no more than 2 704 of them.
    return value.isascii() or len(value.encode("utf-8", "surrogatepass")) <= URI_LIMIT


def uri(value: object) -> str | None:
    """The address that `value` is, or has as its id; None if it is none. Not for identity."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and is_uri(value) else None


def uris(value: object, limit: int) -> tuple[str, ...]:
    """The first `limit` addresses in `value`, each once."""
    found = (uri(one) for one in items(value)[:limit])
    return tuple(dict.fromkeys(one for one in found if one is not None))


def identity(document: Mapping[str, Any], name: str) -> str | None:
    """The one id that the member holds, written as a string, an object or a list of one.

    Raises:
        MalformedDocument: it holds several, or something that is no id (SECURITY A4).
    """
    value = document.get(name)
    if isinstance(value, list):
        if len(value) > 1:
            raise MalformedDocument(f"{name} has more than one value")
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("id", False)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not is_uri(value):
        raise MalformedDocument(f"{name} is not an address")
    return value


def own_id(document: Mapping[str, Any]) -> str | None:
    """The id of the document itself, which is a string or nothing.

    Raises:
        MalformedDocument: it is something else.
    """
    value = document.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not is_uri(value):
        raise MalformedDocument("id is not an address")
    return value


def addressees(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Whom it is for; every spelling of the public becomes one. What is no address is left out.

    Leaving out can only make the audience smaller, and so is safe.
    """
    stated = document.get(name)
    if not stated:
        return ()
    found: dict[str, None] = {}
    for value in items(stated)[:ADDRESSEE_LIMIT]:
        one = value.get("id") if isinstance(value, dict) else value
        if isinstance(one, str) and is_public(one):
            found[PUBLIC] = None
        elif isinstance(one, str) and is_uri(one):
            found[one] = None
    return tuple(found)


def page_url(value: object) -> str | None:
    """The address for people in `url`: a page if there is one, else the first that is usable."""
    links: list[tuple[bool, str]] = []
    for one in items(value):
        target = member(one, "href", "url", "id") if isinstance(one, dict) else one
        if isinstance(target, str) and is_uri(target):
            is_page = isinstance(one, dict) and one.get("mediaType") == "text/html"
            links.append((not is_page, target))
    return min(links, key=lambda link: link[0])[1] if links else None


def moment(value: object, timezone: str | None = None) -> datetime | None:
    """A point in time; without an offset it is of `timezone`, else UTC. None if unreadable."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip()[:40])
    except ValueError:
        return None
    if at.year not in _YEARS:
        return None
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone) if timezone else UTC)


def number(value: object, low: float, high: float) -> float | None:
    """A finite number between the two, also when written as a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value[:40] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and low <= found <= high else None


def count(value: object, high: int = 2**31 - 1) -> int | None:
    """A whole number from 0 to `high`."""
    found = number(value, 0, high)
    return int(found) if found is not None and found.is_integer() else None


def decimal(value: object) -> str | None:
    """A decimal number as it was written; numbers of JSON are written out."""
    if isinstance(value, dict):
        value = value.get("@value")
    if not isinstance(value, str):
        found = number(value, -1e15, 1e15)
        value = None if found is None else f"{found:.6f}".rstrip("0").rstrip(".")
    good = isinstance(value, str) and _DECIMAL.fullmatch(value.strip())
    return value.strip() if good and isinstance(value, str) else None


def flag(value: object, *, default: bool = False) -> bool:
    """True or false; anything else is the default."""
    return value if isinstance(value, bool) else default


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(value: object) -> str | None:
    """The name of a time zone that is known here."""
    return value if isinstance(value, str) and value in _zones() else None
