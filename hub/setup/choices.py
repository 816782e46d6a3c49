"""Which settings stewards choose on their pages, and what they may be. Pure.

The environment wins over what is chosen, which wins over `hub.env` and the defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from hub.core.errors import Invalid
from hub.core.settings import Settings
from hub.core.words import Filled, filled, later

Values = Mapping[str, Any]

CHOICES: Final = (
    "name",
    "strapline",
    "language",
    "languages",
    "timezone",
    "area",
    "latitude",
    "longitude",
    "radius_m",
    "about",
    "contact",
    "imprint",
    "licence",
    "smtp_url",
    "mail_from",
    "posting",
    "hold_posts",
    "guest_posts",
)
SECRETS: Final = frozenset({"smtp_url"})  # kept sealed, and never shown again

_LONG = later("At most {most} characters, please.")
_WORDS: Final = {
    "string_too_short": later("Please fill this in."),
    "int_parsing": later("Please enter a whole number."),
    "float_parsing": later("Please enter a number."),
}
_OTHERS: Final = {
    "timezone": later("Please choose a time zone from the list."),
    "language": later("Please choose a language from the list."),
    "mail_from": later("Please enter an e-mail address, such as hub@oak.example."),
    "smtp_url": later("Please enter a mail server’s name, such as mail.example."),
}
_USUAL: Final = later("This does not fit here.")


def fixed() -> frozenset[str]:
    """The choices that the machine's environment makes, so that nobody can make them here."""
    there = {name.upper() for name in os.environ}
    return frozenset(name for name in CHOICES if f"HUB_{name.upper()}" in there)


def settled(given: Settings, chosen: Values) -> Settings:
    """The settings in force: what the machine gave, with what stewards chose.

    Raises:
        Invalid: some value cannot be; `fields` says which.
    """
    held = fixed()
    said = {name: value for name, value in chosen.items() if name in CHOICES and name not in held}
    try:
        return Settings(_env_file=None, **{**given.model_dump(exclude_unset=True), **said})
    except ValidationError as error:
        fields: dict[str, str] = {}
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0])
            fields.setdefault(name, _told(name, detail["type"], detail.get("ctx", {})))
        raise Invalid(later("Please check what you entered"), fields) from None


def changes(before: Settings, after: Settings) -> tuple[str, ...]:
    """The names of the choices that differ."""
    return tuple(name for name in CHOICES if getattr(before, name) != getattr(after, name))


def _told(name: str, kind: str, context: Mapping[str, Any]) -> str | Filled:
    if kind == "string_too_long":
        return filled(_LONG, most=context["max_length"])
    return _WORDS.get(kind) or _OTHERS.get(name) or _USUAL
