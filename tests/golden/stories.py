"""What a hub is told to publish, one story for each kind and state, and what readers must learn.

All dates lie far ahead, so that no story is ever over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Story:
    """Something that is published, and what becomes of it.

    `then` is what is changed afterwards, or that it is deleted, or that its time runs out. `words`
    must be told by the first document, `later` by the last.
    """

    body: Body
    words: tuple[str, ...]
    then: Body | Literal["delete", "expire"] | None = None
    later: tuple[str, ...] = ()
    picture: bool = False


_EVENT: Final[Body] = {
    "title": "Repair café at the Linden yard",
    "summary": "Bring one broken thing; we mend it together.",
    "description": "We have **tools**, tea and patience.",
    "starts_at": "2040-09-15T15:00:00+02:00",
    "ends_at": "2040-09-15T18:00:00+02:00",
    "timezone": "Europe/Berlin",
    "location": "Linden yard, Lindenstr. 4, Köln",
    "latitude": 51,
    "longitude": 6.9391,
    "category": "WORKSHOPS_SKILL_SHARING",
    "tags": ["repaircafe", "Köln"],
}
_WHEN: Final = "Sat 15 Sep 2040, 15:00–18:00"
_WHERE: Final = "Linden yard, Lindenstr. 4, Köln"
_TITLE: Final = "Repair café at the Linden yard"
_TEASER: Final = "Bring one broken thing"
_LONG: Final = "A very long text, and “nobody” will read it to its end – ever. "


def _event(
    *words: str,
    then: Body | Literal["delete"] | None = None,
    later: tuple[str, ...] = (),
    picture: bool = False,
    **changes: Any,
) -> Story:
    body = {**_EVENT, **changes}
    return Story(
        body={name: value for name, value in body.items() if value is not None},
        words=words,
        then=then,
        later=later,
        picture=picture,
    )


EVENTS: Final[dict[str, Story]] = {
    "timed": _event(_TITLE, _WHEN, _WHERE, _TEASER),
    "all-day": _event(
        _TITLE,
        "Sat 15 Sep 2040 – Sun 16 Sep 2040",
        _WHERE,
        all_day=True,
        starts_at="2040-09-15",
        ends_at="2040-09-17T00:00",
    ),
    "open-end": _event(_TITLE, "Sat 15 Sep 2040, 15:00", _WHERE, ends_at=None),
    "past-midnight": _event(
        _TITLE,
        "Sat 15 Sep 2040, 22:00–02:00",
        ends_at="2040-09-16T02:00",
        starts_at="2040-09-15T22:00",
    ),
    "elsewhere": _event(
        _TITLE,
        "Sat 15 Sep 2040, 15:00–18:00",
        "Lisboa",
        timezone="Europe/Lisbon",
        starts_at="2040-09-15T15:00",
        ends_at="2040-09-15T18:00",
        location="Lisboa",
    ),
    "online": _event(
        _TITLE,
        _WHEN,
        "ONLINE",
        location=None,
        latitude=None,
        longitude=None,
        online_url="https://meet.example/linden",
    ),
    "hybrid": _event(_TITLE, _WHEN, _WHERE, online_url="https://meet.example/linden"),
    "rich": _event(
        _TITLE,
        _WHEN,
        _WHERE,
        picture=True,
        capacity=40,
        price="Free, donations welcome",
        access="Step-free; ring at the gate",
        organiser="Linden association & friends",
        online_url="https://linden.example/repair?a=1&b=2",
    ),
    "without-coordinates": _event(_TITLE, _WHEN, _WHERE, latitude=None, longitude=None),
    "without-place": _event(_TITLE, _WHEN, _TEASER, location=None, latitude=None, longitude=None),
    "with-odd-signs": _event(
        'Tea & <cake> for "all"',
        _WHEN,
        "Café <Zum Löwen> & Co",
        title='Tea & <cake> for "all"',
        location="Café <Zum Löwen> & Co",
    ),
    "very-long": _event(
        "A very long title",
        _WHEN,
        picture=True,
        title="A very long title " * 11,
        summary=(_LONG * 8)[:500].strip(),
        description=(_LONG * 400)[:20_000],
        location=("A place with a very long name, " * 10)[:300].strip(" ,"),
        access=(_LONG * 20)[:1000].strip(),
        tags=[f"averylongtagofalinden{chr(97 + n)}" for n in range(20)],
    ),
    "cancelled": _event(
        _TITLE, then={"status": "cancelled"}, later=(f"Cancelled: {_TITLE}", "CANCELLED", _WHEN)
    ),
    "postponed": _event(
        _TITLE, then={"status": "postponed"}, later=(f"Postponed: {_TITLE}", "POSTPONED", _WHEN)
    ),
    "rescheduled": _event(
        _TITLE,
        then={"starts_at": "2040-09-22T15:00:00+02:00", "ends_at": "2040-09-22T18:00:00+02:00"},
        later=(_TITLE, "Sat 22 Sep 2040, 15:00–18:00", _WHERE),
    ),
    "moved-online": _event(
        _TITLE,
        then={"status": "moved_online", "online_url": "https://meet.example/linden"},
        later=(_TITLE, "ONLINE", _WHEN),
    ),
    "reworded": _event(_TITLE, then={"title": "Repair café"}, later=("Repair café", _WHEN)),
    "withdrawn": _event(_TITLE, then="delete"),
}

SERIES: Final[Body] = {**_EVENT, "recurrence": "FREQ=WEEKLY;COUNT=3"}

_ARTICLE: Final[Body] = {
    "title": "The fountain runs again",
    "description": "After **two years** it was mended by neighbours.\n\nWater comes from the rain.",
    "location": "Linden square",
    "tags": ["fountain"],
}
_FOUNTAIN: Final = "The fountain runs again"


def _article(
    *words: str,
    then: Body | Literal["delete"] | None = None,
    later: tuple[str, ...] = (),
    picture: bool = False,
    **changes: Any,
) -> Story:
    body = {**_ARTICLE, **changes, **({"consent": True} if picture else {})}
    return Story(body=body, words=words, then=then, later=later, picture=picture)


NEWS: Final[dict[str, Story]] = {
    "plain": _article(_FOUNTAIN, "After two years it was mended by neighbours."),
    "with-picture": _article(_FOUNTAIN, "After two years", picture=True),
    "with-odd-signs": _article(
        'Tea & <cake> for "all"', "After two years", title='Tea & <cake> for "all"'
    ),
    "very-long": _article(
        "A very long title", _LONG[:40], title="A very long title " * 11, description=_LONG * 300
    ),
    "corrected": _article(
        _FOUNTAIN, then={"title": "The fountain works again"}, later=("The fountain works again",)
    ),
    "withdrawn": _article(_FOUNTAIN, then="delete"),
}

_PLACE: Final[Body] = {
    "title": "St Anne Hall",
    "summary": "A hall for 80.",
    "description": "Ring **twice**.",
    "location": "Mill Road 7, Camden",
    "latitude": 51.5402,
    "longitude": -0.1433,
    "email": "keys@hall.example",
    "phone": "+44 20 7946 0018",
    "website": "https://hall.example/",
    "opening_hours": "Mo-Fr 09:00-17:00; PH off",
    "access_facts": {"entrance": "yes", "toilet": {"state": "part", "note": "narrow door"}},
    "has": ["a projector", "80 chairs"],
    "lacks": ["somebody for the door"],
    "tags": ["hall"],
    "checked_at": "2026-05-01T10:00:00Z",
}
_GROUP: Final[Body] = {
    "title": "Friends of Mill Park",
    "location": "Mill Road 9",
    "lacks": ["a van"],
    "checked_at": "2026-05-01T10:00:00Z",
}

# Named after their lists.
DIRECTORY: Final[dict[str, Story]] = {
    "places-plain": Story(
        body=_PLACE,
        words=("St Anne Hall", "Mill Road 7, Camden", "We need: somebody"),
        picture=True,
    ),
    "places-withdrawn": Story(body=_PLACE, words=(), then="delete"),
    "organisations-plain": Story(body=_GROUP, words=("Friends of Mill Park", "We need: a van")),
    "organisations-withdrawn": Story(body=_GROUP, words=(), then="delete"),
}

_LISTING: Final[Body] = {
    "title": "Kids' bike, 20 inch",
    "description": "Blue, new tyres.",
    "kind": "item",
    "mode": "give",
    "location": "Linden, Köln",
    "latitude": 50.934567,
    "longitude": 6.941234,
    "tags": ["bike"],
    "expires_at": "2040-09-30",
}


def _listing(
    *words: str,
    then: Body | Literal["delete", "expire"] | None = None,
    later: tuple[str, ...] = (),
    picture: bool = False,
    **changes: Any,
) -> Story:
    return Story(body={**_LISTING, **changes}, words=words, then=then, later=later, picture=picture)


_BIKE: Final = "Kids' bike, 20 inch"

LISTINGS: Final[dict[str, Story]] = {
    "offer-gift": _listing(
        f"Offer: {_BIKE}", "Blue, new tyres.", "Free to keep", "Until Sun 30 Sep", picture=True
    ),
    "offer-loan": _listing(
        "Offer: Ladder", "To lend", title="Ladder", mode="lend", location="", expires_at=None
    ),
    "offer-swap": _listing("Offer: Plums", "To swap", title="Plums", kind="food", mode="swap"),
    "offer-share": _listing(
        "Offer: Guest room", "To share", title="Guest room", kind="space", mode="share"
    ),
    "offer-sale": _listing(
        "Offer: Kids' bike", "For sale", "20 €", mode="sell", price="20 €", quantity="2"
    ),
    "offer-help": _listing(
        "Offer: Sewing", title="Sewing", kind="skill", available_from="2040-09-01T08:00"
    ),
    "offer-promised": _listing(_BIKE, then={"status": "promised"}, later=(f"Offer: {_BIKE}",)),
    "offer-taken": _listing(_BIKE, then={"status": "done"}, later=(f"Taken: Offer: {_BIKE}",)),
    "offer-over": _listing(_BIKE, then="expire", later=(f"Taken: Offer: {_BIKE}",)),
    "offer-withdrawn": _listing(_BIKE, then="delete"),
    "offer-very-long": _listing(
        "Offer: A very long title",
        title="A very long title " * 11,
        description=(_LONG * 400)[:20_000],
    ),
    "want-gift": _listing("Wanted: Lift to the clinic", title="Lift to the clinic", kind="time"),
    "want-loan": _listing("Wanted: Ladder", "To borrow", title="Ladder", mode="lend"),
    "want-swap": _listing("Wanted: Plums", "To swap", title="Plums", kind="food", mode="swap"),
    "want-share": _listing("Wanted: Garden", title="Garden", kind="space", mode="share"),
    "want-sale": _listing("Wanted: Kids' bike", "up to 20 EUR", mode="sell", price="up to 20 EUR"),
    "want-help": _listing("Wanted: Sewing", title="Sewing", kind="skill"),
    "want-found": _listing(_BIKE, then={"status": "done"}, later=(f"Found: Wanted: {_BIKE}",)),
}
