"""Everything that a hub says to other servers, said by a real hub in this process.

Each document is what the hub delivered or served, down to the byte, but for what differs in every
run: random ids, the clock's moments, keys, proofs and digests, which `settled` replaces by what is
the same for the same story.
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from PIL import Image
from sqlalchemy import select

from federation.testing import MemorySite
from federation.vocab.activities import Activity, Follow
from federation.vocab.base import Tag
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from hub.actors import service as actors
from hub.core.clock import now
from hub.entries import answers, notes, replies
from hub.exchange import queries as listings
from hub.exchange import service as exchange
from hub.fediverse import follows
from hub.fediverse.models import OutboxActivity
from tests.conftest import Running
from tests.golden.stories import DIRECTORY, EVENTS, LISTINGS, NEWS, SERIES, Story

Document = dict[str, Any]

FOLDER: Final = Path(__file__).parent / "documents"
UPDATING: Final = "HUB_GOLDEN_UPDATE"  # set by `python -m tests.golden`
ACTIVITY: Final = {"Accept": "application/activity+json"}
CHANNELS: Final = ("events", "offers", "wants", "news", "board", "places", "relay")

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MOMENTS: Final = re.compile(r'("(?:published|updated|deleted|created)": ?")([^"]+)(")')
_RANDOM: Final = (
    (re.compile(r'("proofValue": ?")[^"]+'), r"\1z…"),
    (re.compile(r'("publicKeyMultibase": ?")[^"]+'), r"\1z…"),
    (re.compile(r'("publicKeyPem": ?")[^"]+'), r"\1-----BEGIN PUBLIC KEY-----…"),
    (re.compile(r"/media/[0-9a-f]{16,}"), "/media/picture"),
    (re.compile(r"(cursor=)[\w%-]+"), r"\1…"),
)


def _picture() -> Document:
    file = io.BytesIO()
    Image.new("RGB", (1200, 800), "#8a4").save(file, "PNG")
    return {"data": base64.b64encode(file.getvalue()).decode(), "alt": "People at a table"}


IMAGE: Final = _picture()


def settled(document: Mapping[str, Any]) -> str:
    """The document as text, the same for every run of the same story."""
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    ids = {found: number for number, found in enumerate(dict.fromkeys(_UUID.findall(text)), 1)}
    text = _UUID.sub(lambda found: f"00000000-0000-4000-8000-{ids[found[0]]:012}", text)
    # What was later stays later.
    moments = sorted({found[2] for found in _MOMENTS.finditer(text)})
    text = _MOMENTS.sub(
        lambda found: f"{found[1]}2026-08-20T09:00:{moments.index(found[2]):02}Z{found[3]}", text
    )
    for pattern, replacement in _RANDOM:
        text = pattern.sub(replacement, text)
    return text + "\n"


def texts() -> dict[str, str]:
    """The documents as they were kept, as text by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}


def stored() -> dict[str, Document]:
    """The documents as they were kept, by name."""
    return {path.stem: orjson.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}


def keep(documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Let these be what is kept, and nothing else."""
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, document in documents.items():
        (FOLDER / f"{name}.json").write_text(settled(document), encoding="utf-8")


def updating() -> bool:
    """Whether the documents are to be kept anew rather than compared."""
    return os.environ.get(UPDATING) == "1"


class Making:
    """Lets a hub say everything once, and writes down what it said."""

    def __init__(self, hub: Running) -> None:
        self.hub = hub
        self.site = MemorySite("https://town.example", hub.wire, names=("relay", "ada"))
        self.said: dict[str, Document] = {}

    async def everything(self) -> dict[str, Document]:
        """All documents by name."""
        await self._relations()
        await self._events()
        await self._listings()
        await self._articles()
        await self._directory()
        await self._answers()
        return dict(sorted(self.said.items()))

    async def a_little(self, language: str) -> dict[str, Document]:
        """An event, an offer and a refusal, of a hub of another language that has moved."""
        for kind, story in (("event", EVENTS["cancelled"]), ("offer", LISTINGS["offer-taken"])):
            posted = await self._post(f"{kind}s", story)
            await self._sent(f"{kind}-{language}", "Create", posted["uri"])
            assert isinstance(story.then, dict)
            await self._changed(f"{kind}-{language}", f"{kind}s", posted, story.then)
        async with self.hub.services.db.write() as session:
            actor = await actors.local(session, "events")
            actor.moved_to = "https://elsewhere.example/actors/events"
        ask = Follow(id=f"{self.site.origin}/f/1", actor=self.site.uri("ada"), object=actor.uri)
        await self._send(ask)
        await self._sent("reject", "Reject", ask.id or "")
        return self.said

    # ------------------------------------------------------------------------- stories

    async def _events(self) -> None:
        for name, story in EVENTS.items():
            posted = await self._post("events", story)
            await self._sent(f"event-{name}", "Create", posted["uri"])
            if "event-served" not in self.said:
                await self._collections(posted["uri"])
            if isinstance(story.then, dict):
                await self._changed(f"event-{name}", "events", posted, story.then)
                await self._news(f"event-{name}-news", posted["uri"])
            elif story.then == "delete":
                await self._deleted(f"event-{name}", "events", posted)
        posted = await self._post("events", Story(body=SERIES, words=()))
        await self._sent("event-in-a-series", "Create", posted["uri"])

    async def _listings(self) -> None:
        for name, story in LISTINGS.items():
            kind = f"{name.partition('-')[0]}s"
            posted = await self._post(kind, story)
            await self._sent(name, "Create", posted["uri"])
            if isinstance(story.then, dict):
                await self._changed(name, kind, posted, story.then)
            elif story.then == "expire":
                await self._expired(UUID(posted["id"]))
                await self._sent(f"{name}-updated", "Update", posted["uri"])
            elif story.then == "delete":
                await self._deleted(name, kind, posted)

    async def _articles(self) -> None:
        for name, story in NEWS.items():
            posted = await self._post("news", story)
            await self._sent(f"news-{name}", "Create", posted["uri"])
            if isinstance(story.then, dict):
                await self._changed(f"news-{name}", "news", posted, story.then)
            elif story.then == "delete":
                await self._deleted(f"news-{name}", "news", posted)

    async def _directory(self) -> None:
        """Places and organisations, and an event that points to both."""
        ids = {}
        for name, story in DIRECTORY.items():
            kind = name.partition("-")[0]
            posted = await self._post(kind, story)
            await self._sent(name, "Create", posted["uri"])
            if story.then == "delete":
                await self._deleted(name, kind, posted)
            else:
                ids[kind] = posted["id"]
        body = {name: value for name, value in EVENTS["timed"].body.items() if name != "location"}
        points = {"place_id": ids["places"], "organiser_id": ids["organisations"]}
        posted = await self._post("events", replace(EVENTS["timed"], body={**body, **points}))
        await self._sent("event-at-a-place", "Create", posted["uri"])

    async def _post(self, kind: str, story: Story) -> Document:
        body = {**story.body, "image": IMAGE} if story.picture else story.body
        answer = await self.hub.web.post(f"/api/v1/{kind}", json=body, headers=self.hub.steward)
        assert answer.status_code == 201, answer.text
        posted: Document = answer.json()
        return posted

    async def _changed(self, name: str, kind: str, posted: Document, changes: Document) -> None:
        path = f"/api/v1/{kind}/{posted['id']}"
        answer = await self.hub.web.patch(path, json=changes, headers=self.hub.steward)
        assert answer.status_code == 200, answer.text
        await self._sent(f"{name}-updated", "Update", posted["uri"])

    async def _deleted(self, name: str, kind: str, posted: Document) -> None:
        path = f"/api/v1/{kind}/{posted['id']}"
        assert (await self.hub.web.delete(path, headers=self.hub.steward)).status_code == 204
        await self._sent(f"{name}-deleted", "Delete", posted["uri"])
        self.said[f"{name}-tombstone"] = await self._served(posted["uri"], 410)

    async def _expired(self, listing_id: UUID) -> None:
        services = self.hub.services
        async with services.db.write() as session:
            listing = await listings.whole(session, listing_id)
            await exchange.close(session, services, listing, "expired")

    # ------------------------------------------------------------------ answers, relations

    async def _answers(self) -> None:
        posted = await self._post("events", EVENTS["timed"])
        for name, to in (("public", PUBLIC), ("private", f"{self.hub.url}/actors/events")):
            note = Note(
                id=f"{self.site.origin}/notes/{name}",
                attributed_to=self.site.uri("ada"),
                in_reply_to=posted["uri"],
                content="<p>Is there <b>coffee</b>?</p>",
                published=now(),
                to=(to,),
                tags=(Tag(type="Mention", name="@events", href=f"{self.hub.url}/actors/events"),),
            )
            await self._send(notes.create_of(note))
            uri = await self._answer(note.id or "")
            await self._sent(f"answer-{name}", "Create", uri)
        services = self.hub.services
        async with services.db.write() as session:
            ours = await replies.by_uri(session, uri)
            assert ours is not None
            await answers.hide(session, services, ours)
        await self._sent("answer-taken-back", "Delete", uri)

    async def _answer(self, uri: str) -> str:
        """The id of what a steward answers to it."""
        services = self.hub.services
        async with services.db.write() as session:
            asked = await replies.by_uri(session, uri)
            assert asked is not None
            return (await answers.answer(session, services, asked, "Yes, & cake.")).uri

    async def _relations(self) -> None:
        events = f"{self.hub.url}/actors/events"
        ask = Follow(id=f"{self.site.origin}/f/1", actor=self.site.uri("ada"), object=events)
        await self._send(ask)
        await self._sent("accept", "Accept", ask.id or "")
        await follows.follow(self.hub.services, "@ada@town.example")
        await self._sent("follow", "Follow")
        await follows.unfollow(self.hub.services, "@ada@town.example")
        await self._sent("unfollow", "Undo")

    async def _collections(self, uri: str) -> None:
        self.said["event-served"] = await self._served(uri)
        await self._sent("announce", "Announce", uri)
        for name in CHANNELS:
            self.said[f"actor-{name}"] = await self._served(f"/actors/{name}")
        for name in ("outbox", "followers", "following", "featured", "upcoming"):
            found = await self._served(f"/actors/events/{name}")
            self.said[f"collection-{name}"] = found
            if isinstance(found.get("first"), str):
                self.said[f"collection-{name}-page"] = await self._served(found["first"])
        self.said["collection-replies"] = await self._served(f"{uri}/replies")

    async def _send(self, activity: Activity) -> None:
        await self.site.send("ada", activity, f"{self.hub.url}/inbox")
        await self.hub.work()

    # ------------------------------------------------------------------------- writing down

    async def _sent(self, name: str, kind: str, uri: str | None = None) -> None:
        """Keep the last activity of a kind, about this if it says so."""
        self.said[name] = (await self._all(kind, uri))[-1]

    async def _news(self, name: str, uri: str) -> None:
        """Keep the note that tells followers what became of an event, if there is one."""
        for said in await self._all("Create", None):
            if said["object"].get("inReplyTo") == uri:
                self.said[name] = said

    async def _all(self, kind: str, uri: str | None) -> list[Document]:
        query = select(OutboxActivity.body).where(OutboxActivity.type == kind)
        if uri is not None:
            query = query.where(OutboxActivity.object_uri == uri)
        async with self.hub.services.db.read() as session:
            bodies = await session.scalars(query.order_by(OutboxActivity.id))
            return [orjson.loads(body) for body in bodies]

    async def _served(self, address: str, status: int = 200) -> Document:
        answer = await self.hub.web.get(address, headers=ACTIVITY)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/activity+json; charset=utf-8"
        document: Document = answer.json()
        return document
