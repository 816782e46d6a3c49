"""Asking a hub for everything it has: every route, filled with every id, as every kind of viewer.

Routes come from the program (`tests.routes`), so new ones are asked too; one whose parameters
nobody here can fill fails by name.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from hub.people.stopping import ENDS
from tests.conftest import Running
from tests.onlookers import ROLES
from tests.peer import Answered, knock
from tests.routes import Route
from tests.world import BAD, FAR, LATER, WORD, World

PAGE: Final = "text/html"
ACTIVITY: Final = "application/activity+json"
JSON: Final = "application/json"
FOLDERS: Final = {
    "events": "event",
    "offers": "offer",
    "wants": "want",
    "news": "news",
    "places": "place",
    "organisations": "organisation",
}
STRANGE: Final = uuid4()  # an id that nothing has

# What is asked besides the bare address: all that narrows, pages or shows more.
FURTHER: Final[dict[str, tuple[str, ...]]] = {
    "/": (),
    "/admin/inbox": ("?show=all",),
    "/admin/moderation": ("?after={card}",),
    "/events": (f"?q={WORD}", "?view=week&from={day}", "?view=month&from={day}"),
    "/events.ics": (f"?q={WORD}",),
    "/events.json": (f"?q={WORD}",),
    "/events/print": ("?week={day}", "?week={day}&large=1"),
    "/news": (f"?q={WORD}",),
    "/places": (f"?q={WORD}",),
    "/places.csv": (f"?q={WORD}",),
    "/search": (f"?q={WORD}&when=any", *(f"?q={WORD}&type={one}" for one in ("event", "want"))),
    "/search.ics": (f"?q={WORD}",),
    "/search.json": (f"?q={WORD}&when=any",),
    "/search.rss": (f"?q={WORD}&when=any",),
    "/swap": ("?show=offers", "?show=wants", f"?q={WORD}"),
    "/swap.json": ("?status=all&limit=100",),
    "/api/v1/deliveries": ("?state=waiting", "?state=delivered"),
    "/api/v1/events": ("?limit=100&from=2020-01-01",),
    "/api/v1/news": ("?limit=100",),
    "/api/v1/organisations": ("?limit=100",),
    "/api/v1/places": ("?limit=100",),
    "/api/v1/offers": ("?status=all&limit=100",),
    "/api/v1/search": (f"?q={WORD}&when=any&limit=100",),
    "/api/v1/wants": ("?status=all&limit=100",),
    "/actors/{name}/outbox": ("?page=1",),
    "/.well-known/webfinger": ("?resource=acct:events@hub.example",),
    "/authorize": ("?uri={uri}",),
}


@dataclass(frozen=True)
class Visitor:
    """A kind of viewer: what their requests bear, and what they ask for."""

    name: str
    headers: Mapping[str, str]
    accepts: tuple[str, ...]


def visitors(world: World) -> list[Visitor]:
    """Everybody who may come by (SECURITY D1)."""
    known = [
        Visitor(name, {"cookie": world.people[name].pages["Cookie"]}, (PAGE,))
        for name in ROLES
        if name != "reader"  # sees what other members see, and less of what is their own
    ]
    return [
        Visitor("stranger", {}, (PAGE, ACTIVITY)),
        Visitor("server", _signed("unknown.example"), (ACTIVITY,)),
        Visitor("follower", _signed(FAR), (ACTIVITY,)),
        Visitor("blocked", _signed(BAD), (PAGE, ACTIVITY)),
        Visitor("bearer", {}, (PAGE,)),
        *known,
    ]


def _signed(host: str) -> dict[str, str]:
    key = f'keyId="https://{host}/people/ada#main-key"'
    return {"signature": f'{key},algorithm="rsa-sha256",headers="(request-target)",signature="AA"'}


async def ask(
    hub: Running,
    path: str,
    headers: Mapping[str, str],
    method: str = "GET",
    body: bytes = b"",
) -> Answered:
    """One request to the hub's application itself, past every HTTP client."""
    named = {"host": hub.services.settings.authority, **headers}
    return await knock(hub, body, named, path, method)


# --------------------------------------------------------------------------------- filling in


class CannotFill(Exception):
    """Nobody here knows what stands for a parameter of this route."""


def fillings(world: World, route: Route) -> Iterator[dict[str, Any]]:
    """Every set of values for the parameters of a route, with ids of all that is there.

    Raises:
        CannotFill: a parameter is new; say in `_values` what stands for it.
    """
    for chosen, among in _CHOSEN_FIRST.items():
        if chosen in route.parameters:
            names = [name for name in route.parameters if name != chosen]
            for one in among:
                yield from _all(world, route, names, {chosen: one})
            return
    yield from _all(world, route, list(route.parameters), {})


def _all(
    world: World, route: Route, names: list[str], given: dict[str, str]
) -> Iterator[dict[str, Any]]:
    chosen = next(iter(given.values()), "")
    columns = [_values(world, route, name, chosen) for name in names]
    for row in itertools.product(*columns):
        yield {**given, **dict(zip(names, row, strict=True))}


def _values(world: World, route: Route, name: str, folder: str) -> list[Any]:
    if name in _ENTRIES:
        first = route.path.strip("/").removeprefix("api/v1/").partition("/")[0]
        folders = [folder or first] if (folder or first) in FOLDERS else list(FOLDERS)
        return [*(entry for one in folders for entry in _entries(world, one)), STRANGE]
    if name == "thing_id" and folder == "reply":
        return [*_ids(world, *_THINGS["reply_id"]), STRANGE]
    if name in _THINGS:
        return [*_ids(world, *_THINGS[name]), STRANGE]
    words = DEEDS.get(route.path) if name == "deed" else _BY_PATH.get((route.path, name))
    words = words or _WORDS.get(name)
    if words is None:
        raise CannotFill(f"{route.name}: {name}")
    return list(words)


# What other parameters of the same address depend on.
_CHOSEN_FIRST: Final = {"folder": tuple(FOLDERS), "about": ("entry", "reply")}
_ENTRIES: Final = frozenset(
    {"event_id", "entry_id", "listing_id", "article_id", "thing_id", "record_id"}
)
# By parameter: how the names of the things begin that it may be an id of.
_THINGS: Final[dict[str, tuple[str, ...]]] = {
    "calendar_id": ("calendar",),
    "claim_id": ("claim",),
    "follow_id": ("follow",),
    "list_id": ("list of servers",),
    "match_id": ("match",),
    "parcel_id": ("parcel",),
    "person_id": ("person ",),
    "picture_id": ("picture",),
    "quote_id": ("quote",),
    "reply_id": ("a reply", "a private", "our", "a post on"),
    "response_id": ("coming",),
    "search_id": ("search",),
    "series_id": ("series",),
    "submission_id": ("submission",),
}
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("events", "offers", "wants", "news", "board", "relay", "valley", "nobody"),
    "secret": ("a-wrong-secret",),
}
_BY_PATH: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("/admin/hubs/{host}/words", "host"): (FAR, "unknown.example"),
    ("/api/v1/blocks/{host}", "host"): (BAD, "unknown.example"),
    ("/language/{language}", "language"): ("en", "xx"),
    ("/live/{tag}", "tag"): (WORD,),
    ("/map/tiles/{name}", "name"): ("map-0000000000000000.pmtiles",),
    ("/nodeinfo/{version}", "version"): ("2.0", "2.1"),
    ("/sign-in/mastodon/{server}", "server"): (FAR, "unknown.example"),
    ("/tags/{tag}", "tag"): (WORD,),
    ("/unsubscribe/{secret}/{what}", "what"): ENDS[:1],
}
DEEDS: Final[dict[str, tuple[str, ...]]] = {
    "/admin/calendars/{calendar_id:uuid}/{deed}": ("look", "keep", "stop"),
    "/admin/people/{person_id}/{deed}": ("role", "disable", "enable"),
    "/admin/servers/{deed}": ("follow", "unfollow", "block", "unblock", "silence", "allow"),
    "/admin/servers/lists/{list_id}/{deed}": ("take", "undo"),
    "/admin/servers/waiting/{deed}": ("release", "silence", "block"),
    "/api/v1/matches/{match_id}/{deed}": ("ask", "accept", "decline"),
    "/enquiries/{reply_id:uuid}/{deed}": ("accept", "decline"),
    "/matches/{match_id:uuid}/{deed}": ("ask", "accept", "decline", "say", "report"),
    "/offers/{listing_id:uuid}/{deed}": ("lend", "returned", "renew"),
    "/wants/{listing_id:uuid}/{deed}": ("lend", "returned", "renew"),
}


def _ids(world: World, *beginnings: str) -> list[Any]:
    return [number for what, number in world.ids.items() if what.startswith(beginnings)]


def _entries(world: World, folder: str) -> list[Any]:
    """The ids of a folder's entries, and one of another kind."""
    kind = FOLDERS.get(folder, folder)
    own = [
        number
        for what, number in world.ids.items()
        if what.endswith(f" {folder}")
        or what.startswith((f"an {kind} ", f"a {kind} ", f"{kind} of"))
        or (folder == "offers" and what == "a post that waits")
        or (folder == "wants" and what == "a neighbour's want")
    ]
    return [*own, world.ids["public news" if folder != "news" else "public offers"]]


def addresses(world: World, route: Route) -> Iterator[str]:
    """Every address of a route: all ids, and with all that narrows or pages."""
    days = {"day": f"{_day(world)}"}
    for values in fillings(world, route):
        if STRANGE in values.values():
            continue
        path = route.filled(**{name: quote(str(value)) for name, value in values.items()})
        yield path
        for query in FURTHER.get(route.path, ()):
            if "{card}" in query:
                yield from (path + query.format(card=card) for card in world.cards)
                continue
            if "{uri}" not in query:
                yield path + query.format(**days)
                continue
            for folder in FOLDERS:
                for number in _entries(world, folder):
                    yield path + query.format(uri=quote(f"{world.hub.url}/{folder}/{number}"))


def with_secrets(world: World) -> Iterable[str]:
    """The addresses that stand in letters, as whoever got the letter opens them."""
    event = world.ids["public events"]
    found = world.secrets
    return (
        f"/mine/{found['mine']}",
        f"/post/draft/{found['draft']}",
        f"/post/offer?draft={found['draft']}",
        f"/events/{event}/coming/{found['coming guest']}",
        f"/unsubscribe/{found['stop guest']}",
        *(f"/unsubscribe/{found['stop guest']}/{what}" for what in ENDS),
        f"/appeal/{found['appeal']}",
        f"/question/{found['question']}",
        f"/still-true/{found['still true']}",
        f"/claims/{found['claim']}",
        f"/sign-in/{found['sign in']}",
        f"/left/{found['left']}",
    )


def _day(world: World) -> Any:
    return LATER.astimezone(world.hub.services.settings.zone).date()
