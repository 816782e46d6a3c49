"""The network without wires behaves as one with wires, as far as a peer can tell."""

from __future__ import annotations

import asyncio
import re
import runpy
from ipaddress import ip_network
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

import federation
from federation.delivery import Delivered, Later
from federation.errors import BadUrl, ForbiddenAddress, Gone, TooLarge, Unreachable
from federation.guard import Guard
from federation.testing import AsgiGetter, AsgiPoster, MemorySite, Wire
from federation.vocab.activities import Accept, Create, Follow
from federation.vocab.actors import Actor
from federation.vocab.names import PUBLIC
from federation.vocab.objects import Note
from federation.vocab.parse import parse

NORTH, SOUTH = "https://north.example", "https://south.example:8443"
GUARD = Guard()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what it was asked."""
    body = (await receive()).get("body", b"")
    headers = dict(scope["headers"])
    said = [scope["method"], scope["raw_path"].decode(), scope["query_string"].decode()]
    said += [headers[b"host"].decode(), body.decode()]
    start: Message = {
        "type": "http.response.start",
        "status": 404 if scope["path"] == "/missing" else 200,
        "headers": [(b"X-One", b"1"), (b"x-one", b"2")],
    }
    await send(start)
    await send({"type": "http.response.body", "body": "|".join(said).encode(), "more_body": True})
    await send({"type": "http.response.body"})


async def sleepy(scope: Scope, receive: Receive, send: Send) -> None:
    """Never answers."""
    await asyncio.Event().wait()


def wired() -> Wire:
    wire = Wire()
    wire.attach("north.example", echo)
    wire.attach("slow.example", sleepy)
    return wire


async def got(wire: Wire, url: str, limit: int = 1000) -> tuple[int, bytes]:
    answer = await AsgiGetter(wire, GUARD).get(
        url, {"Host": "north.example"}, limit_bytes=limit, deadline_s=0.05
    )
    assert answer.url == url
    return answer.status, answer.body


async def test_request_reaches_the_application_as_it_was_written() -> None:
    wire = wired()
    status, body = await got(wire, f"{NORTH}/a%2Fb/c?x=%20y")
    assert (status, body) == (200, b"GET|/a%2Fb/c|x=%20y|north.example|")
    assert wire.dials == [f"GET {NORTH}/a%2Fb/c?x=%20y"]


async def test_post_brings_its_body_and_headers() -> None:
    answer = await AsgiPoster(wired(), GUARD).post(
        f"{NORTH}/inbox", {"Host": "other.example"}, b"mail", deadline_s=1
    )
    assert answer.body == b"POST|/inbox||other.example|mail"
    assert answer.headers["x-one"] == "1, 2"


async def test_body_of_a_failed_fetch_is_empty() -> None:
    assert await got(wired(), f"{NORTH}/missing") == (404, b"")


async def test_fetch_has_its_limits() -> None:
    with pytest.raises(TooLarge):
        await got(wired(), f"{NORTH}/", limit=3)
    with pytest.raises(Unreachable):
        await got(wired(), "https://slow.example/")


async def test_who_is_down_or_not_there_does_not_answer() -> None:
    wire = wired()
    wire.down.add("north.example")
    for url in (f"{NORTH}/", "https://nowhere.example/"):
        with pytest.raises(Unreachable):
            await got(wire, url)
    assert len(wire.dials) == 2


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("http://north.example/", ForbiddenAddress),
        ("https://127.0.0.1/", ForbiddenAddress),
        ("https://localhost/", ForbiddenAddress),
        ("https://north.example:9999/", ForbiddenAddress),
        ("https://user@north.example/", BadUrl),
        ("ftp://north.example/", BadUrl),
    ],
)
async def test_guard_stands_before_the_wire(url: str, refusal: type[Exception]) -> None:
    wire = wired()
    with pytest.raises(refusal):
        await got(wire, url)
    assert wire.dials == []


def the_two() -> tuple[MemorySite, MemorySite, Wire]:
    wire = Wire()
    return MemorySite(NORTH, wire), MemorySite(SOUTH, wire), wire


async def test_two_sites_follow_each_other_and_talk() -> None:
    north, south, _ = the_two()

    @north.inbox.on(Follow)
    async def followed(site: MemorySite, activity: Follow) -> None:
        answer = Accept(
            id=f"{NORTH}/a/1", actor=site.uri("events"), object=activity, to=(activity.actor,)
        )
        fetched = parse((await site.fetcher.fetch(activity.actor)).document)
        assert isinstance(fetched, Actor)
        assert isinstance(await site.send("events", answer, fetched.inbox), Delivered)

    follow = Follow(id=f"{SOUTH}/f/1", actor=south.uri("events"), object=north.uri("events"))
    assert isinstance(await south.send("events", follow, f"{NORTH}/inbox"), Delivered)
    assert await north.work() == 1
    assert len(south.received) == 1
    accepted = south.received[0]
    assert accepted.actor == north.uri("events")
    assert accepted.activity.object == follow
    assert (accepted.trust, accepted.host) == ("signer", "north.example")


async def test_public_activity_bears_a_proof() -> None:
    north, south, _ = the_two()
    note = Note(id=f"{NORTH}/n/1", attributed_to=north.uri("events"), content="Hi", to=(PUBLIC,))
    create = Create(id=f"{NORTH}/c/1", actor=north.uri("events"), object=note, to=(PUBLIC,))
    await north.send("events", create, f"{SOUTH}/inbox")
    assert south.received[0].activity.proof_present
    assert south.received[0].activity == create


async def test_site_that_is_down_is_tried_later() -> None:
    north, _, wire = the_two()
    wire.down.add("south.example:8443")
    follow = Follow(actor=north.uri("events"), object=f"{SOUTH}/actors/events")
    assert isinstance(await north.send("events", follow, f"{SOUTH}/inbox"), Later)


async def test_site_does_not_speak_to_itself() -> None:
    north, _, wire = the_two()
    with pytest.raises(ForbiddenAddress):
        await north.fetcher.fetch(north.uri("events"))
    assert wire.dials == []


async def test_site_pages_through_what_a_test_put_there() -> None:
    north, south, _ = the_two()
    north.collections["events", "outbox"] = [f'"{NORTH}/{n}"'.encode() for n in range(45)]
    first = await south.fetcher.fetch(f"{NORTH}/actors/events/outbox")
    assert first.document["totalItems"] == 45
    with pytest.raises(Gone):
        await south.fetcher.fetch(f"{NORTH}/actors/nobody/outbox")


async def test_site_may_live_on_a_loopback_for_tests() -> None:
    wire = Wire()
    guard = Guard(allow_networks=(ip_network("127.0.0.0/8"),), allow_http=True)
    site = MemorySite("http://127.0.0.1:8001", wire, guard=guard)
    assert site.is_ours("127.0.0.1:8001")
    assert (await site.fetcher.fetch(site.uri("relay"))).document["type"] == "Application"


def test_example_of_the_readme_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = Path(federation.__file__ or "").with_name("README.md").read_text("utf-8")
    example = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert example is not None
    script = tmp_path / "example.py"
    script.write_text(example[1], "utf-8")
    runpy.run_path(str(script))
    assert capsys.readouterr().out == "https://north.example/actors/events says: Repair café\n"
