"""No text is met where it does not belong: every route, asked by every kind of viewer.

SECURITY D1, D2, D3, D8 and E5. `tests/world.py` has a canary in every text that the hub keeps, and
says who may meet it; `tests/crawling.py` asks for everything as everybody.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from sqlalchemy import JSON, LargeBinary, String, Text, select
from sqlalchemy.sql.schema import Column, Table

from hub.core.db import Base
from tests.conftest import Running
from tests.crawling import PAGE, Visitor, addresses, ask, visitors, with_secrets
from tests.onlookers import EVERYBODY
from tests.routes import inside, routes_of
from tests.world import WORD, World, world

CANARY = re.compile(rf"{WORD}\d{{3}}x", re.IGNORECASE)

# Columns that hold no words of anybody: ids, addresses of servers, names of states, digests.
NO_WORDS = {
    "act": "way deed about details previous digest",
    "actor": "uri kind name authority url inbox shared_inbox followers_uri icon_url moved_to",
    "actor_key": "rsa ed25519",
    "announcement": "uri object_uri",
    "api_token": "digest",
    "appeal": "digest outcome",
    "area": "kinds tags origins",
    "attendance": "brings secret uri state",
    "backfill": "collection page",
    "begun": "digest kind browser",
    "category": "host word tag",
    "claim": "digest outcome",
    "clock_run": "name",
    "consent": "picture",
    "decided": "about before",
    "decision": "deed kind host previous digest",
    "delivery": "object_uri inbox host",
    "entry": "kind uri url origin via language status visibility licence",
    "event": "timezone online_url joining access_facts category place_uri organiser_uri",
    "fact": "name",
    "farewell": "digest",
    "farewell_thing": "digest uri",
    "follow": "uri state relay",
    "followed_calendar": "digest counts kept",
    "idempotency": "key request_digest location",
    "import": "kind",
    "import_change": "fingerprint_before",
    "imported_item": "fingerprint",
    "inbox_activity": "uri actor_uri host trust scheme state leased_by",
    "job": "name key leased_by",
    "kept_search": "path told",
    "listing": "item_kind mode quantity sort",
    "listing_match": "state asked_by",
    "listing_term": "term",
    "mail": "last_error",
    "mastodon_app": "server home client_id redirect_uri scope",
    "match_message": "side",
    "outbox_activity": "uri type object_uri digest inboxes from_host expanded_to",
    "passkey": "id",
    "peer": "host standing scheme leased_by",
    "person": "role language notices stop_secret channels hushed letter_near",
    "picture": "name url media_type",
    "push_key": "sealed",
    "push_subscription": "session_digest",
    "question": "digest",
    "quote": "uri quoting",
    "reaction": "uri actor_uri kind",
    "receipt": "object_uri inbox host",
    "record": "website links access_facts asked_digest",
    "reply": "uri url state",
    "report": "about path uri outcome",
    "ruling": "host standing",
    "sent_form": "mark path",
    "series": "rule timezone exceptions extra",
    "server_list": "changes follows replies outcome",
    "session": "digest role",
    "sign_in_link": "digest role",
    "submission": "kind page_digest link_digest visibility verdict",
    "told": "item digest path",
    "tombstone": "uri said_by former_type",
    "undone": "key",
}


class _Heard(logging.Handler):
    """Canaries in what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("hub", "federation")):
            self.found |= set(CANARY.findall(record.getMessage().lower()))


# Answers that a cache may keep, by what it is asked for.
Kept = defaultdict[tuple[str, str], set[str]]


async def _seen(made: World, visitor: Visitor, path: str, kept: Kept) -> tuple[int, set[str]]:
    """What a visitor meets at an address, in body and headers; the worst status."""
    worst, met = 0, set[str]()
    for accept in visitor.accepts:
        answer = await ask(made.hub, path, {**visitor.headers, "accept": accept})
        if answer.status == 200 and "no-store" not in answer.headers.get("cache-control", ""):
            kept[path, accept].add(answer.text)
        worst = max(worst, answer.status)
        said = f"{answer.text} {answer.headers}"
        if WORD in said.lower():
            met |= set(CANARY.findall(said.lower()))
    return worst, met


@pytest.mark.timeout(600)  # nearly 9000 pages
async def test_d1_no_text_is_met_by_whom_it_is_not_for(hub: Running) -> None:
    made, heard = await world(hub), _Heard()
    routes = [route for route in routes_of(inside(hub.app)) if route.method == "GET"]
    paths = list(dict.fromkeys(path for route in routes for path in addresses(made, route)))
    assert len(paths) > 500
    leaks, met_by, broken = set[tuple[str, str, str]](), defaultdict[str, set[str]](set), set[str]()
    kept = Kept(set)
    logging.getLogger().addHandler(heard)
    try:
        for visitor in visitors(made):
            mine = with_secrets(made) if visitor.name == "bearer" else paths
            for path in mine:
                status, met = await _seen(made, visitor, path, kept)
                if status >= 500 and status not in {502, 503}:  # these two say why, in words
                    broken.add(f"{status} {path}")
                for canary in met:
                    met_by[canary].add(visitor.name)
                    if visitor.name not in made.seen_by[canary]:
                        leaks.add((visitor.name, made.about[canary], path))
    finally:
        logging.getLogger().removeHandler(heard)
    assert not leaks, "\n".join(map(str, sorted(leaks)))
    unlike = {path for (path, _), texts in kept.items() if len(texts) > 1}
    assert sorted(unlike) == [], "a cache gives one reader what another may see (SECURITY D3)"
    assert len(kept) > 50
    assert sorted(broken) == []
    assert sorted(made.about[one] for one in heard.found) == [], "in the log (SECURITY D8)"
    # Else the crawl proves nothing: what may be met is met, by somebody.
    came = {visitor.name for visitor in visitors(made)}
    unmet = {one for one, viewers in made.seen_by.items() if viewers & came and not met_by[one]}
    assert sorted(made.about[one] for one in unmet) == []


async def test_d1_every_text_that_the_hub_keeps_has_a_canary(hub: Running) -> None:
    await world(hub)
    without = []
    async with hub.services.db.read() as session:
        for table in Base.metadata.sorted_tables:
            for column in texts(table):
                found = await session.execute(select(column))
                if not any(WORD in _shown(row[0]) for row in found):
                    without.append(f"{table.name}.{column.name}")
    assert without == [], "sing in tests/world.py, or say in NO_WORDS that it is nobody's text"


def texts(table: Table) -> Iterator[Column[object]]:
    plain = NO_WORDS.get(table.name, "").split()
    assert set(plain) <= set(table.columns.keys()), f"{table.name} has no longer all of NO_WORDS"
    for column in table.columns:
        kind = getattr(column.type, "impl", column.type)
        words = isinstance(kind, (String, Text, JSON, LargeBinary))
        if words and column.name not in plain:
            yield column


def _shown(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.lower()


@pytest.mark.parametrize("forbidden", ["private", "hub", "hidden", "deleted"])
async def test_d2_what_may_not_be_seen_is_as_if_it_were_not_there(
    hub: Running, forbidden: str
) -> None:
    made = await world(hub)
    stranger = visitors(made)[0]
    routes = [route for route in routes_of(inside(hub.app)) if route.method == "GET"]
    unlike = []
    for route in routes:
        names = [name for name in route.parameters if name.endswith(("event_id", "listing_id"))]
        names += [name for name in route.parameters if name in {"article_id", "entry_id"}]
        if len(names) != 1 or len(route.parameters) > 2:
            continue
        for folder in ("events", "offers", "wants", "news"):
            values = {"folder": folder, "secret": "a-wrong-secret"}
            for accept in stranger.accepts:
                here = await _told(
                    made,
                    route.filled(**values, **{names[0]: made.ids[f"{forbidden} {folder}"]}),
                    accept,
                )
                nowhere = await _told(
                    made,
                    route.filled(**values, **{names[0]: "0c8b7e5e-0000-4000-8000-000000000000"}),
                    accept,
                )
                gone = forbidden == "deleted" and here[0] == 410
                if here != nowhere and not gone:
                    unlike.append((route.name, folder, here[0], nowhere[0]))
    assert not unlike, "\n".join(map(str, unlike))


async def _told(made: World, path: str, accept: str) -> tuple[int, str]:
    answer = await ask(made.hub, path, {"accept": accept})
    known = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}")
    return answer.status, known.sub("…", answer.text)


async def test_d1_a_leak_is_found(hub: Running) -> None:
    made = await world(hub)
    title = next(one for one, what in made.about.items() if what == "the title of private events")
    status, met = await _seen(
        made,
        Visitor("steward", made.people["steward"].pages, (PAGE,)),
        f"/events/{made.ids['private events']}",
        Kept(set),
    )
    assert (status, title in met) == (200, True)
    assert made.seen_by[title] < set(EVERYBODY)
