"""Thousands of bent activities, headers, addresses and texts: refused or taken, never a fault.

What is sent is a function of the seed alone. On PostgreSQL the same goes to a hub on SQLite too,
and both must come to the same verdicts. `make soak` takes twenty times as many.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from sqlalchemy import select

from federation.signatures.http import Scheme, sign_request
from federation.testing import Wire, keys_for
from federation.vocab.names import PUBLIC
from hub.core import text
from hub.core.settings import Settings
from hub.fediverse.models import InboxActivity
from tests.conftest import ENGINE, Databases, MakeHub, Running, started
from tests.integration.faults.scale import note as keep_figures
from tests.integration.faults.scale import patience, scaled
from tests.integration.test_threats import Scene, activity, follow_actor
from tests.peer import Peer, knock
from tests.towns import EVENT

pytestmark = pytest.mark.timeout(patience(600, 6 * 3600))

ACTIVITIES = scaled(2500, 50_000)
HEADERS = scaled(1500, 30_000)
TEXTS = scaled(500, 10_000)
ADDRESSES = scaled(500, 10_000)  # with the others: 5 000, or 100 000
PATIENCE_S = 20.0  # a hang, not a measurement

EVIL: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**53 - 1,
    2**53,
    -(2**63),
    2**63,
    1e308,
    0.1,
    "",
    " ",
    "x" * 70_000,
    "\u202eevil\u2066",
    "a\u0000b",
    "\U0010ffff\ufdd0",
    "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59+23:59",
    "https://",
    "https://[::1",
    "https://127.0.0.1/x",
    "https://hub.example/actors/events",
    "https://south.example/actors/sara",
    "javascript:alert(1)",
    "https://north.example/" + "y" * 3000,
    "https://xn--/",
    PUBLIC,
    "as:Public",
    [],
    {},
    [[]],
    [None],
    {"id": None},
    {"id": "https://south.example/notes/1"},
    {"type": "Person", "id": "https://south.example/actors/sara"},
    ["https://north.example/1", "https://south.example/2"],
    [{}] * 600,
    {"type": ["Note", "Create"]},
    {"@graph": []},
    {"en": "<p>x</p>", "de": 1},
]
HTML = [
    "<p>", "</p>", "<div>", "<script>", "</script>", "<a href='", "javascript:", "'>", "<!--",
    "-->",
    "<svg>", "<math>", "<style>", "&lt;", "&#x0;", "&#1114112;", "<img src=x onerror=y>", "]]>",
    "<ul><li>", "<table><tr>", "<p title=\"", "\u202e", "<b", "=", ">", "<", "x", " ", "\n", "<h1>",
    "<template>", "<noscript>", "<ruby><rt>", "<ol start=-99999999999>", "<blockquote>" * 40,
]  # fmt: skip


LIMITS: dict[str, Any] = {"inbox_burst": 10_000_000, "peer_burst": 10_000_000}


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Databases of SQLite, whichever is tested."""
    return Databases(tmp_path_factory.mktemp("second"), None)


@pytest.fixture
async def scenes(
    make_hub: MakeHub, tmp_path: Path, second: Databases
) -> AsyncIterator[list[Scene]]:
    """A hub on the database that is tested; on another than SQLite, one on SQLite beside it."""
    async with AsyncExitStack() as stack:
        hubs: list[Running] = [await make_hub("hub.example", **LIMITS)]
        if ENGINE != "sqlite":
            settings = Settings(
                _env_file=None,
                url="https://hub.example",
                data_dir=tmp_path / "second",
                database_url=second.fresh(),
                name="Hub",
                timezone="Europe/Berlin",
                **LIMITS,
            )
            hubs.append(await stack.enter_async_context(started(settings, Wire())))
        yield [await _scene(hub) for hub in hubs]


async def _scene(hub: Running) -> Scene:
    answer = await hub.web.post("/api/v1/events", json=EVENT, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    north, south = Peer(hub, "north.example", "mallory"), Peer(hub, "south.example", "sara")
    made = Scene(hub, answer.json(), north, south)
    await follow_actor(made, north, "mallory")
    hub.wire.dials.clear()
    return made


def good_ones(scene: Scene) -> list[dict[str, Any]]:
    """An activity of each shape that we take."""
    peer, who, event = scene.north, "mallory", scene.event["uri"]
    me = peer.uri(who)
    note = scene.note(peer, who, "n", tag=[{"type": "Mention", "href": scene.events, "name": "@e"}])
    happening = {
        "id": f"{peer.origin}/e/1",
        "type": "Event",
        "attributedTo": me,
        "name": "Fest",
        "content": "<p>Cake</p>",
        "startTime": "2027-01-01T10:00:00Z",
        "endTime": "2027-01-01T12:00:00Z",
        "timezone": "Europe/Berlin",
        "location": {"type": "Place", "name": "Yard", "latitude": 52.5, "longitude": 13.4},
        "image": {"type": "Image", "url": f"{peer.origin}/p.jpg", "mediaType": "image/jpeg"},
        "attachment": [{"type": "Document", "url": f"{peer.origin}/p.pdf", "name": "plan"}],
        "to": [PUBLIC],
        "cc": [f"{me}/followers"],
        "published": "2026-01-01T00:00:00Z",
    }
    offer = {
        "id": f"{peer.origin}/o/1",
        "type": "Proposal",
        "purpose": "offer",
        "attributedTo": me,
        "name": "Ladder",
        "content": "<p>Lent</p>",
        "to": [PUBLIC],
        "publishes": {
            "type": "Intent",
            "action": "transfer",
            "resourceQuantity": {"hasUnit": "one", "hasNumericalValue": "1"},
        },
    }
    person = {
        "id": me,
        "type": "Person",
        "inbox": f"{me}/inbox",
        "preferredUsername": who,
        "name": "M",
        "publicKey": {"id": f"{me}#main-key", "owner": me, "publicKeyPem": "x"},
        "endpoints": {"sharedInbox": f"{peer.origin}/inbox"},
    }
    follow = {"id": f"{peer.origin}/f/1", "type": "Follow", "actor": me, "object": scene.events}
    like = {"id": f"{peer.origin}/l/1", "type": "Like", "actor": me, "object": event}
    things: list[tuple[str, Any]] = [
        ("Create", note), ("Update", note), ("Create", happening), ("Update", happening),
        ("Create", offer), ("Update", offer), ("Update", person), ("Delete", note["id"]),
        ("Delete", {"id": happening["id"], "type": "Tombstone", "formerType": "Event"}),
        ("Follow", scene.events), ("Undo", follow), ("Undo", like), ("Accept", follow),
        ("Reject", follow), ("Like", event), ("EmojiReact", event), ("Announce", event),
        ("Join", event), ("Leave", event), ("Flag", [event]), ("Block", scene.events),
        ("Move", me), ("Add", note["id"]), ("Remove", note["id"]), ("View", event),
        ("Offer", event), ("Invite", event), ("Ignore", event), ("Dislike", event),
        ("QuoteRequest", event),
    ]  # fmt: skip
    return [activity(peer, who, kind, thing) for kind, thing in things]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each member of a document."""
    if path:
        yield path
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        inner = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, each in inner:
        yield from places(each, (*path, key))


def bend(luck: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    """A copy with one to three members changed, dropped, doubled or invented."""
    bent = copy.deepcopy(document)
    for _ in range(luck.randint(1, 3)):
        path = luck.choice(list(places(bent)))
        holder: Any = bent
        for key in path[:-1]:
            holder = holder[key]
        match luck.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[path[-1]]
            case 1:
                holder[path[-1]] = [holder[path[-1]]]
            case 2:
                holder[path[-1]] = {"id": holder[path[-1]]}
            case _:
                holder[path[-1]] = copy.deepcopy(luck.choice(EVIL))
        if not bent:
            return bent
    return bent


def _bytes(document: Any) -> bytes:
    try:
        return orjson.dumps(document)
    except TypeError:
        return json.dumps(document).encode()


Verdicts = tuple[list[int], list[tuple[str, str]]]


async def _verdicts(scene: Scene) -> list[tuple[str, str]]:
    """What became of all that was taken, in the order in which it came."""
    await scene.hub.work()
    async with scene.hub.services.db.read() as session:
        rows = await session.execute(select(InboxActivity).order_by(InboxActivity.id))
        # Who follows whom is named by ids that are made anew in each hub.
        return [
            # So is the event, and with it the digest that stands for the id of what has none.
            (
                row.uri.partition("#sha-256-")[0],
                f"{_in_the_end(row.state)}: {re.sub('[0-9a-f-]{36}', 'id', row.reason or '')}",
            )
            for row in rows.scalars()
            if row.uri.startswith("https://north.example/")
        ]


def _in_the_end(state: str) -> str:
    """How many of its five tries a thing has had by now depends on the machine alone."""
    return "dropped" if state == "waiting" else state


async def _timely(coming: Any) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        return await coming


async def _same_everywhere(
    scenes: list[Scene], send: Callable[[Scene], Awaitable[list[int]]]
) -> Verdicts:
    """What `send` led to; the same on each database, and never a fault."""
    found: list[Verdicts] = []
    for scene in scenes:
        statuses = await send(scene)
        verdicts = await _verdicts(scene)
        assert not [status for status in statuses if not 200 <= status < 500]
        assert not [one for one in verdicts if one[1].startswith("failed") or "Error" in one[1]]
        for path in ("/events", f"/events/{scene.event['id']}", "/api/v1/events", "/"):
            assert (await scene.hub.web.get(path)).status_code == 200
        found.append((statuses, verdicts))
    for statuses, verdicts in found[1:]:
        assert statuses == found[0][0]
        assert Counter(verdicts) == Counter(found[0][1])
    return found[0]


async def test_c3_bent_activities_are_taken_or_refused(scenes: list[Scene]) -> None:
    async def send(scene: Scene) -> list[int]:
        luck, statuses = random.Random(3), []
        good = good_ones(scene)
        for number, one in enumerate(good):
            one["id"] = f"{scene.north.origin}/good/{number}"
            assert await scene.north.post("mallory", one) == 202, one["type"]
        await scene.hub.work()
        for number in range(ACTIVITIES):
            one = luck.choice(good) | {"id": f"{scene.north.origin}/bent/{number}"}
            body = _bytes(bend(luck, one))
            statuses.append(await _timely(scene.north.post("mallory", body)))
            if number % 100 == 0:
                await _timely(scene.hub.work())
        return statuses

    statuses, verdicts = await _same_everywhere(scenes, send)
    counts = Counter(statuses)
    assert set(counts) <= {202, 400, 401}
    assert min(counts[202], counts[400]) > ACTIVITIES // 20
    assert {"done", "dropped"} <= {verdict.partition(":")[0] for _, verdict in verdicts}
    keep_figures("C3", "bent activities", inputs=ACTIVITIES, faults=0)


async def test_a11_bent_headers_are_refused(scenes: list[Scene]) -> None:
    """Two seconds apart a signature is another one, so that only the statuses can be compared."""

    async def send(scene: Scene) -> list[int]:
        luck, statuses = random.Random(4), []
        keys = keys_for(scene.north.uri("mallory"))
        body = orjson.dumps(activity(scene.north, "mallory", "Like", scene.event["uri"]))
        schemes: tuple[Scheme, Scheme] = ("cavage", "rfc9421")
        url, now = f"{scene.hub.url}/inbox", datetime.now(UTC)
        for number in range(HEADERS):
            headers = sign_request(keys, "POST", url, body, scheme=schemes[number % 2], now=now)
            for _ in range(luck.randint(1, 3)):
                name = luck.choice(sorted(headers))
                headers[name] = _bent_text(luck, headers[name])
            # Each from another address: who is refused too often is not listened to (B8).
            client = f"2001:db8::{number:x}"
            knocked = knock(scene.hub, body, headers, client=client)
            statuses.append((await _timely(knocked)).status)
        return statuses

    statuses, verdicts = [], []
    for scene in scenes:
        statuses = await send(scene)
        verdicts = await _verdicts(scene)
        # 429: keys that are not to be had were asked for too often.
        assert set(statuses) <= {202, 400, 401, 403, 413, 415, 429}
        assert Counter(statuses)[401] > HEADERS // 2
        assert {uri for uri, _ in verdicts} <= {
            "https://north.example/accepts/mallory",
            "https://north.example/Accept/of-mallory",
            "https://north.example/Like/1",
        }
    keep_figures("A11", "bent headers", inputs=HEADERS, faults=0)


def _bent_text(luck: random.Random, text: str) -> str:
    strange = [
        '"',
        "\\",
        ",",
        ";",
        "=",
        "(",
        ")",
        ":",
        "\t",
        "\x00",
        "é",
        "\xf0\x9f",
        "9" * 40,
        " ",
    ]
    at = luck.randrange(len(text) + 1)
    match luck.randrange(6):
        case 0:
            return text[:at]
        case 1:
            return text[:at] + luck.choice(strange) + text[at:]
        case 2:
            return text[:at] + text[at + luck.randint(1, 9) :]
        case 3:
            return f"{text}, {text}"
        case 4:
            return text[:at] + luck.choice(strange) * 3000 + text[at:]
        case _:
            return text.swapcase()


class _Tags(HTMLParser):
    """A second opinion on which tags and attributes a text has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


async def test_c6_bent_html_is_shown_clean(scenes: list[Scene]) -> None:
    async def send(scene: Scene) -> list[int]:
        luck, statuses = random.Random(6), []
        for number in range(TEXTS):
            words = "".join(luck.choice(HTML) for _ in range(luck.randint(1, 60)))
            note = scene.note(scene.north, "mallory", number, content=words, summary=words)
            document = activity(scene.north, "mallory", "Create", note, number)
            statuses.append(await _timely(scene.north.post("mallory", document)))
        return statuses

    statuses, verdicts = await _same_everywhere(scenes, send)
    assert set(statuses) == {202}
    assert {verdict for _, verdict in verdicts} == {"done: "}
    allowed = set().union(*text.ATTRIBUTES.values()) | {"rel"}
    replies = [await scene.replies() for scene in scenes]
    assert all(each == replies[0] for each in replies)
    assert len(replies[0]) == TEXTS
    for content in replies[0].values():
        found = _Tags(content)
        assert found.tags <= text.TAGS, content
        assert found.attributes <= allowed, content
    keep_figures("C6", "bent HTML", inputs=TEXTS, faults=0)


async def test_b10_bent_addresses_are_fetched_or_refused(scenes: list[Scene]) -> None:
    parts = """
    https:// http:// // north.example south.example hub.example 127.0.0.1 [::1] @ : :443 / \\ ? #
    % %2e .. xn-- é 🙂 \u200b \u202e \ud7ff 0x7f.1 2130706433 [ ] localhost . %00 acct: ftp://
    """.split()  # noqa: SIM905 - one would not see them for the quotes
    parts += [" ", "a" * 300]
    kinds = ("Announce", "Create", "Delete", "Undo", "Accept", "Update")

    async def send(scene: Scene) -> list[int]:
        luck, statuses = random.Random(10), []
        for number in range(ADDRESSES):
            uri = luck.choice(parts[:2])
            uri += "".join(luck.choice(parts) for _ in range(luck.randint(1, 6)))
            document = activity(scene.north, "mallory", luck.choice(kinds), uri, number)
            statuses.append(await _timely(scene.north.post("mallory", document)))
        return statuses

    statuses, _ = await _same_everywhere(scenes, send)
    assert set(statuses) == {202, 400}
    for scene in scenes:
        hosts = {urlsplit(dial.split(" ")[1]).hostname for dial in scene.hub.wire.dials}
        assert "north.example" in hosts
        assert not hosts & {"127.0.0.1", "localhost", "hub.example", "::1", None}
    keep_figures("B10", "bent addresses", inputs=ADDRESSES, faults=0)
