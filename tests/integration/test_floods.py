"""Rubbish by the thousand: nothing kept, next to nothing fetched, and the honest go on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import func, select
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from federation.signatures.http import sign_request
from federation.testing import keys_for
from hub.core.services import GATHERED_A_MINUTE, MOST_GATHERED
from hub.fediverse.models import InboxActivity, Peer
from hub.fediverse.received import LOOK_UPS
from tests.conftest import Running
from tests.integration.test_hostile_mail import AS2, Stranger

HOSTS = 1000


async def _rubbish(hub: Running, key_owner: str, *, signed: bool) -> int:
    """The status of a POST that claims to be from this actor, and is not."""
    like = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{key_owner}/likes/{uuid4()}",
        "type": "Like",
        "actor": key_owner,
        "object": f"{hub.url}/events/1",
    }
    body, url = orjson.dumps(like), f"{hub.url}/inbox"
    headers = sign_request(
        keys_for("https://mallory.example/actor"), "POST", url, body, now=datetime.now(UTC)
    )
    if signed:
        mallory = "https://mallory.example/actor#main-key"
        headers["Signature"] = headers["Signature"].replace(mallory, f"{key_owner}#main-key")
    else:
        del headers["Signature"]
    return (await hub.web.post("/inbox", content=body, headers=headers)).status_code


async def _count(hub: Running, table: Any) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "badly signed"])
async def test_b9_invented_hosts_leave_no_row_and_cost_one_look_each(
    hub: Running, signed: bool
) -> None:
    statuses: Counter[int] = Counter()
    for number in range(HOSTS):
        for name in ("a", "b"):
            owner = f"https://invented{number}.example/{name}"
            statuses[await _rubbish(hub, owner, signed=signed)] += 1
    assert set(statuses) <= {401, 429}
    assert (await _count(hub, InboxActivity), await _count(hub, Peer)) == (0, 0)
    looks = Counter(dial.split("/")[2] for dial in hub.wire.dials)
    assert max(looks.values(), default=0) <= 1
    assert len(looks) == (HOSTS if signed else 0)


async def test_b8_posts_that_name_a_victim_do_not_make_us_flood_it(hub: Running) -> None:
    Stranger(hub, "victim.example")  # it answers, and knows no such keys
    statuses: Counter[int] = Counter()
    for number in range(300):
        owner = f"https://victim.example/actors/u{number}"
        statuses[await _rubbish(hub, owner, signed=True)] += 1
    looks = [dial for dial in hub.wire.dials if "victim.example" in dial]
    assert len(looks) <= 20
    assert statuses[429] > 200


async def test_b8_creates_that_name_objects_of_a_victim_do_not_make_us_flood_it(
    hub: Running,
) -> None:
    """Of what is named by its id alone nobody knows whether it matters, so look-ups are counted."""
    Stranger(hub, "victim.example")
    evil = Stranger(hub)
    for number in range(100):
        thing = f"https://victim.example/notes/{number}"
        activity = evil.note(id=f"{evil.site.origin}/activities/{number}", object=thing)
        assert await evil.post(orjson.dumps(activity)) in {202, 429}
    await hub.work()
    looks = [dial for dial in hub.wire.dials if "victim.example" in dial]
    assert 0 < len(looks) <= LOOK_UPS


async def test_b8_replies_below_long_threads_of_a_victim_do_not_make_us_flood_it(
    hub: Running,
) -> None:
    """A climb fetches all that is above; many of them must not add up."""
    victim, evil = Stranger(hub, "victim.example"), Stranger(hub)
    thread = f"{victim.site.origin}/notes/"
    documents: dict[str, dict[str, Any]] = {"victim.example": {}, "evil.example": {}}
    for number in range(1, 15):
        note = victim.note()["object"] | {
            "@context": AS2, "id": f"{thread}{number}", "inReplyTo": f"{thread}{number - 1}"
        }  # fmt: skip
        documents["victim.example"][f"/notes/{number}"] = note
    for number in range(15):
        note = evil.note()["object"] | {
            "id": f"{evil.site.origin}/notes/{number}",
            "inReplyTo": f"{thread}14",
            "context": f"{hub.url}/events/1/context",
        }
        documents["evil.example"][f"/notes/{number}"] = {"@context": AS2, **note}
        activity = evil.note(id=f"{evil.site.origin}/activities/{number}", object=note)
        assert await evil.post(orjson.dumps(activity)) in {202, 429}
    for name, stranger in (("victim.example", victim), ("evil.example", evil)):
        hub.wire.attach(name, _answering(stranger.site.app, documents[name]))
    await hub.work()
    looks = [dial for dial in hub.wire.dials if "victim.example" in dial]
    assert 14 < len(looks) <= MOST_GATHERED + GATHERED_A_MINUTE
    followed = [dial for dial in hub.wire.dials if "evil.example/notes" in dial]
    assert len(followed) > 5


def _answering(inner: ASGIApp, documents: dict[str, Any]) -> ASGIApp:
    """A server that has these documents too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answers: ASGIApp = inner
        if scope["path"] in documents:
            body = orjson.dumps(documents[scope["path"]])
            answers = Response(body, media_type="application/activity+json")
        await answers(scope, receive, send)

    return app


async def test_g8_rubbish_in_a_server_s_name_does_not_use_up_what_the_server_may_send(
    make_hub: Any,
) -> None:
    hub: Running = await make_hub(inbox_burst=5, inbox_rate=0.001)
    honest = Stranger(hub, "honest.example")
    first = honest.note(id=f"{honest.site.origin}/activities/0")
    assert await honest.post(orjson.dumps(first)) == 202
    for _ in range(200):
        assert await _rubbish(hub, honest.actor, signed=True) in {401, 429}
    statuses = []
    for number in range(1, 6):
        note = honest.note(id=f"{honest.site.origin}/activities/{number}")
        statuses.append(await honest.post(orjson.dumps(note)))
    assert statuses == [202, 202, 202, 202, 429]


async def test_g8_a_server_that_sends_too_much_is_told_so_and_others_are_not(
    make_hub: Any,
) -> None:
    hub: Running = await make_hub(inbox_burst=3, inbox_rate=0.001)
    loud, quiet = Stranger(hub, "loud.example"), Stranger(hub, "quiet.example")
    statuses = []
    for number in range(6):
        note = loud.note(id=f"{loud.site.origin}/activities/{number}")
        statuses.append(await loud.post(orjson.dumps(note)))
    assert statuses == [202, 202, 202, 429, 429, 429]
    assert await quiet.post(orjson.dumps(quiet.note())) == 202
