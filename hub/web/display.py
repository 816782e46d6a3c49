"""How one reader likes pages to be: the size of text, the layout, light or dark.

It is kept in one cookie, which is set when they choose and at no other time, and which holds
nothing but these three words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from hub.core.services import Services
from hub.web.doors import display_cookie, services_of
from hub.web.forms import drop_cookie, set_cookie

# Of each the usual first.
CHOICES: Final = {
    "text": ("normal", "large", "huge"),
    "layout": ("full", "plain"),
    "theme": ("auto", "light", "dark"),
}
LASTS_S: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Display:
    """What a reader chose; what makes no sense is as usual."""

    text: str = "normal"
    layout: str = "full"
    theme: str = "auto"

    @classmethod
    def of(cls, chosen: Mapping[str, str]) -> Display:
        """The choice in these fields."""
        return cls(
            **{
                name: chosen.get(name, "") if chosen.get(name) in words else words[0]
                for name, words in CHOICES.items()
            }
        )

    @property
    def large(self) -> bool:
        """Whether text is to be bigger than usual."""
        return self.text != "normal"

    @property
    def marks(self) -> dict[str, str]:
        """Attributes of `<html>` to which the style sheet listens; none for what is as usual."""
        return {
            f"data-{name}": getattr(self, name)
            for name, words in CHOICES.items()
            if getattr(self, name) != words[0]
        }


def display_of(request: Request) -> Display:
    """What whoever asks has chosen."""
    kept = request.cookies.get(display_cookie(services_of(request)), "")
    return Display.of(dict(zip(CHOICES, kept.split("."), strict=False)))


def keep_display(response: Response, services: Services, chosen: Display) -> None:
    """Let the browser keep the choice; the usual needs no cookie."""
    name = display_cookie(services)
    if chosen == Display():
        drop_cookie(response, services, name)
    else:
        value = f"{chosen.text}.{chosen.layout}.{chosen.theme}"
        set_cookie(response, services, name, value, LASTS_S)
