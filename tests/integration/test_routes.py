"""Each route lets in whom it says, and nobody changes or reads what is another's (SECURITY E5, E6).

The routes and their audiences come from the program, the ids from `tests/world.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import orjson
import pytest
from sqlalchemy import insert, select

from hub.core.clock import now
from hub.core.db import Base
from hub.people import secrets, service
from hub.people.models import Person, Session
from hub.people.permissions import OWNERS, ROLES
from hub.web.doors import SERVERS, Audience, Role
from hub.web.forms import token_for
from tests.conftest import Running
from tests.crawling import JSON, PAGE, addresses, ask, fillings
from tests.neighbours import post
from tests.peer import Answered
from tests.routes import Route, inside, routes_of
from tests.world import LATER, World, world

EVERY_ROLE: Final[tuple[Role | None, ...]] = (None, *ROLES)
REFUSED: Final = frozenset({401, 403, 404, 410})
# A form and a document that nearly every route takes, so that it is not refused for its words.
FORM: Final = {
    "title": "Eve was here",
    "name": "Eve",
    "text": "Eve was here",
    "kind": "item",
    "mode": "give",
    "starts_on": f"{LATER:%Y-%m-%d}",
    "starts_time": "18:00",
    "visibility": "hub",
    "chosen": "yes",
    "choice": "done",
    "answer": "accept",
    "borrower": "Eve",
    "due_on": f"{LATER:%Y-%m-%d}",
    "deed": "leave",
    "people": "1",
    "line": f"{uuid4()}",
}
DOCUMENTS: Final[dict[str, dict[str, Any]]] = {
    "PATCH": {"title": "Eve was here"},
    "/lend": {"borrower": "Eve", "due_at": LATER.isoformat()},
    "/close": {"status": "done"},
    "/responses": {"state": "rejected"},
}
NO_SESSION: Final = "n" * 32  # what the forms of somebody who is not signed in are bound to
KEPT: Final = "search_id"  # what only one person has, and no steward sees
# What changes by looking: when somebody was last seen, and what they may do again.
SEEN: Final = {"session": {"last_used_at"}, "person": {"last_seen_at"}}


class Someone:
    """A browser that holds a session, or nobody's."""

    def __init__(self, hub: Running, secret: str, *, known: bool) -> None:
        cookie = "__Host-hub" if known else "__Host-hub-form"
        self.hub = hub
        self.csrf = token_for(secret)
        self.headers = {"cookie": f"{cookie}={secret}", "origin": hub.url}

    async def ask(self, route: Route, path: str) -> Answered:
        """The route, as a browser or a program of theirs asks for it."""
        if path.startswith("/api/"):
            body = _document(route, path) if route.method not in {"GET", "DELETE"} else b""
            headers = {**self.headers, "accept": JSON, "content-type": JSON}
        else:
            form = {**FORM, "csrf": self.csrf}
            body = urlencode(form).encode() if route.method == "POST" else b""
            kind = "application/x-www-form-urlencoded"
            headers = {**self.headers, "accept": PAGE, "content-type": kind}
        if not body:
            del headers["content-type"]
        return await ask(self.hub, path, headers, route.method, body)


def _document(route: Route, path: str) -> bytes:
    for part, document in DOCUMENTS.items():
        if (part == route.method and "/responses" not in path) or part in path:
            return orjson.dumps(document)
    return b"{}"


async def _somebody(hub: Running, *roles: Role | None) -> dict[Role | None, Someone]:
    """New people of these roles, each signed in."""
    found: dict[Role | None, Someone] = {None: Someone(hub, NO_SESSION, known=False)}
    async with hub.services.db.write() as session:
        for role in roles:
            if role is None:
                continue
            secret, number = secrets.new_session(), uuid4()
            await session.execute(
                insert(Person).values(id=number, name=role.title(), role=role, last_seen_at=now())
            )
            row = {"digest": secrets.digest(secret), "person_id": number, "last_used_at": now()}
            await session.execute(insert(Session).values(**row, expires_at=LATER))
            found[role] = Someone(hub, secret, known=True)
    return found


def _refused(answer: Answered) -> bool:
    to_sign_in = answer.status == 303 and answer.headers["location"] == "/sign-in"
    return answer.status in {401, 403} or to_sign_in


@pytest.mark.timeout(400)  # every route for everybody
async def test_e5_every_route_lets_in_whom_it_says(hub: Running) -> None:
    wrong, everybody = [], await _somebody(hub, *EVERY_ROLE)
    for route in routes_of(inside(hub.app)):
        assert route.audience is not None, route.name
        if route.audience == SERVERS:
            continue
        path = _of_nothing(route)
        for role, someone in everybody.items():
            answer = await someone.ask(route, path)
            if _refused(answer) == _lets_in(route.audience, role) or answer.status == 500:
                wrong.append((route.name, role, answer.status))
        if route.path.startswith(("/me", "/sign-out")):  # these end sessions, and people
            everybody = await _somebody(hub, *EVERY_ROLE)
    assert not wrong, "\n".join(map(str, wrong))


def _lets_in(audience: Audience, role: Role | None) -> bool:
    return audience.roles is None or role in audience.roles


def _of_nothing(route: Route) -> str:
    """Its address, for things that are not there."""
    words = {"deed": "say", "secret": "wrong", "name": "nobody", "folder": "offers"}
    words |= {"host": "a.example", "tag": "x", "language": "xx", "version": "9"}
    if "{listing_id:uuid}/{deed}" in route.path:
        words["deed"] = "renew"
    if route.path.startswith(("/enquiries", "/api/v1/matches")):
        words["deed"] = "accept"
    return route.filled(**{name: words.get(name, uuid4()) for name in route.parameters})


@pytest.mark.timeout(400)
async def test_e5_two_users_every_route_every_id(hub: Running) -> None:
    """Nobody reaches what is another's: refused, and not a row of the database is another."""
    made = await world(hub)
    strangers = await _somebody(hub, "guest", "member")
    people = [(f"another {role}", one, frozenset[UUID]()) for role, one in strangers.items()]
    for name in ("neighbour", "owner"):
        cookie = made.people[name].pages["Cookie"].partition("=")[2]
        people.append((name, Someone(hub, cookie, known=True), _of(made, name)))
    before, wrong = await _rows(hub), []
    for route in routes_of(inside(hub.app)):
        if route.audience is None or not (route.audience.own or KEPT in route.parameters):
            continue
        for name, someone, theirs in people:
            for path in _others(made, route, theirs):
                answer = await someone.ask(route, path)
                to_sign_in = answer.status == 303 and answer.headers["location"] == "/sign-in"
                if answer.status not in REFUSED and not to_sign_in:
                    wrong.append((name, route.method, path, answer.status, answer.text[-300:]))
        after = await _rows(hub)
        assert after == before, f"{route.name} changed {_difference(before, after)}"
    assert not wrong, "\n".join(map(str, wrong))


def _of(made: World, name: str) -> frozenset[UUID]:
    """What this person may reach: their own things, and talks in which they are a side."""
    talks = {made.ids["match"], made.ids["match with what is hidden"]}
    if name == "neighbour":
        return frozenset({made.ids["a neighbour's want"], *talks})
    others = ("a neighbour", "a post that waits", "an ", "news of", "person ")
    return frozenset(number for what, number in made.ids.items() if not what.startswith(others))


def _others(made: World, route: Route, theirs: frozenset[UUID]) -> Iterator[str]:
    for values in fillings(made, route):
        if theirs.isdisjoint(value for value in values.values() if isinstance(value, UUID)):
            path = route.filled(**{name: quote(str(value)) for name, value in values.items()})
            yield path


async def test_e3_reading_changes_nothing(hub: Running) -> None:
    """No GET leaves another row than was there, whoever asks: links in letters are only opened."""
    made = await world(hub)
    steward = made.people["steward"].pages["Cookie"].partition("=")[2]
    someone, before = Someone(hub, steward, known=True), await _rows(hub)
    for route in routes_of(inside(hub.app)):
        if route.method == "GET":
            for path in islice(addresses(made, route), 1):
                await someone.ask(route, path)
    after = await _rows(hub)
    assert after == before, _difference(before, after)


async def test_e5_ones_own_thing_is_no_way_to_what_hangs_on_anothers(hub: Running) -> None:
    """Two ids in one address must belong together."""
    made = await world(hub)
    eve = made.people["neighbour"]
    event = await post(hub, "events", eve, title="Mine", starts_at=LATER.isoformat())
    offer = await post(hub, "offers", eve, title="Mine", kind="item", mode="lend")
    before = await _rows(hub)
    someone = Someone(hub, eve.pages["Cookie"].partition("=")[2], known=True)
    for what, number in made.ids.items():
        if what.startswith("coming"):
            for path in ("/api/v1/events/{}/responses/{}", "/events/{}/responses/{}"):
                method = "PATCH" if path.startswith("/api") else "POST"
                route = Route(method, path, OWNERS)
                answer = await someone.ask(route, path.format(event["id"], number))
                assert answer.status == 404, (path, what)
        if what.startswith("what two say"):
            match = made.ids["match with what is hidden"]
            form = {**FORM, "line": f"{number}"}
            answer = await _send(someone, f"/matches/{match}/report", form)
            assert answer.status == 404, what
    lending = {"due_at": LATER.isoformat(), "match_id": f"{made.ids['match']}"}
    headers = {**someone.headers, "accept": JSON, "content-type": JSON}
    path = f"/api/v1/offers/{offer['id']}/lend"
    assert (await ask(hub, path, headers, "POST", orjson.dumps(lending))).status == 404
    assert await _rows(hub) == before


async def test_e5_ones_own_page_is_no_way_to_what_is_anothers(hub: Running) -> None:
    """What is named in a form and not in the address: another's passkey, phone and account."""
    made = await world(hub)
    before = await _rows(hub)
    for name in ("neighbour", "steward"):
        cookie = made.people[name].pages["Cookie"].partition("=")[2]
        someone = Someone(hub, cookie, known=True)
        for path, form in (
            ("/me/passkeys/remove", {"passkey": made.secrets["passkey"]}),
            ("/me/phone/stop", {"device": made.secrets["phone"]}),
            ("/me/mastodon/unlink", {"account": "x"}),
        ):
            answer = await _send(someone, path, {**FORM, **form})
            assert answer.status in {303, 404, 409, 410}, (path, answer.status)
    assert await _rows(hub) == before


async def test_g7_nobody_judges_by_its_address_what_they_decided_themselves(hub: Running) -> None:
    made = await world(hub)
    path, form = f"/admin/moderation/appeal/{made.ids['appeal']}", {**FORM, "deed": "pass"}
    for name, status in (("moderator", 404), ("steward", 303)):
        cookie = made.people[name].pages["Cookie"].partition("=")[2]
        answer = await _send(Someone(hub, cookie, known=True), path, form)
        assert answer.status == status, (name, answer.text[-300:])


async def test_e5_an_id_that_is_none_is_refused_in_words(hub: Running) -> None:
    made = await world(hub)
    eve = made.people["neighbour"]
    someone = Someone(hub, eve.pages["Cookie"].partition("=")[2], known=True)
    path = f"/matches/{made.ids['match']}/report"
    for line in ("", "no-number", "0" * 5000):
        answer = await _send(someone, path, {**FORM, "line": line})
        assert answer.status in {404, 422}, (line, answer.status)


async def _send(someone: Someone, path: str, form: Mapping[str, str]) -> Answered:
    body = urlencode({**form, "csrf": someone.csrf}).encode()
    kind = "application/x-www-form-urlencoded"
    headers = {**someone.headers, "accept": PAGE, "content-type": kind}
    return await ask(someone.hub, path, headers, "POST", body)


async def _rows(hub: Running) -> dict[str, list[Any]]:
    """The whole database, but for when somebody was last seen."""
    found: dict[str, list[Any]] = {}
    async with hub.services.db.read() as session:
        for table in Base.metadata.sorted_tables:
            left_out = SEEN.get(table.name, set())
            columns = [column for column in table.columns if column.name not in left_out]
            rows = await session.execute(select(*columns).order_by(*table.primary_key.columns))
            found[table.name] = [tuple(map(repr, row)) for row in rows]
    return found


def _difference(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> list[str]:
    return [
        f"{table}: {row}" for table, rows in after.items() for row in set(rows) ^ set(before[table])
    ]


async def test_e6_a_token_may_what_its_role_may(hub: Running) -> None:
    """The same by program: a token of a reader posts nothing, one of a member blocks nobody."""
    async with hub.services.db.write() as session:
        reader = await service.token_create(session, "r", "reader")
        member = await service.token_create(session, "m", "member")
    for token, path, status in (
        (reader, "/api/v1/events", 403),
        (reader, "/api/v1/blocks", 403),
        (member, "/api/v1/events", 422),
        (member, "/api/v1/blocks", 403),
        ("hub_nothing", "/api/v1/events", 401),
    ):
        headers = {"authorization": f"Bearer {token}", "content-type": JSON, "accept": JSON}
        assert (await ask(hub, path, headers, "POST", b"{}")).status == status, path
