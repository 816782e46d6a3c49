"""Who may say what, over all combinations of origins, against an oracle that is not our code.

The oracle below is written from FEP-fe34 and PROTOCOL §6 alone; it uses nothing of `federation`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from federation.signatures.keys import SigningKeys
from federation.signatures.proofs import sign_proof
from federation.testing import keys_for
from federation.vocab.names import AS2, PUBLIC
from hub.entries.models import Entry, Reply
from hub.fediverse import follows
from hub.fediverse.models import InboxActivity
from tests.conftest import MakeHub, Running
from tests.peer import Peer
from tests.towns import EVENT

NORTH, SOUTH, HUB = "https://north.example", "https://south.example", "https://hub.example"
PEOPLE = {
    "north": f"{NORTH}/actors/mallory",
    "neighbour": f"{NORTH}/actors/nora",
    "south": f"{SOUTH}/actors/sara",
    "hub": f"{HUB}/actors/events",
}
ORIGINS = {"north": NORTH, "south": SOUTH, "hub": HUB}
THREE = tuple(ORIGINS)
FOUR = tuple(PEOPLE)


@dataclass(frozen=True)
class Case:
    """Where each part of one Create comes from; `proof` is who proved it, if anybody."""

    id: str
    url: str
    actor: str
    attributed_to: str
    key: str
    proof: str = ""
    form: Literal["embedded", "by id"] = "embedded"


def origin_of(who: str) -> str:
    return "north" if who == "neighbour" else who


# The person whom each server names as the author of what it serves.
SERVED_AUTHOR = {"north": "north", "south": "south"}
Effect = tuple[str, str] | None


def oracle(case: Case, *, followed: frozenset[str] = frozenset()) -> Effect:
    """Which text is kept under whose name: ("sent" or "served", who); None for nothing.

    FEP-fe34: an activity is authentic when its actor signed the request or the document. An object
    is authentic if its id, its author and the authenticated actor are of one origin and the author
    is that actor, or if it was fetched from its id. SETTLED 9: what a followed server passes on
    without proof is a hint to fetch. Nobody outside speaks for this server, and nobody here signs
    requests to it.
    """
    if case.key == "hub" or case.actor == "hub":
        return None
    said_by_actor = case.actor in (case.key, case.proof)
    if not said_by_actor and origin_of(case.key) not in followed:
        return None
    if (
        said_by_actor
        and case.form == "embedded"
        and case.id == origin_of(case.actor)
        and case.attributed_to == case.actor
    ):
        return ("sent", case.actor)
    if case.id == "hub":
        return None
    author = SERVED_AUTHOR[case.id]
    # A server may say whose it is among its own: Mobilizon's members create what is the group's.
    if said_by_actor and origin_of(author) != origin_of(case.actor):
        return None
    return ("served", author)


class World:
    """Our hub with one event, and two servers; each says what it likes and serves what it has."""

    def __init__(self, hub: Running, event: dict[str, Any]) -> None:
        self.hub = hub
        self.event = event
        self.north = Peer(hub, "north.example", "mallory", "nora")
        self.south = Peer(hub, "south.example", "sara")
        self.number = 0

    def peer(self, who: str) -> Peer:
        return self.south if who == "south" else self.north

    def keys(self, who: str) -> SigningKeys:
        return keys_for(PEOPLE[who])

    async def say(self, case: Case) -> tuple[str, int]:
        """Send it; the id of the object, and the status."""
        self.number += 1
        number = self.number
        uri = f"{ORIGINS[case.id]}/notes/{number}"
        if case.id == "hub":
            uri = self.event["uri"]
        note = {
            "id": uri,
            "type": "Note",
            "attributedTo": PEOPLE[case.attributed_to],
            "url": f"{ORIGINS[case.url]}/@somebody/{number}",
            "content": "<p>sent</p>",
            "inReplyTo": self.event["uri"],
            "to": [PUBLIC],
        }
        if case.id != "hub":
            served = {
                **note,
                "@context": AS2,
                "attributedTo": PEOPLE[SERVED_AUTHOR[case.id]],
                "content": "<p>served</p>",
            }
            self.peer(case.id).serves(served)
        document = {
            "@context": [AS2, "https://w3id.org/security/data-integrity/v1"],
            "id": f"{ORIGINS[origin_of(case.actor)]}/activities/{number}",
            "type": "Create",
            "actor": PEOPLE[case.actor],
            "to": [PUBLIC],
            "object": note if case.form == "embedded" else uri,
        }
        if case.proof:
            document = sign_proof(document, self.keys(case.proof), datetime.now(UTC))
        status = await self.peer(case.key).post("", document, keys=self.keys(case.key))
        return uri, status

    async def effects(self) -> dict[str, Effect]:
        """What is kept of others, by its id."""
        names = {uri: who for who, uri in PEOPLE.items()}
        async with self.hub.services.db.read() as session:
            query = select(Reply).options(selectinload(Reply.author))
            rows = (await session.scalars(query)).all()
            # Whatever it said, the page that is shown is on the server that answers for it.
            assert all(row.url.split("/")[:3] == row.uri.split("/")[:3] for row in rows)
            return {
                row.uri: (
                    row.content.removeprefix("<p>").removesuffix("</p>"),
                    names[row.author.uri],
                )
                for row in rows
            }


@pytest.fixture
async def world(make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch) -> World:
    # Who says a thousand things at once has its look-ups counted; here it is authority that counts.
    monkeypatch.setattr("hub.fediverse.inbox.LOOK_UPS", 100_000)
    hub = await make_hub("hub.example", inbox_burst=100_000, peer_burst=100_000)
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    return World(hub, answer.json())


async def judge(
    world: World, cases: list[Case], followed: frozenset[str] = frozenset()
) -> list[tuple[Case, Effect, Effect]]:
    """The cases on which hub and oracle disagree, with what each says."""
    expected: dict[str, tuple[Case, Effect]] = {}
    wrong: list[tuple[Case, Effect, Effect]] = []
    for case in cases:
        uri, status = await world.say(case)
        assert status < 500
        effect = oracle(case, followed=followed)
        if effect is not None and status != 202:
            wrong.append((case, effect, ("status", str(status))))
        if case.id != "hub":
            expected[uri] = (case, effect)
    await world.hub.work()
    await _all_is_done(world)
    kept = await world.effects()
    wrong += [
        (case, effect, kept.get(uri))
        for uri, (case, effect) in expected.items()
        if kept.get(uri) != effect
    ]
    assert world.event["uri"] not in kept, "a document of others took the id of one of ours"
    return wrong


async def _all_is_done(world: World) -> None:
    """Every activity got its verdict; none waits for another attempt."""
    async with world.hub.services.db.read() as session:
        rows = await session.scalars(select(InboxActivity))
        waiting = [(row.uri, row.reason) for row in rows if row.state not in {"done", "dropped"}]
    assert waiting == []


async def _event_is_untouched(world: World) -> bool:
    async with world.hub.services.db.read() as session:
        (entry,) = await session.scalars(select(Entry).options(selectinload(Entry.author)))
        return entry.local and entry.title == EVENT["title"] and entry.author.uri == PEOPLE["hub"]


async def test_a2_hub_and_oracle_agree_on_all_243_combinations_of_origins(world: World) -> None:
    cases = [Case(*each) for each in itertools.product(THREE, THREE, THREE, THREE, THREE)]
    assert len(cases) == 243
    assert await judge(world, cases) == []
    assert await _event_is_untouched(world)
    # The generator reaches every kind of verdict, so agreement says something.
    assert {oracle(case) for case in cases} == {
        None,
        ("sent", "north"),
        ("sent", "south"),
        ("served", "north"),
        ("served", "south"),
    }


async def test_a2_a_proof_counts_for_its_actor_alone(world: World) -> None:
    cases = [
        Case(id_, "north", actor, author, key, proof)
        for id_, actor, author, key, proof in itertools.product(
            THREE, THREE, THREE, ("north", "south"), ("north", "south")
        )
    ]
    assert await judge(world, cases) == []
    assert await _event_is_untouched(world)


async def test_a2_neighbours_on_one_server_do_not_speak_for_each_other(world: World) -> None:
    cases = [
        Case(id_, "south", actor, author, key)
        for id_, actor, author, key in itertools.product(THREE, FOUR, FOUR, FOUR)
        if "neighbour" in (actor, author, key)
    ]
    assert await judge(world, cases) == []


async def test_a2_an_object_named_by_its_id_is_what_its_server_says(world: World) -> None:
    cases = [
        Case(id_, "north", actor, "north", key, form="by id")
        for id_, actor, key in itertools.product(THREE, FOUR, FOUR)
    ]
    assert await judge(world, cases) == []


async def test_a2_what_a_followed_server_passes_on_is_believed_of_its_origin_alone(
    world: World,
) -> None:
    await follow(world, world.north, "relay")
    cases = [Case(*each) for each in itertools.product(THREE, THREE, THREE, THREE, THREE)]
    assert await judge(world, cases, followed=frozenset({"north"})) == []
    assert await _event_is_untouched(world)


async def follow(world: World, peer: Peer, name: str) -> str:
    """Let the hub follow somebody there; the id of its Follow."""
    await follows.follow(world.hub.services, peer.uri(name))
    await world.hub.work()
    asked = next(
        one.activity for one in reversed(peer.site.received) if one.activity.type == "Follow"
    )
    accept = {
        "@context": AS2,
        "id": f"{peer.origin}/accepts/{name}",
        "type": "Accept",
        "actor": peer.uri(name),
        "object": asked.document(),
    }
    assert await peer.post(name, accept) == 202
    await world.hub.work()
    world.hub.hub.site.forget()
    assert asked.id is not None
    return asked.id
