"""What pages say, in the reader's language: gettext catalogues, and who is spoken to.

The messages of the code are English; `catalogues/{language}.po` holds what they are elsewhere, and
is read when the language is first spoken. A message without a translation stays English.
"""

from __future__ import annotations

import gettext
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hub.core import dates

ENGLISH: Final = "en"
CATALOGUES: Final = Path(__file__).parent / "catalogues"
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur", "ps", "ckb", "yi", "dv"})
MOST_ACCEPTED = 20  # languages of one Accept-Language that are looked at
# What neighbours write in, besides what the pages speak.
WRITTEN: Final = ("bn", "es", "it", "pa", "pt", "ro", "so", "tr", "uk", "ur")

PACKED: Final = "\x1e"  # what begins a message that is kept with its parts

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


class Filled(str):
    """A message with something put into it, in English; said elsewhere, it is filled anew.

    A part that is one of these too is said with it; any other part stays as it is.
    """

    message: str
    parts: dict[str, object]

    def __str__(self) -> str:
        """Itself: errors hand on what they were given, and it is still known what that was."""
        return self


class Made(Filled):
    """What is made anew in each language, such as a date."""

    make: Callable[[], str]


def filled(message: str, **parts: object) -> Filled:
    """The message with its `{parts}`, marked for translation; a part may be one of these too."""
    made = Filled(message.format(**parts))
    made.message, made.parts = message, parts
    return made


def marked(message: str) -> Filled:
    """A message that is marked already, to be a part of another one."""
    if isinstance(message, Filled):
        return message
    found = made(lambda: say(message), usual=message)
    found.message = message
    return found


def made(make: Callable[[], str], *, usual: str | None = None) -> Filled:
    """What `make` says in the language that is spoken then; as a `str`, `usual` or English."""
    if usual is None:
        with speaking(ENGLISH):
            usual = make()
    found = Made(usual)
    found.message, found.parts, found.make = "", {}, make
    return found


def as_written(text: str) -> Filled:
    """What people wrote: the same in every language, even if it reads like a message of ours."""
    return made(lambda: text, usual=text)


def on_day(moment: datetime) -> Filled:
    """A day, on the clock that the moment bears: `12 Sep 2026`."""
    return made(lambda: dates.short_day(moment, spoken()))


def packed(message: str) -> str:
    """A message as it can be kept, to be said in another language another day."""
    if isinstance(message, Made):
        return PACKED + json.dumps([message.message, None]) if message.message else str(message)
    if not isinstance(message, Filled):
        return str(message)
    parts = {name: _kept(part) for name, part in message.parts.items()}
    return PACKED + json.dumps([message.message, parts], ensure_ascii=False)


def unpacked(kept: str) -> str:
    """The message that was kept, to be said."""
    if not kept.startswith(PACKED):
        return kept
    message, parts = json.loads(kept.removeprefix(PACKED))
    if parts is None:
        return marked(str(message))
    told = {name: unpacked(part) if isinstance(part, str) else part for name, part in parts.items()}
    return filled(message, **told)


def _kept(part: object) -> object:
    return packed(part) if isinstance(part, str) else part if isinstance(part, int) else str(part)


def later(message: str) -> str:
    """The message itself, marked for translation; it is said when it is known to whom."""
    return message


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """The languages that the pages speak, by their BCP 47 codes, English first."""
    return (ENGLISH, *sorted(path.stem for path in CATALOGUES.glob("*.po")))


def name_of(language: str) -> str:
    """What a language calls itself: `Cymraeg`, `العربية`."""
    try:
        name = Locale.parse(language, sep="-").get_display_name() or language
    except (ValueError, UnknownLocaleError):
        return language
    return name[:1].upper() + name[1:]


def written(*more: str) -> list[tuple[str, str]]:
    """The languages that somebody may write in, and `more`: codes and names, by their names."""
    codes = dict.fromkeys(filter(None, (*languages(), *WRITTEN, *more)))
    return sorted(((code, name_of(code)) for code in codes), key=lambda pair: pair[1].casefold())


def direction(language: str) -> str:
    """Whether it is written from the left (`ltr`) or from the right (`rtl`)."""
    return "rtl" if base_of(language) in RIGHT_TO_LEFT else "ltr"


def base_of(language: str) -> str:
    """The language without its region: `pt` of `pt-BR`."""
    return language.replace("_", "-").partition("-")[0].lower()


def offered(only: Sequence[str], usual: str) -> tuple[str, ...]:
    """The languages that readers choose from: `only` these and `usual`, or all if it is empty."""
    main = base_of(usual)
    return tuple(code for code in languages() if not only or code in only or code == main)


def choose(chosen: str, accepted: str, usual: str, only: Sequence[str] = ()) -> str:
    """The language for a reader: what they chose, else what their browser asks for, else `usual`.

    `accepted` is an Accept-Language (RFC 9110 §12.5.4), `only` see `offered`. Of what we do not
    speak none is chosen but `usual`, whose dates at least are right.
    """
    spoken = offered(only, usual)
    wanted = [chosen, *_by_preference(accepted)]
    return next((base for each in wanted if (base := base_of(each)) in spoken), base_of(usual))


def _by_preference(accepted: str) -> list[str]:
    rated = []
    for place, part in enumerate(accepted.split(",")[:MOST_ACCEPTED]):
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if quality > 0:
            rated.append((-quality, place, name.strip()))
    return [name for _, _, name in sorted(rated)]


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within it, everything is said in this language."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """The language that is spoken now."""
    return _spoken.get()


def say(message: str) -> str:
    """The message in the language that is spoken now."""
    if isinstance(message, Made):
        return message.make()
    if not isinstance(message, Filled):
        return _catalogue(spoken()).gettext(message) if message else ""
    parts = {
        name: say(part) if isinstance(part, Filled) else part
        for name, part in message.parts.items()
    }
    return _catalogue(spoken()).gettext(message.message).format(**parts)


def say_many(one: str, many: str, count: int) -> str:
    """The message for a number of things, as the language counts them."""
    return _catalogue(spoken()).ngettext(one, many, count)


@lru_cache(maxsize=16)
def _catalogue(language: str) -> gettext.NullTranslations:
    path = CATALOGUES / f"{language}.po"
    if language not in languages() or language == ENGLISH:
        return gettext.NullTranslations()
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
