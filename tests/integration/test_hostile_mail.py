"""The hostile first hundred: the statuses of AP-27, nothing stored, nobody dialled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from federation.signatures.http import sign_request
from federation.signatures.keys import SigningKeys
from federation.testing import MemorySite
from hub.entries.models import Entry
from hub.fediverse.models import InboxActivity
from tests.conftest import Running

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
AS2 = "https://www.w3.org/ns/activitystreams"


class Stranger:
    """A server that the hub has never heard of, with one actor that signs."""

    def __init__(self, hub: Running, name: str = "evil.example") -> None:
        self.hub = hub
        self.site = MemorySite(f"https://{name}", hub.wire)
        self.site.add_actor("mallory", "Person")

    @property
    def keys(self) -> SigningKeys:
        return self.site.keys("mallory")

    @property
    def actor(self) -> str:
        return self.keys.actor

    def note(self, **changes: Any) -> dict[str, Any]:
        """A Create of a Note, as it should be but for the changes."""
        home = self.site.origin
        note = {
            "id": f"{home}/notes/1",
            "type": "Note",
            "attributedTo": self.actor,
            "content": "<p>hello</p>",
            "to": [PUBLIC],
            "cc": [],
        }
        return {
            "@context": AS2,
            "id": f"{home}/activities/1",
            "type": "Create",
            "actor": self.actor,
            "to": [PUBLIC],
            "object": note,
            **changes,
        }

    async def post(
        self, body: bytes, *, headers: Mapping[str, str] | None = None, drop: str = ""
    ) -> int:
        """The status of a signed POST of these bytes to the shared inbox."""
        url = f"{self.hub.url}/inbox"
        signed = sign_request(
            self.keys,
            "POST",
            url,
            body,
            now=datetime.now(UTC),
            content_type="application/activity+json",
        )
        signed = {name: value for name, value in signed.items() if name.lower() != drop}
        answer = await self.hub.web.post(
            "/inbox", content=body, headers={**signed, **(headers or {})}
        )
        return answer.status_code


@pytest.fixture
def stranger(hub: Running) -> Stranger:
    return Stranger(hub)


async def _rows(hub: Running) -> tuple[int, int]:
    async with hub.services.db.read() as session:
        mail = await session.scalar(select(func.count()).select_from(InboxActivity))
        entries = await session.scalar(select(func.count()).select_from(Entry))
    return mail or 0, entries or 0


def _deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


BAD_JSON = [
    b"",
    b"{",
    b"[1,2]",
    b'"text"',
    b"null",
    b"NaN",
    b'{"id": NaN}',
    b'{"id": 1e999}',
    b'{"id": "\xff"}',
    b"\xef\xbb\xbf{}",
    b'{"id": "a\\u0000b"}',
    b'{"a": ' + b"9" * 5000 + b"}",
    _deep(40),
    _deep(5000),
    '{"id": "x"}'.encode("utf-16"),
    b'{"@graph": [], "type": "Create"}',
    b'{"type": "Create", "type": "Delete", "actor": "x"}',
    b"\x00" * 100,
]


@pytest.mark.parametrize("body", BAD_JSON, ids=range(len(BAD_JSON)))
async def test_ap_27_what_is_not_an_activity_is_refused_with_400(
    stranger: Stranger, body: bytes
) -> None:
    assert await stranger.post(body) == 400
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_27_an_unsigned_activity_is_refused_with_401(stranger: Stranger) -> None:
    answer = await stranger.hub.web.post(
        "/inbox",
        json=stranger.note(),
        headers={"Content-Type": "application/activity+json"},
    )
    assert answer.status_code == 401
    assert "@target-uri" in answer.headers["Accept-Signature"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await _rows(stranger.hub) == (0, 0)


@pytest.mark.parametrize("gone", ["date", "digest", "signature"])
async def test_ap_16_a_missing_header_is_refused_with_401(stranger: Stranger, gone: str) -> None:
    assert await stranger.post(orjson.dumps(stranger.note()), drop=gone) == 401
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_16_a_body_that_was_changed_is_refused_with_401(stranger: Stranger) -> None:
    body = orjson.dumps(stranger.note())
    signed = sign_request(
        stranger.keys,
        "POST",
        f"{stranger.hub.url}/inbox",
        body,
        now=datetime.now(UTC),
        content_type="application/activity+json",
    )
    changed = body.replace(b"hello", b"hacked")
    answer = await stranger.hub.web.post("/inbox", content=changed, headers=signed)
    assert answer.status_code == 401
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_16_a_signature_of_another_key_is_refused_with_401(stranger: Stranger) -> None:
    other = Stranger(stranger.hub, "other.example")
    body = orjson.dumps(stranger.note())
    signed = sign_request(
        other.keys,
        "POST",
        f"{stranger.hub.url}/inbox",
        body,
        now=datetime.now(UTC),
        content_type="application/activity+json",
    )
    forged = signed["Signature"].replace(other.keys.rsa_id, stranger.keys.rsa_id)
    answer = await stranger.hub.web.post(
        "/inbox", content=body, headers={**signed, "Signature": forged}
    )
    assert answer.status_code == 401
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_21_an_activity_of_a_foreign_actor_is_refused_with_401(stranger: Stranger) -> None:
    other = Stranger(stranger.hub, "victim.example")
    assert await stranger.post(orjson.dumps(other.note())) == 401
    assert await _rows(stranger.hub) == (0, 0)


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/json", "image/png", ""])
async def test_ap_27_another_content_type_is_refused_with_415(
    stranger: Stranger, kind: str
) -> None:
    body = orjson.dumps(stranger.note())
    assert await stranger.post(body, headers={"Content-Type": kind}) == 415
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_27_two_megabytes_are_refused_with_413(stranger: Stranger) -> None:
    body = orjson.dumps(stranger.note(summary="x" * 2_000_000))
    assert await stranger.post(body) == 413
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_78_a_localhost_inbox_is_never_dialled(stranger: Stranger) -> None:
    hub = stranger.hub
    body = orjson.dumps(
        {
            "@context": AS2,
            "id": f"{stranger.site.origin}/follows/1",
            "type": "Follow",
            "actor": stranger.actor,
            "object": f"{hub.url}/actors/events",
            "to": ["https://localhost/inbox", "http://127.0.0.1:8000/inbox"],
            "cc": ["https://169.254.169.254/latest"],
        }
    )
    assert await stranger.post(body) == 202
    await hub.work()
    assert not [dial for dial in hub.wire.dials if "localhost" in dial or "127." in dial]
    assert not [dial for dial in hub.wire.dials if "169.254" in dial]


@pytest.mark.parametrize(
    "key_id",
    [
        "https://localhost/actor#main-key",
        "https://127.0.0.1/actor#main-key",
        "https://10.0.0.1/actor#main-key",
        "https://[::1]/actor#main-key",
        "https://169.254.169.254/actor#main-key",
        "http://evil.example/actor#main-key",
        "https://2130706433/actor",
        "acct:mallory@evil.example",
        "file:///etc/passwd",
        "https://user@evil.example/actor",
    ],
)
async def test_ap_78_a_key_at_a_forbidden_address_is_never_fetched(
    stranger: Stranger, key_id: str
) -> None:
    hub = stranger.hub
    body = orjson.dumps(stranger.note(actor=key_id.partition("#")[0]))
    signed = sign_request(
        stranger.keys,
        "POST",
        f"{hub.url}/inbox",
        body,
        now=datetime.now(UTC),
        content_type="application/activity+json",
    )
    signed["Signature"] = signed["Signature"].replace(stranger.keys.rsa_id, key_id)
    answer = await hub.web.post("/inbox", content=body, headers=signed)
    assert answer.status_code in {400, 401}
    assert hub.wire.dials == []
    assert await _rows(hub) == (0, 0)


async def test_ap_30_a_note_that_nobody_asked_for_is_taken_and_dropped(stranger: Stranger) -> None:
    assert await stranger.post(orjson.dumps(stranger.note())) == 202
    await stranger.hub.work()
    mail, entries = await _rows(stranger.hub)
    assert (mail, entries) == (1, 0)


async def test_ap_26_the_end_of_an_unknown_actor_costs_no_request(stranger: Stranger) -> None:
    body = orjson.dumps(
        {
            "@context": AS2,
            "id": f"{stranger.actor}#delete",
            "type": "Delete",
            "actor": stranger.actor,
            "object": stranger.actor,
            "to": [PUBLIC],
        }
    )
    assert await stranger.post(body) == 202
    assert stranger.hub.wire.dials == []
    assert await _rows(stranger.hub) == (0, 0)


async def test_ap_84_a_blocked_server_gets_403(stranger: Stranger) -> None:
    hub = stranger.hub
    answer = await hub.web.post(
        "/api/v1/blocks", json={"host": "evil.example"}, headers=hub.steward
    )
    assert answer.is_success, answer.text
    hub.hub.site.forget()
    assert await stranger.post(orjson.dumps(stranger.note())) == 403
    assert await _rows(hub) == (0, 0)


async def test_a_stranger_that_floods_gets_429_with_retry_after(make_hub: Any) -> None:
    hub: Running = await make_hub(inbox_burst=3, inbox_rate=1)
    stranger = Stranger(hub)
    statuses = []
    for number in range(5):
        body = orjson.dumps(stranger.note(id=f"{stranger.site.origin}/activities/{number}"))
        statuses.append(await stranger.post(body))
    assert statuses[:3] == [202, 202, 202]
    assert 429 in statuses[3:]


async def test_get_of_an_inbox_is_refused(hub: Running) -> None:
    for path in ("/inbox", "/actors/events/inbox"):
        assert (await hub.web.get(path)).status_code == 405
