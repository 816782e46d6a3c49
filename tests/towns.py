"""A hub, and a small town elsewhere whose people like, boost and answer what it publishes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx2
import orjson
from sqlalchemy import select, update
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from federation.testing import MemorySite
from federation.vocab.activities import Activity, Announce, Create, Follow, Like
from federation.vocab.base import Object
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub.core.clock import now
from hub.entries import queries, threads
from hub.entries.models import Entry, Reply, Report
from hub.entries.visibility import Viewer
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.models import Peer
from hub.people import service
from tests.conftest import MakeHub, Running

EVENT = {
    "title": "Repair café",
    "description": "We mend it together.",
    "starts_at": (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0).isoformat(),
    "timezone": "Europe/Berlin",
    "location": "Linden yard",
}
STEWARD = Viewer(None, "steward")


@dataclass
class Town:
    """A hub with one event, and a server elsewhere on which people live."""

    hub: Running
    site: MemorySite
    event: dict[str, Any]
    documents: dict[str, bytes] = field(default_factory=dict)

    @property
    def events(self) -> str:
        return f"{self.hub.url}/actors/events"

    @property
    def event_id(self) -> UUID:
        return UUID(self.event["id"])

    def note(self, who: str = "ada", **given: Any) -> Note:
        """A public reply to the event."""
        return Note(
            **{
                "id": f"{self.site.origin}/notes/{uuid4()}",
                "attributed_to": self.site.uri(who),
                "content": "<p>Is there coffee?</p>",
                "in_reply_to": self.event["uri"],
                "published": now(),
                "to": (PUBLIC,),
                "cc": (self.events,),
                **given,
            }
        )

    def publish(self, thing: Object) -> Object:
        """Let the server elsewhere answer for it."""
        assert thing.id is not None
        self.documents[urlsplit(thing.id).path] = orjson.dumps(thing.document(context=True))
        return thing

    async def say(self, thing: Note, who: str = "ada", kind: type[Activity] = Create) -> None:
        """Let somebody send it, and the hub act upon it."""
        activity = kind(
            type=kind.__name__,
            id=f"{thing.id}#{uuid4()}",
            actor=self.site.uri(who),
            object=thing,
            to=thing.to,
            cc=thing.cc,
        )
        await self.send(activity, who)

    async def send(self, activity: Activity, who: str = "ada") -> None:
        await self.site.send(who, activity, f"{self.events}/inbox")
        await self.hub.work()

    async def thread(self, viewer: Viewer = Viewer()) -> list[threads.ReplyView]:  # noqa: B008
        async with self.hub.services.db.read() as session:
            return await threads.thread(session, self.event_id, viewer)

    async def replies(self) -> list[Reply]:
        async with self.hub.services.db.read() as session:
            rows = await session.scalars(select(Reply).order_by(Reply.received_at, Reply.id))
            return list(rows)

    async def reports(self) -> list[Report]:
        async with self.hub.services.db.read() as session:
            rows = await session.scalars(select(Report).order_by(Report.created_at, Report.id))
            return list(rows)

    async def messages(self, show: threads.Show = "waiting") -> tuple[threads.Message, ...]:
        async with self.hub.services.db.read() as session:
            return (await threads.inbox(session, show, limit=50)).items

    def like(self, who: str = "ada") -> Like:
        actor = self.site.uri(who)
        return Like(id=f"{actor}#like", actor=actor, object=self.event["uri"])

    def boost(self, who: str = "ada") -> Announce:
        actor = self.site.uri(who)
        return Announce(id=f"{actor}#boost", actor=actor, object=self.event["uri"], to=(PUBLIC,))

    async def counted(self) -> tuple[int, int]:
        """Likes and boosts of the event."""
        async with self.hub.services.db.read() as session:
            entry = await session.get_one(Entry, self.event_id)
            found = (await queries.counts(session, [entry]))[entry.id]
        return found.likes, found.boosts

    async def hear(self) -> None:
        """Make the server one that is heard: an old follower, and a post that was passed."""
        follow = Follow(
            id=f"{self.site.origin}/f/{uuid4()}", actor=self.site.uri("ada"), object=self.events
        )
        await self.send(follow)
        async with self.hub.services.db.write() as session:
            await session.execute(update(FollowRow).values(created_at=now() - timedelta(hours=25)))
            await session.execute(update(Peer).values(passed_at=now()))


async def town_of(make_hub: MakeHub) -> Town:
    """A hub with one event, and `town.example` with the people ada and bob."""
    hub = await make_hub("hub.example")
    site = MemorySite("https://town.example", hub.wire, names=("relay", "ada", "bob"))
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    found = Town(hub, site, answer.json())
    inner = site.app

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        document = found.documents.get(scope["path"])
        if document is None:
            await inner(scope, receive, send)
        else:
            await Response(document, media_type="application/activity+json")(scope, receive, send)

    hub.wire.attach("town.example", app)
    return found


@asynccontextmanager
async def signed_in(hub: Running) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """A browser that is signed in, and its form token."""
    async with hub.services.db.write() as session:
        path = urlsplit(await service.make_link(session, hub.url)).path
    transport = httpx2.ASGITransport(app=hub.app)
    async with httpx2.AsyncClient(transport=transport, base_url=hub.url) as web:
        await web.post(path, data={"csrf": csrf_of(await web.get(path))})
        yield web, csrf_of(await web.get("/welcome"))


def csrf_of(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]
