"""Rubbish by the thousand: nothing kept, next to nothing fetched, and the honest go on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import func, select

from federation.signatures.http import sign_request
from federation.testing import keys_for
from hub.fediverse.models import InboxActivity, Peer
from tests.conftest import Running
from tests.integration.test_hostile_mail import Stranger

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
