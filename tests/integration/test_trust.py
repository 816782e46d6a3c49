"""Whom a hub trusts: how open it is, lists of servers, and taking them back (SECURITY G3–G5)."""

from __future__ import annotations

import base64
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from federation.signatures.http import sign_request
from federation.testing import MemorySite
from federation.vocab.activities import Flag, Follow
from hub.actors import service as actors
from hub.actors.models import Actor
from hub.commands import COMMANDS
from hub.core.clock import now
from hub.entries.models import Entry, Picture, Report
from hub.fediverse import follows, outbox, peers, relays, rulings
from hub.fediverse.models import Backfill, Peer, Ruling
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.rulings import Word
from hub.trust import returning, service, weighing
from hub.trust.models import ServerList
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_two_hubs import EVENT, _follow, _listed, _post
from tests.jobs import ask
from tests.towns import Town, signed_in

LIST = """#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate
south.example,suspend,false,false,Spam,false
unknown.example,suspend,false,false,,false
loud.example,silence,true,false,,false
hub.example,suspend,false,false,,false
"""


async def _lines(hub: Running, command: str, **given: Any) -> list[dict[str, Any]]:
    return [line async for line in COMMANDS[command](hub.services, **given)]


# ------------------------------------------------------------------------------ modes


WHO_IS_HEARD = [  # the mode, the standing, whether we follow them; who is let in, who is heard
    ("open", "open", False, True, True),
    ("open", "silenced", True, True, False),
    ("open", "blocked", False, False, False),
    ("open", "allowed", False, True, True),
    ("limited", "open", False, True, False),
    ("limited", "open", True, True, True),
    ("limited", "silenced", True, True, False),
    ("limited", "blocked", False, False, False),
    ("limited", "allowed", False, True, True),
    ("allow-list", "open", False, False, False),
    ("allow-list", "open", True, True, True),
    ("allow-list", "silenced", False, False, False),
    ("allow-list", "blocked", False, False, False),
    ("allow-list", "allowed", False, True, True),
]


async def test_g3_who_is_let_in_and_who_is_heard(town: Town) -> None:
    hub = town.hub
    await town.say(town.note())
    seen = [(*row[:3], *await _met(town, row[0], row[1], followed=row[2])) for row in WHO_IS_HEARD]
    assert seen == WHO_IS_HEARD
    accept = {"accept": "application/activity+json"}
    assert (await hub.web.get("/actors/events", headers=accept)).status_code == 200


async def _met(town: Town, mode: str, standing: Any, *, followed: bool) -> tuple[bool, bool]:
    """Whether somebody elsewhere may read, send and follow, and whether they are heard."""
    hub = town.hub
    async with hub.services.db.write() as session:
        await session.execute(delete(FollowRow))
        ada = (await session.scalars(select(Actor).where(Actor.name == "ada"))).one()
        # Said of the name above, at which nobody is known: it holds below (G4).
        await rulings.rule(session, [Word("example", standing)])
        await service.choose_mode(session, mode)
        if followed:
            await follows.ask(session, hub.services, ada)
            await session.execute(update(FollowRow).values(state="accepted"))
    hub.hub.site.forget()
    # An authorised fetch (PROTOCOL §2.4).
    signed = sign_request(town.site.keys("ada"), "GET", town.events, None, now=now())
    accept = {"accept": "application/activity+json"}
    answer = await hub.web.get("/actors/events", headers={**accept, **signed})
    follow = Follow(id=f"{town.site.origin}/{uuid4()}", actor=ada.uri, object=town.events)
    outcome = await town.site.send("ada", follow, f"{town.events}/inbox")
    await hub.work()
    async with hub.services.db.read() as session:
        found = {
            answer.status_code == 200,
            type(outcome).__name__ == "Delivered",
            await follows.followers(session) != [],
            not await rulings.is_closed(session, hub.services, "town.example"),
        }
        (let_in,) = found  # every door agrees
        return let_in, await peers.hears(session, hub.services, ada)


async def test_g3_where_only_listed_servers_are_let_in_others_get_no_more_mail(
    make_hub: MakeHub,
) -> None:
    north, south, west = [await make_hub(f"{name}.example") for name in ("north", "south", "west")]
    await _follow(south, north, "events")
    await _follow(west, north, "events")
    first = await _post(north, "events", EVENT)
    await settle(north, south, west)
    shown = await _lines(north, "federation", mode="allow-list", dry_run=True)
    assert [line["row"] for line in shown if "row" in line] == [
        {"shut_out": "south.example"},
        {"shut_out": "west.example"},
    ]
    assert (await _lines(north, "federation"))[0]["text"] == "limited", "it was only asked"
    await _lines(north, "allow", host="south.example")
    shown = await _lines(north, "federation", mode="allow-list")
    assert [line["row"]["shut_out"] for line in shown if "row" in line] == ["west.example"]
    await _post(north, "events", {**EVENT, "title": "For the listed"})
    await settle(north, south, west)
    assert len(await _listed(south, "events")) == 2
    assert len(await _listed(west, "events")) == 1
    # What others have of us they still hear the end of.
    answer = await north.web.delete(f"/api/v1/events/{first['id']}", headers=north.steward)
    assert answer.status_code == 204
    await settle(north, south, west)
    assert await _listed(west, "events") == []


async def test_the_page_says_whom_a_mode_would_shut_out_before_it_is_chosen(hub: Running) -> None:
    site = MemorySite("https://friend.example", hub.wire)
    follow = Follow(
        id=f"{site.origin}/f", actor=site.uri("relay"), object=f"{hub.url}/actors/events"
    )
    await site.send("relay", follow, f"{hub.url}/inbox")
    await hub.work()
    async with signed_in(hub) as (web, csrf):
        page = await web.get("/admin/servers/mode")
        assert "friend.example" in page.text
        answer = await web.post("/admin/servers/mode", data={"csrf": csrf, "mode": "allow-list"})
        assert answer.status_code == 303
        answer = await web.post("/admin/servers/mode", data={"csrf": csrf, "mode": "closed"})
        assert answer.status_code == 422
    outcome = await site.send("relay", follow, f"{hub.url}/inbox")
    assert getattr(outcome, "status", None) == 403


# ------------------------------------------------------------------------------ names


async def test_g4_a_server_that_comes_later_stands_as_was_said_of_its_name(hub: Running) -> None:
    async with hub.services.db.write() as session:
        await rulings.rule(
            session,
            [Word("bad.example"), Word("good.bad.example", "allowed", reject_media=True)],
        )
        await rulings.ensure(session, ["a.bad.example:8443", "x.good.bad.example", "else.example"])
    async with hub.services.db.read() as session:
        rows = await session.execute(
            select(Peer.host, Peer.standing, Peer.no_pictures).order_by(Peer.host)
        )
        assert rows.all() == [
            ("a.bad.example:8443", "blocked", False),
            ("else.example", "open", False),
            ("x.good.bad.example", "allowed", True),
        ]


async def test_a_name_below_a_blocked_one_is_let_in_by_its_own_name_alone(hub: Running) -> None:
    async with hub.services.db.write() as session:
        await peers.block(session, hub.services, "bad.example")
    answer = await hub.web.delete("/api/v1/blocks/a.bad.example", headers=hub.steward)
    assert answer.status_code == 409
    assert "bad.example" in answer.json()["detail"]
    said = {"host": "a.bad.example", "standing": "allowed"}
    answer = await hub.web.post("/api/v1/blocks", json=said, headers=hub.steward)
    assert answer.status_code == 201
    async with hub.services.db.read() as session:
        assert not await rulings.is_blocked(session, "a.bad.example")
        assert await rulings.is_blocked(session, "b.bad.example")


# ------------------------------------------------------------------------------ lists


@pytest.fixture
async def bound(make_hub: MakeHub) -> tuple[Running, Running]:
    """Two hubs that follow each other, the second with an event, the first with waiting mail."""
    hub, south = await make_hub("hub.example"), await make_hub("south.example")
    await _follow(hub, south, "events")
    await _follow(south, hub, "events")
    await _post(south, "events", EVENT)
    await settle(hub, south)
    hub.wire.down.add("south.example")
    await _post(hub, "events", {**EVENT, "title": "Choir"})
    await hub.work()
    return hub, south


async def _read(hub: Running, text: str = LIST, **more: Any) -> dict[str, Any]:
    answer = await hub.web.post(
        "/api/v1/blocks/lists", json={"text": text, "source": "a.csv", **more}, headers=hub.steward
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _take(hub: Running, list_id: str, **choice: Any) -> dict[str, Any]:
    answer = await hub.web.post(
        f"/api/v1/blocks/lists/{list_id}/take", json=choice, headers=hub.steward
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _names(hub: Running) -> dict[str, str]:
    async with hub.services.db.read() as session:
        return {row.host: row.standing for row in await rulings.listed(session)}


async def _state(hub: Running) -> tuple[dict[str, str], list[Any], dict[str, Any], int]:
    """All that a block could sever."""
    async with hub.services.db.read() as session:
        ties = [
            (row.uri, row.state, row.follower_id, row.followee_id, row.relay)
            for row in await session.scalars(select(FollowRow).order_by(FollowRow.uri))
        ]
        weights = await weighing.weights_of(session, ["south.example"])
    return await _names(hub), ties, weights, len(await _listed(hub, "events"))


async def test_g5_a_list_says_what_it_severs_and_changes_nothing_before_it_is_taken(
    bound: tuple[Running, Running],
) -> None:
    hub, _ = bound
    before = await _state(hub)
    look = await _read(hub)
    by_host = {one["host"]: one for one in look["names"]}
    assert {host: one["verdict"] for host, one in by_host.items()} == {
        "south.example": "followed",
        "unknown.example": "new",
        "loud.example": "new",
        "hub.example": "ours",
    }
    severs = {"servers": 1, "followers": 1, "followed": 1, "entries": 1, "waiting": 1}
    assert by_host["south.example"]["severs"] == severs
    assert await _state(hub) == before
    await _take(hub, look["id"])
    assert await _names(hub) == {"unknown.example": "blocked", "loud.example": "silenced"}, (
        "what ends our own follows, and the hub itself, is left out unless somebody wants it"
    )


async def test_g5_what_a_list_severed_comes_back_with_its_undo_and_what_cannot_is_said(
    bound: tuple[Running, Running],
) -> None:
    hub, south = bound
    _, ties, _, entries = await _state(hub)
    look = await _read(hub)
    hosts = [one["host"] for one in look["names"]]
    taken = await _take(hub, look["id"], hosts=hosts, without=["loud.example"])
    assert (taken["names"], taken["mail_dropped"]) == (2, 1)
    names, gone, _, shown = await _state(hub)
    assert (set(names), gone) == ({"south.example", "unknown.example"}, [])
    assert shown == entries - 1, "what it sent is no longer shown"
    again = await hub.web.post(
        f"/api/v1/blocks/lists/{look['id']}/take", json={}, headers=hub.steward
    )
    assert again.status_code == 409
    answer = await hub.web.delete(f"/api/v1/blocks/lists/{look['id']}", headers=hub.steward)
    undone = answer.json()
    assert (undone["names"], undone["follows"], undone["lost"], undone["mail"]) == (2, 2, 0, 1)
    names, back, _, shown = await _state(hub)
    assert (names, back, shown) == ({}, ties, entries)
    hub.wire.down.clear()
    for one, other, title in ((hub, south, "Sewing"), (south, hub, "Chess")):
        await _post(one, "events", {**EVENT, "title": title})
        await settle(hub, south)
        found = {each["title"] for each in await _listed(other, "events")}
        assert title in found, "the restored follows carry mail"
    answer = await hub.web.delete(f"/api/v1/blocks/lists/{look['id']}", headers=hub.steward)
    assert answer.status_code == 409


async def test_g5_a_single_server_is_a_list_of_one(bound: tuple[Running, Running]) -> None:
    hub, _ = bound
    before = await _state(hub)
    one = {"host": "south.example"}
    for again in (1, 2):
        blocked = await hub.web.post("/api/v1/blocks", json=one, headers=hub.steward)
        assert blocked.status_code < 300, again
        assert (await _state(hub))[1] == []
        lines = await _lines(hub, "block", host="south.example", undo=True)
        assert lines[0]["text"] == "south.example is heard again; 2 follows are there again."
        assert (await _state(hub))[1] == before[1]
    await _lines(hub, "block", host="south.example")
    await _lines(hub, "allow", host="south.example")
    names, ties, _, entries = await _state(hub)
    assert (names, ties, entries) == ({"south.example": "allowed"}, before[1], before[3])


async def test_g5_all_that_went_with_a_server_returns_however_many_words_took_it(
    town: Town,
) -> None:
    hub = town.hub
    await town.hear()
    await town.say(town.note())
    _, ties, _, _ = await _state(hub)
    before = (ties, len(await town.thread()))
    assert (len(ties), before[1]) == (1, 1)

    async def say(standing: str, **more: Any) -> tuple[list[Any], int]:
        said = {"host": "town.example", "standing": standing, **more}
        answer = await hub.web.post("/api/v1/blocks", json=said, headers=hub.steward)
        assert answer.status_code < 300
        return (await _state(hub))[1], len(await town.thread())

    for words in (
        ("silenced", "blocked"),
        ("blocked", "silenced"),
        ("silenced", "blocked", "silenced", "blocked"),
    ):
        for word in words:
            assert await say(word) == ([] if word == "blocked" else ties, 0), words
        async with hub.services.db.write() as session:
            _, done = await service.unblock(session, "town.example")
        assert (done.follows, done.replies, done.lost) == (words[-1] == "blocked", 1, 0)
        assert ((await _state(hub))[1], len(await town.thread())) == before, words
        async with hub.services.db.write() as session:
            _, done = await service.unblock(session, "town.example")
        assert done == returning.Undone(), "nothing returns twice"
    assert await say("silenced") == (ties, 0)
    assert await say("silenced", comment="Loud", reject_media=True) == (ties, 0)
    assert await say("allowed") == before


async def test_g5_a_relay_is_a_relay_after_its_block_is_taken_back_too(
    bound: tuple[Running, Running],
) -> None:
    """Else it would be somebody whom we follow, and all that it passes on would be shown."""
    hub, _ = bound
    async with hub.services.db.write() as session:
        await session.execute(delete(Backfill))
        (ours,) = await follows.ours(session)
        ours.relay = follows.AS_ACTOR
    _, ties, _, _ = await _state(hub)
    assert {tie[-1] for tie in ties} == {follows.AS_ACTOR, None}
    await _lines(hub, "block", host="south.example")
    await _lines(hub, "block", host="south.example", undo=True)
    assert (await _state(hub))[1] == ties
    async with hub.services.db.read() as session:
        assert await relays.is_relay(session, "south.example")
        assert await session.scalar(select(Backfill)) is None, "and no relay's past is read"


async def test_g5_an_undo_leaves_alone_what_was_said_since(hub: Running) -> None:
    async with hub.services.db.write() as session:
        await rulings.rule(session, [Word("b.example", "silenced", comment="loud")])
    look = await _read(hub, "a.example\nb.example\nc.example\n")
    await _take(hub, look["id"])
    async with hub.services.db.write() as session:
        await peers.silence(session, hub.services, "a.example")
    lines = await _lines(hub, "blocks undo", number=look["id"])
    assert lines[-1]["row"]["kept"] == ["a.example"]
    assert await _names(hub) == {"a.example": "silenced", "b.example": "silenced"}
    async with hub.services.db.read() as session:
        assert (await session.get_one(Ruling, "b.example")).comment == "loud"


async def test_g5_what_stewards_allowed_wins_over_a_list(hub: Running) -> None:
    async with hub.services.db.write() as session:
        await rulings.rule(session, [Word("a.example", "allowed"), Word("b.example")])
    look = await _read(hub, "#domain,#severity\na.example,suspend\nb.example,silence\n")
    assert [one["verdict"] for one in look["names"]] == ["allowed", "weaker"]
    assert (await _take(hub, look["id"]))["names"] == 0
    assert await _names(hub) == {"a.example": "allowed", "b.example": "blocked"}


async def test_a_list_can_be_taken_back_for_thirty_days_and_is_then_forgotten(
    hub: Running,
) -> None:
    unseen, look = await _read(hub), await _read(hub)
    await _take(hub, look["id"])
    past = now() - service.UNDONE_WITHIN - service.LOOKED_AT_WITHIN
    async with hub.services.db.write() as session:
        await session.execute(update(ServerList).values(read_at=past))
        await session.execute(
            update(ServerList).where(ServerList.taken_at.is_not(None)).values(taken_at=past)
        )
    answer = await hub.web.delete(f"/api/v1/blocks/lists/{look['id']}", headers=hub.steward)
    assert answer.status_code == 409
    await ask(hub.services, "trust.forget")
    await hub.work()
    answer = await hub.web.get(f"/api/v1/blocks/lists/{unseen['id']}", headers=hub.steward)
    assert answer.status_code == 404
    async with hub.services.db.read() as session:
        (row,) = await session.scalars(select(ServerList))
    assert (row.words, row.changes, row.follows, row.replies) == ([], [], [], [])


async def test_a_list_by_command_is_that_of_mastodon_and_back(hub: Running) -> None:
    data = base64.b64encode(LIST.encode()).decode()
    given = {"source": "a.csv", "data": data, "standing": "blocked"}
    lines = await _lines(hub, "blocks import", dry_run=True, **given)
    assert lines[-1]["text"].startswith("3 of 4 names would be taken")
    assert await _names(hub) == {}
    lines = await _lines(hub, "blocks import", **given)
    assert lines[-1]["row"]["taken"] == 3
    assert {line["row"]["host"] for line in await _lines(hub, "blocks list")} == {
        "south.example",
        "unknown.example",
        "loud.example",
    }
    exported = (await _lines(hub, "blocks export"))[0]["text"]
    assert set(exported.splitlines()) == {
        line for line in LIST.splitlines() if not line.startswith("hub.")
    }
    answer = await hub.web.get("/api/v1/blocks/export", headers=hub.steward)
    assert answer.text.rstrip() == exported
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


async def test_a_list_is_looked_at_and_chosen_from_on_a_page(
    bound: tuple[Running, Running],
) -> None:
    hub, _ = bound
    async with signed_in(hub) as (web, csrf):
        page = await web.post("/admin/servers/lists", data={"csrf": csrf, "text": "\n"})
        assert (page.status_code, "name on each line" in page.text) == (422, True)
        answer = await web.post(
            "/admin/servers/lists", data={"csrf": csrf, "text": LIST + "b*d.example,suspend,,,,\n"}
        )
        path = answer.headers["location"]
        page = await web.get(path)
        assert "b*d.example" in page.text
        assert 'value="south.example">' in page.text, "not ticked: we follow somebody there"
        sent = {"csrf": csrf, "host": "south.example", "rest": "yes", "without": "loud.example"}
        answer = await web.post(f"{path}/take", data=sent)
        assert answer.status_code == 303
        assert set(await _names(hub)) == {"south.example", "unknown.example"}
        assert "2 follows ended" in (await web.get(path)).text
        listed = await web.get("/admin/servers/lists")
        assert path in listed.text
        await web.post(f"{path}/undo", data={"csrf": csrf})
        page = await web.get(path)
        assert "2 follows are there again" in page.text
        assert "1 letter that waited" in page.text
        export = await web.get("/admin/servers/export.csv?show=allowed")
        assert export.text == "#domain\n"
    assert await _names(hub) == {}


# ------------------------------------------------------------------------------ what waits


async def test_servers_that_wait_are_seen_with_what_waits_and_let_in_by_one_tap(
    town: Town,
) -> None:
    hub = town.hub
    await town.say(town.note(content="<p>Is there coffee?</p>"))
    assert await town.thread() == []
    async with signed_in(hub) as (web, csrf):
        page = (await web.get("/admin/servers/waiting")).text
        assert "town.example" in page
        assert "Is there coffee?" in page
        form = {"csrf": csrf, "host": "town.example"}
        await web.post("/admin/servers/waiting/release", data=form)
        assert len(await town.thread()) == 1
        await town.say(town.note())
        assert len(await town.thread()) == 2, "it is heard from now on"
        assert "town.example" not in (await web.get("/admin/servers/waiting")).text
        await web.post("/admin/servers/waiting/silence", data=form)
        assert await town.thread() == []
        assert "town.example" in (await web.get("/admin/servers/waiting")).text
        await web.post("/admin/servers/waiting/block", data=form)
        assert "town.example" not in (await web.get("/admin/servers/waiting")).text
    assert await _names(hub) == {"town.example": "blocked"}


async def test_a_server_without_pictures_has_none_here_and_its_reports_are_dropped(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    await _follow(north, south, "events")
    posted = await _post(south, "events", EVENT)
    await settle(north, south)
    copies = north.services.media / "remote"
    async with north.services.db.write() as session:
        entry = (await session.scalars(select(Entry).where(Entry.origin != ""))).one()
        entry.picture = Picture(
            url="https://south.example/media/a.webp", alt="A hall", media_type=""
        )
    copies.mkdir()
    assert entry.picture_id is not None
    copy = copies / f"{entry.picture_id.hex}-0.webp"
    copy.write_bytes(b"a picture")
    listed = (await _listed(north, "events"))[0]
    assert listed["image"] is not None
    async with signed_in(north) as (web, csrf):
        form = {"csrf": csrf, "host": "south.example", "standing": "open"}
        flags = {"reject_media": "yes", "reject_reports": "yes"}
        answer = await web.post("/admin/servers/one", data={**form, **flags})
        assert answer.status_code == 303
        page = (await web.get(answer.headers["location"])).text
        assert "no pictures" in page
    await north.work()
    assert (await _listed(north, "events"))[0]["image"] is None
    assert not copy.exists()
    relay = f"{south.url}/actors/relay"
    flag = Flag(id=f"{relay}#flag", actor=relay, objects=(f"{north.url}/events/1",), content="!")
    async with south.services.db.write() as session:
        actor = await actors.local(session, "relay")
        inbox = [f"{north.url}/actors/relay/inbox"]
        await outbox.post(session, south.services, actor, flag, inboxes=inbox)
    changed = {"title": "Repair café, with pictures"}
    path = f"/api/v1/events/{posted['id']}"
    assert (await south.web.patch(path, json=changed, headers=south.steward)).status_code == 200
    await settle(north, south)
    assert (await _listed(north, "events"))[0]["title"] == changed["title"]
    async with north.services.db.read() as session:
        assert (await session.scalars(select(Report))).all() == []
        assert (await session.scalars(select(Picture))).all() == []
