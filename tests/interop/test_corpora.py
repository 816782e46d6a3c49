"""Collections of others against our readers: JSON that is none, naughty strings, real objects."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from federation.errors import FederationError, MalformedDocument
from federation.vocab.names import AS2, PUBLIC
from federation.vocab.parse import loads, parse
from hub.core import text
from hub.entries.models import Entry, Reply
from hub.fediverse.models import InboxActivity
from tests import corpora
from tests.conftest import MakeHub, Running
from tests.integration.test_threats import Scene, follow_actor
from tests.peer import Peer
from tests.towns import EVENT

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


# ----------------------------------------------------------------------------- nst JSON suite


def _is_json(body: bytes) -> bool:
    try:
        loads(body)
    except MalformedDocument as error:
        return not str(error).startswith("not JSON:")
    return True


def test_c1_the_json_test_suite_is_read_as_it_says() -> None:
    cases = corpora.json_cases()
    assert Counter(name[0] for name, _ in cases) == {"n": 188, "y": 95, "i": 35}
    assert [name for name, body in cases if name[0] == "n" and _is_json(body)] == []
    assert [name for name, body in cases if name[0] == "y" and not _is_json(body)] == []


def test_c1_bad_json_inside_a_good_document_is_refused() -> None:
    head = b'{"@context": "' + AS2.encode() + b'", "type": "Note", "a": '
    taken = []
    for name, body in corpora.json_cases():
        try:
            loads(head + body + b"}")
        except MalformedDocument:
            continue
        if name[0] == "n":
            taken.append(name)
    assert taken == []


# ------------------------------------------------------------------------------ at the door


@pytest.fixture
async def scene(make_hub: MakeHub) -> Scene:
    hub: Running = await make_hub("hub.example", inbox_burst=100_000, peer_burst=100_000)
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    north = Peer(hub, "north.example", "mallory")
    return Scene(hub, answer.json(), north, Peer(hub, "south.example", "sara"))


async def test_c1_no_case_of_the_json_test_suite_is_a_fault(scene: Scene) -> None:
    head = orjson.dumps(
        {
            "@context": AS2,
            "type": "Like",
            "actor": scene.north.uri("mallory"),
            "object": scene.event["uri"],
        }
    )[:-1]
    for name, body in corpora.json_cases():
        assert await scene.north.post("mallory", body) == 400, name
        status = await scene.north.post("mallory", head + b', "content": ' + body + b"}")
        assert status in ({400} if name[0] == "n" else {202, 400}), name
    await scene.hub.work()
    async with scene.hub.services.db.read() as session:
        states = set(await session.scalars(select(InboxActivity.state)))
    assert states <= {"done", "dropped"}


PLACES = ("content", "name", "summary", "preferredUsername", "mediaType", "published", "url", "tag")


async def test_c8_naughty_strings_are_shown_or_refused(scene: Scene) -> None:
    await follow_actor(scene, scene.north, "mallory")
    strings = [one for one in corpora.naughty_strings() if one]
    assert len(strings) > 480
    statuses: Counter[int] = Counter()
    for number, naughty in enumerate(strings):
        note = scene.note(scene.north, "mallory", number, content=naughty, name=naughty)
        note |= {
            "summary": naughty,
            "url": naughty,
            "tag": [{"type": "Hashtag", "name": naughty}, {"type": "Mention", "href": naughty}],
            "attachment": [{"type": "Image", "url": naughty, "name": naughty}],
            "published": naughty,
        }
        document = {
            "@context": AS2,
            "id": f"{note['id']}#c",
            "type": "Create",
            "actor": scene.north.uri("mallory"),
            "to": [PUBLIC],
            "object": note,
        }
        event = note | {"id": f"{note['id']}/e", "type": "Event", "inReplyTo": None}
        event |= {"startTime": "2027-01-01T00:00:00Z", "location": naughty, "timezone": naughty}
        happening = document | {"id": f"{note['id']}#e", "object": event}
        for one in (document, happening):
            statuses[await scene.north.post("mallory", one)] += 1
    assert set(statuses) <= {202, 400}
    await scene.hub.work()
    async with scene.hub.services.db.read() as session:
        states = Counter(await session.scalars(select(InboxActivity.state)))
        titles = list(await session.scalars(select(Entry.title)))
        replies = list(await session.scalars(select(Reply.content)))
    assert states["failed"] == 0
    assert len(replies) > 400
    assert len(titles) > 400
    assert all("<script" not in reply.lower() for reply in replies)
    for path in ("/events", f"/events/{scene.event['id']}", "/api/v1/events?limit=100"):
        assert (await scene.hub.web.get(path)).status_code == 200


def test_c8_naughty_strings_come_out_of_cleaning_once_and_for_all() -> None:
    for naughty in corpora.naughty_strings():
        once = text.clean(naughty)
        assert text.clean(once) == once
        assert not set(text.plain(naughty)) & set("\0\x07\x1b\u202e\u2066\ufeff")


# ---------------------------------------------------------------------- fediverse-pasture-inputs

# Every way in which an object of the pasture may be refused, in the words of the log.
REFUSALS = {
    "a type that we show nowhere": "nothing to do for Create",
    "two authors": "MalformedDocument: attributedTo has more than one value",
    "two things answered": "MalformedDocument: inReplyTo has more than one value",
    "an answer to no address": "MalformedDocument: inReplyTo is not an address",
    "an answer to what is not there": "its thread is looked for",
    "its server says that there is none": "Gone: ",
    "an answer to what we may not ask for": "ForbiddenAddress: ",
    "another vocabulary": "MalformedDocument: its @context",
    "no id": "MalformedDocument: an object without an id",
    "an event without a time": "MalformedDocument: an event that does not start",
    "an article that answers": "MalformedDocument: an article that answers something",
    "no text": "MalformedDocument: a reply without id or text",
    "nobody whom we know is meant": "Unauthorised: not a reply to anything here",
}


def _example(scene: Scene, example: dict[str, Any], number: int) -> dict[str, Any]:
    """What the package would send, by mallory and in answer to the event."""
    told = json.dumps(example).replace("http://pasture-one-actor/actor", scene.north.uri("mallory"))
    given = json.loads(told.replace("http://pasture-one-actor", scene.north.origin))
    note = {
        "@context": [AS2, {"Hashtag": "as:Hashtag", "sensitive": "as:sensitive"}],
        "id": f"{scene.north.origin}/pasture/{number}",
        "type": "Note",
        "attributedTo": scene.north.uri("mallory"),
        "to": [PUBLIC],
        "published": "2026-01-01T00:00:00Z",
        "inReplyTo": scene.event["uri"],
        **given,
    }
    return {name: value for name, value in note.items() if value is not None}


async def _outcome(scene: Scene, note: dict[str, Any], name: str) -> str:
    """Shown, kept, or refused and why."""
    context = note.pop("@context", None)
    document = {
        **({} if context is None else {"@context": context}),
        "id": f"{scene.north.origin}/creates/{name}",
        "type": "Create",
        "actor": scene.north.uri("mallory"),
        "to": note.get("to"),
        "object": note,
    }
    status = await scene.north.post("mallory", document)
    assert status < 500, name
    if status != 202:
        try:
            parse(loads(orjson.dumps(document)))
        except FederationError as error:
            return f"refused: {type(error).__name__}: {error}"
        pytest.fail(f"{name} got {status}, and nothing is wrong with it")
    await scene.hub.work()
    async with scene.hub.services.db.read() as session:
        query = select(InboxActivity).where(InboxActivity.uri == document["id"])
        row = (await session.scalars(query)).one()
        reply = await session.scalar(select(Reply).where(Reply.uri == note.get("id")))
        entry = await session.scalar(select(Entry).where(Entry.uri == note.get("id")))
    if reply is not None:
        return "shown" if reply.state == "shown" and reply.public else "kept"
    if entry is not None:
        return "shown"
    if row.state == "done" and "inReplyTo" in note:
        return "refused: its thread is looked for, and is not to be had"
    assert row.state == "dropped", (name, row.state, row.reason)
    return f"refused: {row.reason}"


async def test_every_object_of_the_pasture_is_shown_kept_or_refused_by_name(scene: Scene) -> None:
    await follow_actor(scene, scene.north, "mallory")
    outcomes: Counter[str] = Counter()
    number = 0
    for group, examples in corpora.pasture_inputs().items():
        for example in examples:
            number += 1
            outcome = await _outcome(scene, _example(scene, example, number), f"{group}-{number}")
            reasons = [
                name for name, words in REFUSALS.items() if outcome.startswith(f"refused: {words}")
            ]
            assert outcome in {"shown", "kept"} or len(reasons) == 1, (group, number, outcome)
            outcomes[reasons[0] if reasons else outcome] += 1
    assert number == 262
    print(dict(outcomes))
    assert outcomes["shown"] >= 200
    assert outcomes["an answer to what is not there"] <= 10
