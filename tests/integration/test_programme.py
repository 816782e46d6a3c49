"""A programme across hubs (T31): members of each post and answer, and all see all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import func, select
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.testing import MemorySite
from federation.vocab.activities import Follow
from federation.vocab.names import AS2, PUBLIC
from hub.areas import passing
from hub.core.clock import now
from hub.entries import tending
from hub.entries.models import HELD, SHOWN, Reply
from hub.fediverse import follows
from hub.fediverse.models import OutboxActivity
from hub.jobs.queue import enqueue
from tests.conftest import MakeHub, Running, settle
from tests.visitor import Visitor, visiting

NAME = "organisers"
HTML = {"accept": "text/html"}
WORDS = ("Says west.", "Says lead.", "Says north.", "Says ada.")


@dataclass
class Member:
    """A hub of the programme with one of its members at a browser; `name` is that of both."""

    name: str
    hub: Running
    visitor: Visitor

    async def post(self, title: str) -> str:
        """News for the programme; the answer is its id everywhere."""
        body = {"title": title, "description": "What we learnt.", "tags": [NAME]}
        answer = await self.hub.web.post("/api/v1/news", json=body, headers=self.hub.steward)
        assert answer.status_code == 201, answer.text
        uri: str = answer.json()["uri"]
        return uri

    async def page_of(self, uri: str) -> str | None:
        """Where this hub shows what has this id; None if it does not."""
        answer = await self.hub.web.get("/api/v1/news", params={"origin": "all"})
        found = {one["uri"]: one["id"] for one in answer.json()["items"]}
        return f"/news/{found[uri]}" if uri in found else None

    async def answer(self, uri: str, words: str, *, to: str = "") -> None:
        """Press the button on the page, write, and send; `to` are words of the answer answered."""
        path = await self.page_of(uri)
        assert path is not None
        form = path.replace("/news/", "/answer/")
        if to:
            form += f"?to={await self.id_of(to)}"
        assert f'href="{form}"' in (await self.visitor.get(path)).text
        sent = await self.visitor.press(form, text=words)
        assert sent.status_code == 303, sent.text
        assert sent.headers["location"].startswith(f"{path}#reply-")

    async def take_back(self, uri: str, words: str) -> None:
        """Press the button below one's own answer."""
        path, action = await self.page_of(uri), f"/replies/{await self.id_of(words)}/delete"
        page = await self.visitor.get(path or "")
        assert page.text.count('action="/replies/') == page.text.count(f'action="{action}"') == 1
        assert (await self.visitor.send(page, action)).status_code == 303

    async def id_of(self, words: str) -> str:
        async with self.hub.services.db.read() as session:
            query = select(Reply.id).where(Reply.content.contains(words))
            return str((await session.scalars(query)).one())

    async def reads(self, uri: str) -> set[str]:
        """Which of the words that anybody said stand under it, for whoever comes by."""
        path = await self.page_of(uri)
        assert path is not None, f"{uri} is not on {self.name}"
        page = (await self.hub.web.get(path, headers=HTML)).text
        return {words for words in WORDS if words in page}

    async def told_hubs(self, words: str) -> int:
        """How often this hub's own channel passed on what somebody elsewhere answered to it."""
        async with self.hub.services.db.read() as session:
            query = (
                select(func.count(OutboxActivity.id))
                .join(Reply, Reply.uri == OutboxActivity.object_uri)
                .where(OutboxActivity.type == "Announce", Reply.content.contains(words))
            )
            return await session.scalar(query) or 0

    async def states(self, words: str) -> set[str]:
        async with self.hub.services.db.read() as session:
            query = select(Reply.state).where(Reply.content.contains(words))
            return set(await session.scalars(query))


@dataclass
class Programme:
    """Three hubs; the lead's channel passes on, and north and west do not follow each other."""

    lead: Member
    north: Member
    west: Member
    mastodon: MemorySite
    notes: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let Mastodon answer for what is said there."""
        inner = self.mastodon.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            note = self.notes.get(f"{self.mastodon.origin}{scope['path']}")
            answers: ASGIApp = inner
            if note is not None:
                answers = Response(note, media_type="application/activity+json")
            await answers(scope, receive, send)

        self.lead.hub.wire.attach("mastodon.example", app)

    @property
    def members(self) -> tuple[Member, ...]:
        return self.lead, self.north, self.west

    async def minutes(self, number: int = 2) -> None:
        """Let everything arrive; a channel passes answers on a minute after what they answer."""
        hubs = [member.hub for member in self.members]
        for _ in range(number):
            await settle(*hubs)
            async with self.lead.hub.services.db.write() as session:
                await enqueue(session, passing.pass_on)
            await settle(*hubs)

    async def say(self, who: str, uri: str, words: str) -> dict[str, Any]:
        """Somebody on Mastodon answers something, and it goes where they see it to be from."""
        name = f"{self.mastodon.origin}/notes/{uuid4()}"
        note = {
            "@context": AS2,
            "id": name,
            "type": "Note",
            "attributedTo": self.mastodon.uri(who),
            "content": f"<p>{words}</p>",
            "inReplyTo": uri,
            "published": now().isoformat(),
            "to": [PUBLIC],
            "cc": [],
        }
        self.notes[name] = orjson.dumps(note)
        create = {
            "@context": AS2,
            "id": f"{name}#create",
            "type": "Create",
            "actor": note["attributedTo"],
            "object": note,
            "to": [PUBLIC],
        }
        await self.mastodon.send_document(who, create, f"{uri.partition('/news/')[0]}/inbox")
        return note

    def boosts(self, kind: str = "Announce") -> list[Any]:
        return [
            one.activity.object
            for one in self.mastodon.received
            if one.activity.type == kind and one.activity.actor.endswith(f"/{NAME}")
        ]


async def _let_in(hub: Running, uri: str) -> None:
    """A steward nods."""
    async with hub.services.db.write() as session:
        reply = await session.scalar(select(Reply).where(Reply.uri == uri))
        assert reply is not None
        await tending.pass_on(session, hub.services, reply)


async def _programme(make_hub: MakeHub, stack: AsyncExitStack) -> Programme:
    hubs = [await make_hub(f"{name}.example") for name in ("lead", "north", "west")]
    members = []
    for hub in hubs:
        visitor = await stack.enter_async_context(visiting(hub))
        await visitor.sign_in("member")
        members.append(Member(hub.services.settings.authority, hub, visitor))
    rules = {"name": NAME, "title": "Organisers", "tags": [NAME], "open_to_posts": True}
    made = await hubs[0].web.post("/api/v1/areas", json=rules, headers=hubs[0].steward)
    assert made.status_code == 201, made.text
    for hub in hubs[1:]:
        await follows.follow(hubs[0].services, f"@news@{hub.services.settings.authority}")
        await follows.follow(hub.services, f"@{NAME}@lead.example")
    mastodon = MemorySite("https://mastodon.example", hubs[0].wire, names=("relay", "ada"))
    follow = Follow(
        id=f"{mastodon.uri('ada')}#follow",
        actor=mastodon.uri("ada"),
        object=f"{hubs[0].url}/actors/{NAME}",
    )
    await mastodon.send("ada", follow, f"{hubs[0].url}/inbox")
    await settle(*hubs)
    lead, north, west = members
    return Programme(lead, north, west, mastodon)


@pytest.fixture
async def programme(make_hub: MakeHub) -> AsyncIterator[Programme]:
    async with AsyncExitStack() as stack:
        yield await _programme(make_hub, stack)


async def test_t31_members_on_three_hubs_post_and_answer_and_each_leaves_with_its_own(
    programme: Programme,
) -> None:
    lead, north, west = programme.members
    posts = [await one.post(f"{one.name} learnt") for one in programme.members]
    of_lead, of_north, of_west = posts
    await programme.minutes()

    await west.answer(of_north, "Says west.")
    await settle(lead.hub, north.hub, west.hub)
    assert await north.states("Says west.") == {HELD}, "north knows nothing of west by itself"
    await lead.answer(of_west, "Says lead.")
    await programme.minutes()
    assert await west.told_hubs("Says lead.") == 1, "west heard lead at once, and told hubs so"
    assert await north.told_hubs("Says west.") == 1, "and north as soon as it was let in"
    await north.answer(of_north, "Says north.", to="Says west.")
    asked = await programme.say("ada", of_north, "Says ada.")
    await programme.minutes()
    assert await north.states("Says ada.") == {HELD}
    assert await lead.states("Says ada.") == set(), "what waits for a steward goes nowhere"
    await _let_in(north.hub, asked["id"])
    await programme.minutes()

    said = {of_lead: set(), of_north: set(WORDS) - {"Says lead."}, of_west: {"Says lead."}}
    for one in programme.members:
        for uri, words in said.items():
            assert await one.reads(uri) == words, (one.name, uri)
    boosts = programme.boosts()
    await programme.minutes()
    assert programme.boosts() == boosts, "nothing is passed on twice (AP-88)"
    assert len(boosts) == len(set(boosts)) == len(posts) + len(WORDS)

    await west.take_back(of_north, "Says west.")
    await programme.minutes()
    said[of_north] -= {"Says west."}
    for one in programme.members:
        assert await one.reads(of_north) == said[of_north], one.name
    assert len(programme.boosts("Undo")) == 1

    await follows.unfollow(north.hub.services, f"@{NAME}@lead.example")
    await follows.unfollow(lead.hub.services, "@news@north.example")
    await programme.minutes()
    await north.answer(of_north, "Says north alone.")
    later = await west.post("west learnt more")
    await programme.minutes()
    assert await north.reads(of_north) == said[of_north], "what was said to it stays with it"
    assert await north.states("Says north alone.") == {SHOWN}
    assert await lead.states("Says north alone.") == set()
    assert await north.page_of(later) is None
    assert await west.reads(of_north) == said[of_north], "and others keep what they have"
