"""Documents of every peer's shape become the right entry, or are refused by name."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import select

from federation.testing import MemorySite
from hub.entries.models import Reply
from hub.fediverse import follows
from hub.fediverse.models import InboxActivity
from tests.conftest import Running
from tests.integration.mail import AS2, EVENT, LETTERS, ODD_EVENTS, Letter
from tests.integration.test_two_hubs import EVENT as OURS


class Town:
    """A server whose author the hub follows."""

    def __init__(self, hub: Running) -> None:
        self.hub = hub
        self.site = MemorySite("https://town.example", hub.wire, names=("relay", "ada"))
        self.names = {
            "{home}": self.site.origin,
            "{author}": self.site.uri("ada"),
            "{hub}": hub.url,
        }

    async def begin(self) -> None:
        """Let the hub follow, and have an event that can be answered."""
        answer = await self.hub.web.post("/api/v1/events", json=OURS, headers=self.hub.steward)
        self.names["{event}"] = answer.json()["id"]
        await follows.follow(self.hub.services, "@ada@town.example")
        async with self.hub.services.db.write() as session:
            (row,) = await follows.ours(session)
            row.state = follows.ACCEPTED

    def named(self, document: Any) -> Any:
        """The document with the names filled in."""
        text = orjson.dumps(document).decode()
        for name, value in self.names.items():
            text = text.replace(name, value)
        return orjson.loads(text)

    async def send(self, thing: dict[str, Any], **members: Any) -> None:
        """Let the author send it in a Create."""
        activity = {
            "@context": AS2,
            "id": "{home}/activities/1",
            "type": "Create",
            "actor": "{author}",
            "to": thing["to"],
            "cc": thing["cc"],
            "object": thing,
            **members,
        }
        await self.site.send_document("ada", self.named(activity), f"{self.hub.url}/inbox")
        await self.hub.work()

    async def verdict(self) -> tuple[str, str | None]:
        """What became of the only thing that was sent."""
        async with self.hub.services.db.read() as session:
            (row,) = await session.scalars(select(InboxActivity))
        return row.state, row.reason

    async def entries(self, kind: str) -> list[dict[str, Any]]:
        """The entries of others in a list."""
        given = {"origin": "all"} | ({"status": "all"} if kind in {"offers", "wants"} else {})
        answer = await self.hub.web.get(f"/api/v1/{kind}", params=given)
        assert answer.status_code == 200, answer.text
        return [one for one in answer.json()["items"] if one["origin"] == "town.example"]

    async def replies(self) -> list[Reply]:
        """What was answered here."""
        async with self.hub.services.db.read() as session:
            return list(await session.scalars(select(Reply)))


@pytest.fixture
async def town(hub: Running) -> Town:
    found = Town(hub)
    await found.begin()
    return found


def _agrees(entry: dict[str, Any], shown: dict[str, Any]) -> None:
    for name, value in shown.items():
        found = entry[name]
        if name == "image":
            found = found and found["url"]
        assert found == value, name


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
async def test_mail_of_a_peer_is_shown_or_refused_by_name(town: Town, letter: Letter) -> None:
    await town.send(letter.thing, **letter.activity)
    state, reason = await town.verdict()
    if letter.kind is None:
        assert state == "dropped"
        assert (reason or "").startswith(letter.refused)
        assert await town.replies() == []
    else:
        assert (state, reason) == ("done", None)
    shown = town.named(letter.shown)
    if letter.kind == "replies":
        (reply,) = await town.replies()
        assert reply.content == shown["content"]
        assert reply.public
    for kind in ("events", "offers", "wants", "news"):
        found = await town.entries(kind)
        assert len(found) == (1 if kind == letter.kind else 0)
        for entry in found:
            _agrees(entry, shown)


@pytest.mark.parametrize(("members", "shown"), ODD_EVENTS.values(), ids=ODD_EVENTS)
async def test_ap_55_an_event_of_an_odd_shape_is_accepted(
    town: Town, members: dict[str, Any], shown: dict[str, Any]
) -> None:
    await town.send({**EVENT, **members})
    assert await town.verdict() == ("done", None)
    (entry,) = await town.entries("events")
    _agrees(entry, town.named(shown))


AP_59 = [name for name, letter in LETTERS.items() if letter.kind in {"offers", "wants"}]


@pytest.mark.parametrize("name", AP_59)
async def test_ap_59_an_offer_is_known_in_every_shape(town: Town, name: str) -> None:
    letter = LETTERS[name]
    await town.send(letter.thing)
    assert await town.verdict() == ("done", None)
    assert letter.kind is not None
    (entry,) = await town.entries(letter.kind)
    _agrees(entry, town.named(letter.shown))


@pytest.mark.parametrize(
    "name",
    ["Mobilizon", "Mobilizon, called off", "Gancio", "WordPress Event Bridge"],
)
async def test_t36_events_of_theirs_stand_on_a_page_with_time_place_and_state(
    town: Town, name: str
) -> None:
    letter = LETTERS[name]
    await town.send(letter.thing)
    (entry,) = await town.entries("events")
    _agrees(entry, town.named(letter.shown))
    html = {"accept": "text/html"}
    page = (await town.hub.web.get(f"/events/{entry['id']}", headers=html)).text
    assert "15:00–18:00" in page
    assert entry["location"] in page
    assert "town.example" in page
    assert ("Cancelled" in page) == (entry["status"] == "cancelled")
