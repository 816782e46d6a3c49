"""Texts as calendars and spreadsheets hold them, made fit to be read. Pure."""

from __future__ import annotations

import codecs
import re
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from hub.core.text import fold, plain

MAX_URL: Final = 2048
# As in a form (entries.schemas); longer texts are cut, not refused.
MAX_TITLE: Final = 200
MAX_DESCRIPTION: Final = 20_000
MAX_LOCATION: Final = 300
MAX_ORGANISER: Final = 200
MAX_TAG: Final = 39
MAX_TAGS: Final = 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# UTF-8 that was read as Windows-1252 somewhere on the way: Ã¤, Â£, â€™, Å‚.
_TWICE_ENCODED = re.compile(r"[ÂÃÄÅâ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_TAGS = "a|b|br|div|em|font|h[1-6]|html|i|li|ol|p|span|strong|table|td|tr|u|ul"
_HTML = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_LINK = re.compile(
    r"<a\s[^<>]*?href\s*=\s*[\"']?(https?://[^\"'\s<>]+)[^<>]*>([^<]*)</a>", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|nbsp|apos|#\d{1,6});")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[^\s<>\"\\]+", re.IGNORECASE)

# What calendar programs show of an appointment whose owner does not share it.
PLACEHOLDERS: Final = frozenset(
    (
        *("busy", "free", "tentative", "out of office", "working elsewhere", "no title"),
        *("private", "private event", "private appointment", "empty slot", "(no title)"),
        *("untitled", "untitled event", "placeholder", "unavailable", "no subject"),
        *("beschaftigt", "gebucht", "belegt", "besetzt", "abwesend", "privat", "frei"),
        *("privater termin", "(kein titel)", "ohne titel", "mit vorbehalt"),
        *("occupe", "prive", "absent", "(sans titre)", "zajety", "prywatne", "prysur"),
    )
)


def decoded(data: bytes) -> str:
    """The text of a file whose encoding nobody tells."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def mended(text: str) -> str:
    """The text without mojibake: `CafÃ©` is `Café` again."""
    if not _TWICE_ENCODED.search(text):
        return text
    try:
        return _as_bytes(text).decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def _as_bytes(text: str) -> bytes:
    """The bytes that a reader of Windows-1252 took for this text."""
    # Five bytes mean nothing in Windows-1252; programs pass them on as control characters.
    return b"".join(
        sign.encode("latin-1") if "\x80" <= sign <= "\x9f" else sign.encode("cp1252")
        for sign in text
    )


def line(text: str, longest: int) -> str:
    """The text on one line, cut where it is too long."""
    return cut(" ".join(unescaped(mended(text)).split()), longest)


def unescaped(text: str) -> str:
    """The text with HTML's entities resolved, where there are any."""
    return unescape(text) if _ENTITY.search(text) else text


def cut(text: str, longest: int) -> str:
    """At most `longest` characters, with an ellipsis where some are missing."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def prose(text: str, longest: int) -> str:
    """A description as Markdown: HTML goes, its links stay."""
    text = mended(text.replace("\r\n", "\n")).strip()
    if _HTML.search(text):
        text = plain(_LINK.sub(_markdown_link, text))
    text = unescaped(text).replace("\xa0", " ")
    return cut(_INDENT.sub("", text).strip(), longest)  # indented lines would become code


def _markdown_link(link: re.Match[str]) -> str:
    address, words = unescape(link[1]), " ".join(link[2].split())
    bare = words.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not words or bare in address or not set("()[]").isdisjoint(address + words):
        return f" {address} "
    return f"[{words}]({address})"


def web_address(text: str) -> str:
    """The http(s) address that a text is, or an empty text."""
    text = text.strip()
    if len(text) > MAX_URL or not _ADDRESS.fullmatch(text):
        return ""
    try:
        parts = urlsplit(text)
        return text if parts.hostname and parts.port != 0 and "@" not in parts.netloc else ""
    except ValueError:
        return ""


def is_placeholder(title: str) -> bool:
    """Whether a title only says that somebody is not free."""
    return fold(title).strip(" .!-–") in PLACEHOLDERS


def tags(words: list[str]) -> list[str]:
    """The words that can be tags."""
    found = dict.fromkeys(" ".join(mended(word).split()) for word in words)
    fit = [word for word in found if len(word) <= MAX_TAG and any(map(str.isalpha, word))]
    return fit[:MAX_TAGS]
