"""People of a hub as tests drive them: by the API, and with the browser of the same person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select

from hub.people import notices, service
from hub.people.models import Person
from hub.people.notices import Notice
from hub.web.forms import token_for
from tests.conftest import Running

Headers = dict[str, str]
Told = list[tuple[UUID, Notice]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What people were told, at the one door of notices."""
    found: Told = []

    async def tell(_session: Any, _services: Any, person_id: UUID, notice: Notice) -> None:
        found.append((person_id, notice))

    monkeypatch.setattr(notices, "tell", tell)
    return found


class Neighbour(dict[str, str]):
    """Headers for the API; `pages` are those of the same person's browser, `csrf` its forms'."""

    id: UUID
    pages: Headers
    csrf: str


async def person(hub: Running, name: str, role: str = "editor") -> Neighbour:
    async with hub.services.db.write() as session:
        token = await service.token_create(session, name, role)
        row = (await session.scalars(select(Person).where(Person.name == name))).one()
        link = await service.make_link(session, hub.url, person_id=row.id)
        secret = (await service.sign_in(session, link.rpartition("/")[2])).secret
    made = Neighbour(Authorization=f"Bearer {token}")
    made.id = row.id
    made.pages = {"Cookie": f"__Host-hub={secret}", "Origin": hub.url}
    made.csrf = token_for(secret)
    return made


async def post(hub: Running, folder: str, who: Headers, **members: Any) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{folder}", json=members, headers=who)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def page(hub: Running, path: str, who: Headers) -> httpx2.Response:
    headers = who.pages if isinstance(who, Neighbour) else who
    return await hub.web.get(path, headers={**headers, "Accept": "text/html"})


async def press(hub: Running, path: str, who: Neighbour, **fields: str) -> httpx2.Response:
    data = {**fields, "csrf": who.csrf}
    return await hub.web.post(path, data=data, headers={**who.pages, "Accept": "text/html"})
