"""Sign in with Mastodon at `mastodon-mock`, a Mastodon API that others wrote (decision 0055).

It registers programs, gives codes and tokens and says whose they are; the test presses the button
of its page. It serves no actors, so the test says who @alice is to other servers.
"""

from __future__ import annotations

import html
import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import select
from starlette.responses import JSONResponse

from hub.people import mastodon
from hub.people.models import MastodonAccount, MastodonApp, Person
from tests.conftest import Running
from tests.interop import installing
from tests.visitor import visiting

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]

SERVER = "https://social.example"


@pytest.fixture
def social(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The application, with an account @alice."""
    monkeypatch.syspath_prepend(str(installing.mastodon()))
    config = importlib.import_module("mastodon_mock.config")
    create_app = importlib.import_module("mastodon_mock.app").create_app
    seed = config.SeedConfig(accounts=[config.SeedAccount(username="alice", display_name="Alice")])
    made = create_app(config.MastodonMockConfig(domain="social.example", seed=seed))
    made.add_api_route("/users/alice", _actor)
    made.router.routes.insert(0, made.router.routes.pop())  # before its catch-all
    yield made
    for name in [name for name in sys.modules if name.startswith("mastodon_mock")]:
        del sys.modules[name]


async def _actor() -> JSONResponse:
    """@alice, as other servers see her."""
    uri = f"{SERVER}/users/alice"
    said = {"@context": "https://www.w3.org/ns/activitystreams", "id": uri, "type": "Person"}
    said |= {"preferredUsername": "alice", "inbox": f"{uri}/inbox", "outbox": f"{uri}/outbox"}
    return JSONResponse(said, media_type="application/activity+json")


async def _allowed(social: Any, way: str) -> str:
    """Where the browser is led after @alice pressed her name on the server's page."""
    transport = httpx2.ASGITransport(app=social)
    async with httpx2.AsyncClient(transport=transport, base_url=SERVER) as browser:
        page = await browser.get(way)
        fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        given = {name: html.unescape(value) for name, value in fields}
        answer = await browser.post("/oauth/authorize", data={**given, "username": "alice"})
    return str(answer.headers["location"])


async def test_its_people_come_in_and_what_it_gave_is_given_back(hub: Running, social: Any) -> None:
    hub.wire.attach("social.example", social)
    for _ in range(2):  # new, and known
        async with visiting(hub) as visitor:
            page = await visitor.get("/sign-in")
            going = await visitor.send(page, mastodon.BACK, account="@alice@social.example")
            way = re.search(r'class="button" href="([^"]+)"', going.text)
            assert way is not None, going.text
            back = await _allowed(social, html.unescape(way[1]))
            assert parse_qs(urlsplit(back).query)["state"]
            answer = await visitor.get(back)
            assert answer.status_code == 303, answer.text
    async with hub.services.db.read() as session:
        [account] = (await session.scalars(select(MastodonAccount))).all()
        [app] = (await session.scalars(select(MastodonApp))).all()
        person = await session.get_one(Person, account.person_id)
    assert (account.handle, person.name) == ("@alice@social.example", "Alice")
    assert app.pkce
