"""The page that searches everything: words, type, distance, time and whose it is."""

from __future__ import annotations

from typing import Final, Self

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ConfigDict

from hub.browse import queries
from hub.core.settings import Settings
from hub.entries import forms
from hub.entries.asking import SearchAsked
from hub.entries.finding import Found
from hub.entries.visibility import Viewer
from hub.fediverse import follows
from hub.web.doors import OPEN, Asking, Hub
from hub.web.pages import render

router = APIRouter(include_in_schema=False, dependencies=[OPEN])

SEARCH: Final = "/search"
DISTANCES_KM: Final = (1, 2, 5, 10, 25)
TYPES: Final = ("event", "offer", "want", "article", "place", "organisation")
METRES: Final = 1000


class Wanted(SearchAsked):
    """The filters of the page; what it does not know it ignores."""

    model_config = ConfigDict(extra="ignore")

    @classmethod
    def asked(cls, request: Request, settings: Settings) -> Self:
        """The filters in the address; a distance alone is measured from the hub's centre.

        Raises:
            Invalid: one of them makes no sense.
        """
        given = request.query_params
        alone = given.get("within") and not given.get("near")
        return forms.asked(request, cls, **({"near": _centre(settings)} if alone else {}))

    def narrowing(self, settings: Settings) -> dict[str, object]:
        """The filters by their names in addresses, but for words and type."""
        near = "" if self.near == _centre(settings) and self.within else self.near
        return {
            "near": near,
            "within": self.within and f"{self.within:g}",
            "when": self.when if self.when == "any" else "",
            "origin": self.origin,
            "tag": self.tag,
            "language": self.language,
        }


@router.get(SEARCH)
async def search(request: Request, hub: Hub, caller: Asking) -> Response:
    """Everything that has these words; without any filter, how to search."""
    wanted = Wanted.asked(request, hub.settings)
    narrow = wanted.narrowing(hub.settings)
    begun = bool(wanted.q or wanted.type or forms.narrowed(narrow))
    async with hub.db.read() as session:
        known = await follows.followed_servers(session)
        page = Found()
        if begun:
            page = await queries.found(session, Viewer.of(caller), wanted, hub.settings)
    asked = {"q": wanted.q, **narrow}
    typed = {**asked, "type": wanted.type}
    return render(
        request,
        "browse/search.html",
        begun=begun,
        found=page,
        wanted={**typed, "narrowed": _narrowed(narrow), "cursor": wanted.cursor},
        types=[(one, forms.address(SEARCH, {**asked, "type": one})) for one in ("", *TYPES)],
        more=forms.address(SEARCH, {**typed, "cursor": page.next}) if page.next else "",
        kept=forms.address(SEARCH, {**typed, "near": wanted.near}),
        over=forms.address(SEARCH, {"q": wanted.q, "type": wanted.type, "when": "any"}),
        feeds=[
            forms.address(f"{SEARCH}.{form}", {**typed, "near": wanted.near})
            for form in ("rss", "ics")
        ],
        distances=DISTANCES_KM,
        measured=bool(_centre(hub.settings) or wanted.near),
        origins=forms.origins(wanted.origin, known, hub.settings),
    )


def _narrowed(narrow: dict[str, object]) -> int:
    """How many filters there are; a place and its distance are one."""
    names = set(forms.narrowed(narrow))
    return len(names - {"near"} if "within" in names else names)


def _centre(settings: Settings) -> str:
    """The middle of the hub's area as a filter; empty if nobody said where it is."""
    if settings.latitude is None or settings.longitude is None:
        return ""
    return f"{settings.latitude:g},{settings.longitude:g}"
