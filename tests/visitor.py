"""A browser without scripts, as far as tests of pages need one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2

from hub.people import service
from tests.conftest import Running


class Visitor:
    """Opens pages of one hub and sends their forms; keeps its cookies."""

    def __init__(self, hub: Running, web: httpx2.AsyncClient) -> None:
        self.hub = hub
        self.web = web

    async def get(self, path: str) -> httpx2.Response:
        return await self.web.get(path.removeprefix(self.hub.url), headers={"accept": "text/html"})

    async def send(self, page: httpx2.Response, path: str, **fields: Any) -> httpx2.Response:
        """The form of a page, sent to `path` with these fields."""
        data: dict[str, str | Sequence[str]] = {"csrf": csrf(page), **fields}
        where = path.removeprefix(self.hub.url)
        return await self.web.post(where, data=data, headers={"accept": "text/html"})

    async def press(self, path: str, **fields: Any) -> httpx2.Response:
        """Open a page and send its form to its own address."""
        return await self.send(await self.get(path), path, **fields)

    async def sign_in(self, role: str) -> None:
        """Become a new person with this role, called Ann."""
        async with self.hub.services.db.write() as session:
            link = await service.make_link(session, self.hub.url, role)
        await self.press(link)
        assert (await self.press("/welcome", name="Ann")).status_code == 303


@asynccontextmanager
async def visiting(
    hub: Running, client: tuple[str, int] = ("192.0.2.7", 4000)
) -> AsyncIterator[Visitor]:
    """Somebody at the other end of `client`."""
    transport = httpx2.ASGITransport(app=hub.app, client=client)
    async with httpx2.AsyncClient(transport=transport, base_url=hub.url) as web:
        yield Visitor(hub, web)


def csrf(page: httpx2.Response) -> str:
    """The hidden field that every form of a page bears."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def path_in(text: str, folder: str) -> str:
    """The path of the first link into `folder` in a text."""
    found = re.search(rf"https?://[^/\s]+(?=/{folder}/)\S+?(?=[\s\"<]|$)", text)
    assert found is not None, text
    return urlsplit(found[0]).path


def card_in(page: httpx2.Response) -> str:
    """Where the decision about the card on the moderators' page goes."""
    found = re.search(r'action="(/admin/moderation/\w+/[0-9a-f-]{36})"', page.text)
    assert found is not None, page.text
    return found[1]
