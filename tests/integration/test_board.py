"""`@board`: what a neighbour elsewhere posts for everybody reaches all who follow the board."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.testing import MemorySite
from federation.vocab.activities import Activity, Announce, Undo
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.names import AS2, PUBLIC, Document
from hub.actors import service
from hub.actors.models import Actor
from hub.areas import passing
from hub.core.clock import now
from hub.entries import board, replies, tending, threads
from hub.entries.models import Reply
from hub.fediverse import announcing, follows, peers
from hub.fediverse.models import Announcement, InboxActivity, OutboxActivity, Peer
from hub.fediverse.models import Follow as FollowRow
from hub.jobs.queue import enqueue
from hub.jobs.running import run_due
from hub.trust import service as trust
from tests.conftest import MakeHub, Running, settle
from tests.integration.test_forwarding import Street, make_street
from tests.integration.test_two_hubs import EVENT
from tests.towns import signed_in


def _post(street: Street, who: str = "ada", **given: Any) -> Document:
    """A post that mentions the board, and answers nothing."""
    uri = street.actor("board")
    note = street.note(who, inReplyTo=None, content="<p>Lost: a grey cat.</p>", cc=[uri])
    note["tag"] = [{"type": "Mention", "href": uri, "name": "@board@hub.example"}]
    return {**note, **given}


async def _say(street: Street, post: Document, kind: str = "Create", **given: Any) -> bytes:
    who = post["attributedTo"].rpartition("/")[2]
    addressed = {"to": post["to"], "cc": post["cc"], **given}
    return await street.say(post, kind, who, **addressed)


def _got(site: MemorySite, kind: str) -> list[Activity]:
    """What a server was sent of one kind by the board."""
    return [
        one.activity
        for one in site.received
        if one.activity.type == kind and one.actor.endswith("/board")
    ]


async def _messages(street: Street) -> tuple[threads.Message, ...]:
    async with street.hub.services.db.read() as session:
        return (await threads.inbox(session, "waiting", limit=50)).items


async def _nod(street: Street, uri: str, deed: str = "pass_on") -> None:
    async with street.hub.services.db.write() as session:
        reply = await session.scalar(select(Reply).where(Reply.uri == uri))
        assert reply is not None
        await getattr(tending, deed)(session, street.hub.services, reply)
    await street.hub.work()


async def _page(street: Street) -> str:
    return (await street.hub.web.get("/@board", headers={"accept": "text/html"})).text


@pytest.fixture
async def street(make_hub: MakeHub) -> Street:
    """The usual policy; ada follows the board, and her server was let through; fred listens."""
    street = await make_street(make_hub)
    await street.follow(street.town, "ada", "board")
    await street.follow(street.far, "fred", "board")
    async with street.hub.services.db.write() as session:
        await session.execute(update(FollowRow).values(created_at=now() - timedelta(hours=25)))
        town = Peer.host == "town.example"
        await session.execute(update(Peer).where(town).values(passed_at=now()))
    street.far.received.clear()
    street.town.received.clear()
    return street


# ------------------------------------------------------------------------------ AP-85


async def test_ap_85_a_public_mention_gives_exactly_one_announce_of_its_id(street: Street) -> None:
    post = _post(street)
    await _say(street, post)
    await _say(street, post)
    (announce,) = _got(street.far, "Announce")
    assert announce.object == post["id"]
    assert announce.actor == street.actor("board")
    assert announce.to == (PUBLIC,)
    assert announce.cc == (f"{street.actor('board')}/followers", street.town.uri("ada"))
    assert [one.object for one in _got(street.town, "Announce")] == [post["id"]]
    assert "Lost: a grey cat." in await _page(street)
    async with street.hub.services.db.read() as session:
        assert set(await session.scalars(select(InboxActivity.state))) == {"done"}


@pytest.mark.parametrize("field", ["to", "cc", "audience", "tag"])
async def test_ap_85_the_board_may_be_named_in_any_address(street: Street, field: str) -> None:
    uri = street.actor("board")
    post = _post(street, cc=[], tag=[])
    post[field] = {
        "to": [PUBLIC, uri],
        "cc": [uri],
        "audience": uri,
        "tag": [{"type": "Mention", "href": uri, "name": "@board"}],
    }[field]
    await _say(street, post)
    assert len(_got(street.far, "Announce")) == 1


@pytest.mark.parametrize("to", [[], ["https://town.example/actors/ada/followers"]])
async def test_ap_85_a_private_mention_gives_none_and_stays_a_message(
    street: Street, to: list[str]
) -> None:
    await _say(street, _post(street, to=to))
    assert _got(street.far, "Announce") == []
    (message,) = await _messages(street)
    assert (message.kind, message.channel_name) == ("private", "@board")
    assert "grey cat" not in await _page(street)


async def test_ap_85_what_mentions_another_channel_or_nobody_is_not_for_the_board(
    street: Street,
) -> None:
    for uri in (street.actor("events"), f"{street.town.origin}/actors/board"):
        tag = [{"type": "Mention", "href": uri, "name": "@x"}]
        await _say(street, _post(street, cc=[uri], tag=tag))
    assert _got(street.far, "Announce") == []


async def test_ap_85_an_answer_that_mentions_the_board_stands_under_its_entry(
    street: Street,
) -> None:
    post = _post(street, inReplyTo=street.event)
    await _say(street, post)
    assert _got(street.far, "Announce") == []
    assert (await street.reply()).entry_id is not None


@pytest.mark.parametrize("why", ["follows nobody", "unknown server", "calls a crowd", "silenced"])
async def test_ap_85_what_others_post_waits_for_a_nod(street: Street, why: str) -> None:
    post = _post(street, "bob" if why == "follows nobody" else "ada")
    if why == "calls a crowd":
        crowd = [
            {"type": "Mention", "href": f"https://x.example/{n}", "name": "@x"} for n in range(21)
        ]
        post["tag"] = crowd
    async with street.hub.services.db.write() as session:
        if why == "unknown server":
            await session.execute(update(Peer).values(passed_at=None))
        elif why == "silenced":
            await trust.block(session, street.hub.services, "town.example", silence=True)
    await _say(street, post)
    assert _got(street.far, "Announce") == []
    assert "grey cat" not in await _page(street)
    (message,) = await _messages(street)
    assert (message.kind, message.channel_name) == ("held", "@board")
    async with signed_in(street.hub) as (web, csrf):
        assert "For @board: whoever follows it" in (await web.get("/admin/inbox")).text
        await web.post(f"/admin/inbox/{message.id}/pass", data={"csrf": csrf})
    await street.hub.work()
    assert [one.object for one in _got(street.far, "Announce")] == [post["id"]]
    assert "grey cat" in await _page(street)


async def test_ap_85_whom_we_follow_may_post_without_following_the_board(street: Street) -> None:
    async with street.hub.services.db.write() as session:
        row = await follows.ask(session, street.hub.services, await _actor(session, street, "bob"))
        row.state = follows.ACCEPTED
    await _say(street, _post(street, "bob"))
    assert len(_got(street.far, "Announce")) == 1


async def _actor(session: AsyncSession, street: Street, who: str) -> Actor:
    found = await service.by_uri(session, street.town.uri(who))
    assert found is not None
    return found


async def test_ap_85_too_many_posts_of_one_author_wait(street: Street) -> None:
    for _ in range(announcing.MOST_A_DAY + 2):
        await _say(street, _post(street))
    assert len(_got(street.far, "Announce")) == announcing.MOST_A_DAY
    assert len(await _messages(street)) == 2
    async with street.hub.services.db.write() as session:
        yesterday = now() - timedelta(hours=25)
        await session.execute(update(Announcement).values(created_at=yesterday))
    await _say(street, _post(street))
    assert len(_got(street.far, "Announce")) == announcing.MOST_A_DAY + 1


async def test_ap_85_too_many_posts_of_one_server_wait_whoever_wrote_them(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may have any number of authors; others are not kept waiting by it."""
    monkeypatch.setattr(announcing, "MOST_OF_A_SERVER", 5)
    monkeypatch.setattr(announcing, "MOST_A_DAY", 2)
    for n in range(4):
        street.town.add_actor(f"n{n}")
        await street.follow(street.town, f"n{n}", "board")
    async with street.hub.services.db.write() as session:
        await session.execute(update(FollowRow).values(created_at=now() - timedelta(hours=25)))
        await session.execute(update(Peer).values(passed_at=now()))
    for n in range(4):
        await _say(street, _post(street, f"n{n}"))
        await _say(street, _post(street, f"n{n}"))
    assert len(_got(street.far, "Announce")) == announcing.MOST_OF_A_SERVER
    assert len(await _messages(street)) == 3
    fred, uri = street.far.uri("fred"), street.actor("board")
    post = _post(street, attributedTo=fred, id=f"{street.far.origin}/n/1")
    create = {"@context": AS2, "id": f"{fred}#create", "type": "Create", "actor": fred,
              "object": post, "to": [PUBLIC], "cc": [uri]}  # fmt: skip
    await street.far.send_document("fred", create, f"{uri}/inbox")
    await street.hub.work()
    assert len(_got(street.town, "Announce")) == announcing.MOST_OF_A_SERVER + 1


async def test_ap_85_answers_are_passed_on_as_seldom_unless_whoever_says_them_is_followed(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the channel of an area, and by that of the entry to the hubs that follow it."""
    monkeypatch.setattr(announcing, "MOST_OF_A_SERVER", 3)
    monkeypatch.setattr(announcing, "MOST_A_DAY", 2)
    monkeypatch.setattr(passing, "AT_ONCE", 1)  # so that what waits would be in the way
    street = await make_street(make_hub, federation="open")
    street.far.add_actor("club", "Group")
    await street.follow(street.far, "club")
    area = {"name": "valley", "title": "The valley", "open_to_posts": True}
    await street.hub.web.post("/api/v1/areas", json=area, headers=street.hub.steward)
    await street.follow(street.far, "fred", "valley")

    async def passed_on() -> dict[str, list[Any]]:
        for _ in range(4):
            async with street.hub.services.db.write() as session:
                await enqueue(session, passing.pass_on)
            await street.hub.work()
        found: dict[str, list[Any]] = {"events": [], "valley": []}
        for one in street.far.received:
            if one.activity.type == "Announce" and one.activity.object in said:
                found[one.actor.rpartition("/")[2]].append(one.activity.object)
        return {name: sorted(objects) for name, objects in found.items()}

    said: list[str] = []
    await passed_on()
    for who in ("ada", "ada", "ada", "bob", "bob"):
        note = street.note(who)
        said.append(note["id"])
        await street.say(note, who=who)
    few = sorted((said[0], said[1], said[3]))
    assert await passed_on() == {"events": few, "valley": few}
    async with street.hub.services.db.write() as session:
        row = await follows.ask(session, street.hub.services, await _actor(session, street, "ada"))
        row.state = follows.ACCEPTED
    assert (await passed_on())["valley"] == sorted((*few, said[2]))


async def test_b9_so_many_posts_wait_for_a_steward_and_no_more(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "MOST_WAITING", 2)
    monkeypatch.setattr(board, "MOST_WAITING_IN_ALL", 3)
    far, uri = street.far, street.actor("board")

    async def from_afar(number: int) -> None:
        """Somebody of another server posts, whom the board does not know."""
        far.add_actor(who := f"n{number}")
        post = _post(street, attributedTo=far.uri(who), id=f"{far.origin}/n/{number}")
        create = {"@context": AS2, "id": f"{post['id']}#create", "type": "Create",
                  "actor": far.uri(who), "object": post, "to": [PUBLIC], "cc": [uri]}  # fmt: skip
        await far.send_document(who, create, f"{uri}/inbox")
        await street.hub.work()

    held = [_post(street, "bob") for _ in range(4)]
    for post in held:
        await _say(street, post)
    assert len(await _messages(street)) == board.MOST_WAITING, "of one server"
    await from_afar(1)
    await from_afar(2)
    assert len(await _messages(street)) == board.MOST_WAITING_IN_ALL, "of all servers"
    assert await _refusals(street) == [
        "Unauthorised: as many posts of its server as are kept wait for a steward",
        "Unauthorised: as many posts of its server as are kept wait for a steward",
        "Unauthorised: as many posts as are kept wait for a steward",
    ]
    await _say(street, _post(street))
    assert len(_got(far, "Announce")) == 1, "who needs no nod is not kept out"
    await _nod(street, held[0]["id"])
    await _nod(street, held[1]["id"], "hide")
    await from_afar(3)
    assert len(await _messages(street)) == 2, "what was looked at makes room"
    assert len(await _refusals(street)) == 3


async def _refusals(street: Street) -> list[str | None]:
    async with street.hub.services.db.read() as session:
        dropped = InboxActivity.state == "dropped"
        query = select(InboxActivity.reason).where(dropped).order_by(InboxActivity.id)
        return list(await session.scalars(query))


async def test_a_block_of_a_server_that_wrote_much_holds_nobody_up(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands is settled at once; those who got it are told afterwards, some at a time."""
    monkeypatch.setattr(announcing, "AT_ONCE", 2)
    posts = [_post(street) for _ in range(5)]
    for post in posts:
        await _say(street, post)
    async with street.hub.services.db.write() as session:
        barred = await trust.block(session, street.hub.services, "town.example")
    assert barred.taken_back == 5
    async with street.hub.services.db.read() as session:
        assert list(await session.scalars(_undos())) == [], "none was signed while others waited"
    outbox = "/actors/board/outbox?page=1"
    assert (await street.hub.web.get(outbox)).json()["orderedItems"] == []
    await run_due(street.hub.services, "one")
    async with street.hub.services.db.write() as session:
        assert len(list(await session.scalars(_undos()))) == 2
        await peers.unblock(session, "town.example")
    await street.hub.work()
    told = [undo.object for undo in _got(street.far, "Undo")]
    assert [one.object for one in told if isinstance(one, Announce)] == [p["id"] for p in posts]


def _undos() -> Select[str]:
    return select(OutboxActivity.uri).where(OutboxActivity.type == "Undo")


async def test_a_block_takes_back_what_the_board_passed_on(street: Street) -> None:
    post, held = _post(street), _post(street, "bob")
    await _say(street, post)
    await _say(street, held)
    answer = await street.hub.web.post(
        "/api/v1/blocks", json={"host": "town.example"}, headers=street.hub.steward
    )
    barred = trust.Barred(**answer.json())
    assert barred.taken_back == 1
    assert "Taken back: 1 post of it that @board had passed on." in str(barred)
    street.town.received.clear()
    await street.hub.work()
    (undo,) = _got(street.far, "Undo")
    assert isinstance(undo, Undo)
    assert isinstance(undo.object, Announce)
    assert undo.object.object == post["id"]
    assert street.town.received == [], "nothing is sent there any more"
    assert "grey cat" not in await _page(street)
    outbox = "/actors/board/outbox?page=1"
    assert (await street.hub.web.get(outbox)).json()["orderedItems"] == []
    async with street.hub.services.db.write() as session:
        await peers.unblock(session, "town.example")
    await _nod(street, held["id"])
    assert len(_got(street.far, "Announce")) == 1, "what was taken back is not said again"
    assert (await street.hub.web.get(outbox)).json()["orderedItems"] == []


async def test_ap_85_those_who_speak_fep_1b12_get_the_whole_activity_besides(
    street: Street,
) -> None:
    """A server with a Group of its own passes on activities; the others get ids alone (M11)."""
    forum = MemorySite("https://forum.example", street.hub.wire, names=("relay",))
    forum.add_actor("pets", "Group")
    await street.follow(forum, "pets", "board")
    forum.received.clear()
    sent = await _say(street, _post(street))
    plain, whole = _got(forum, "Announce")
    assert plain.object == orjson.loads(sent)["object"]["id"]
    assert isinstance(whole.object, Activity)
    body = next(one.document for one in forum.received if one.activity is whole)
    assert body["object"] == orjson.loads(sent), "with its author's proof, as it came"
    assert len(_got(street.far, "Announce")) == 1
    changed = orjson.loads(sent)["object"] | {"content": "<p>Found!</p>"}
    updated = await _say(street, {**changed, "updated": now().isoformat()}, "Update")
    last = [one.document for one in forum.received if one.activity.type == "Announce"][-1]
    assert last["object"] == orjson.loads(updated)


async def test_ap_85_a_steward_takes_a_post_back(street: Street) -> None:
    post = _post(street)
    await _say(street, post)
    await _nod(street, post["id"], "hide")
    (undo,) = _got(street.far, "Undo")
    assert isinstance(undo, Undo)
    assert isinstance(undo.object, Announce)
    assert undo.object.id == _got(street.far, "Announce")[0].id
    assert "grey cat" not in await _page(street)
    await _nod(street, post["id"], "show")
    await _say(street, post)
    assert len(_got(street.far, "Announce")) == 1, "once is once"


async def test_the_board_and_its_outbox_show_what_stands(street: Street) -> None:
    post, gone = _post(street), _post(street)
    await _say(street, post)
    await _say(street, gone)
    await _nod(street, gone["id"], "hide")
    outbox = await street.hub.web.get("/actors/board/outbox?page=1")
    items = outbox.json()["orderedItems"]
    assert [item["object"] for item in items] == [post["id"]]
    assert items[0]["type"] == "Announce"


# ------------------------------------------------------------------------------ AP-87


async def test_ap_87_a_proven_update_goes_unchanged_to_whoever_got_the_announce(
    street: Street,
) -> None:
    late = MemorySite("https://late.example", street.hub.wire, names=("relay", "lena"))
    late.relays.add("hub.example")
    post = _post(street)
    await _say(street, post)
    await street.follow(late, "lena", "board")
    changed = {**post, "content": "<p>Found!</p>", "updated": now().isoformat()}
    sent = await _say(street, changed, "Update")
    assert street.forwarded(street.far) == [sent]
    assert street.forwarded(late) == [], "it never heard of it"
    assert (await street.reply()).content == "<p>Found!</p>"
    assert "Found!" in await _page(street)


async def test_ap_87_without_a_valid_proof_nothing_is_forwarded(street: Street) -> None:
    post = _post(street)
    await _say(street, post)
    changed = {**post, "content": "<p>Found!</p>", "updated": now().isoformat()}
    await _say(street, changed, "Update", proof=False)
    forged = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": street.town.keys("ada").ed25519_id,
        "proofPurpose": "assertionMethod",
        "created": "2026-01-01T00:00:00Z",
        "proofValue": "z" + "1" * 64,
    }
    again = {**changed, "updated": (now() + timedelta(seconds=2)).isoformat()}
    await _say(street, again, "Update", proof=False)
    document = {
        "@context": AS2,
        "id": f"{street.town.origin}/u/{uuid4()}",
        "type": "Update",
        "actor": street.town.uri("ada"),
        "object": again,
        "to": [PUBLIC],
        "proof": forged,
    }
    await street.town.send_document("ada", document, f"{street.hub.url}/inbox")
    await street.hub.work()
    assert street.forwarded(street.far) == []
    assert (await street.reply()).content == "<p>Found!</p>"


async def test_ap_87_a_proven_delete_goes_on_and_the_announce_is_undone(street: Street) -> None:
    post = _post(street)
    await _say(street, post)
    sent = await _say(
        street,
        {**post},
        "Delete",
        object={"id": post["id"], "type": "Tombstone", "formerType": "Note"},
    )
    assert street.forwarded(street.far) == [sent]
    assert len(_got(street.far, "Undo")) == 1
    assert "grey cat" not in await _page(street)


async def test_ap_87_others_can_neither_change_nor_end_what_was_announced(street: Street) -> None:
    post = _post(street)
    await _say(street, post)
    changed = {**post, "content": "<p>Ha!</p>", "updated": now().isoformat()}
    await street.say(changed, "Update", "bob")
    await street.say(post["id"], "Delete", "bob")
    assert street.forwarded(street.far) == []
    assert _got(street.far, "Undo") == []
    assert "grey cat" in await _page(street)


async def test_ap_87_what_is_no_longer_for_everybody_is_taken_back(street: Street) -> None:
    post = _post(street)
    await _say(street, post)
    await _say(street, {**post, "to": [], "updated": now().isoformat()}, "Update")
    assert len(_got(street.far, "Undo")) == 1
    assert "grey cat" not in await _page(street)


# ------------------------------------------------------------------------------ AP-46, AP-88


async def test_ap_46_an_announce_is_never_announced(street: Street) -> None:
    board_uri = street.actor("board")
    tag = [{"type": "Mention", "href": board_uri, "name": "@board"}]
    inner = {"id": f"{street.town.origin}/a/1", "type": "Announce", "object": street.event}
    for thing in (inner | {"actor": street.town.uri("ada")}, f"{street.town.origin}/n/1"):
        await street.say(thing, "Announce", cc=[board_uri], tag=tag)
    assert _got(street.far, "Announce") == []


async def test_ap_88_two_hubs_that_follow_each_other_announce_once_each(
    hubs: tuple[Running, Running],
) -> None:
    north, south = hubs
    for one, other in ((north, south), (south, north)):
        for name in ("relay", "events", "board"):
            await follows.follow(one.services, f"@{name}@{other.services.settings.authority}")
    await settle(north, south)
    answer = await north.web.post("/api/v1/events", json=EVENT, headers=north.steward)
    uri = answer.json()["uri"]
    await settle(north, south)
    assert await _announced(north, uri) == 1
    assert await _announced(south, uri) == 0


async def test_ap_88_a_post_that_comes_by_two_paths_is_announced_once_by_each_board(
    make_hub: MakeHub,
) -> None:
    """It mentions the boards of two hubs that follow each other's, and arrives thrice."""
    street = await make_street(make_hub, federation="open")
    other = await make_hub("other.example", federation="open")
    hubs = (street.hub, other)
    for one, following in (hubs, hubs[::-1]):
        await follows.follow(one.services, f"@board@{following.services.settings.authority}")
    await street.follow(street.town, "ada", "board")
    boards = [f"{hub.url}/actors/board" for hub in hubs]
    await settle(*hubs)
    post = _post(street, cc=boards)
    street.publish(post)
    await _say(street, post)
    await settle(*hubs)
    again = {"@context": AS2, "id": f"{post['id']}#c", "type": "Create", "to": [PUBLIC]}
    document = {**again, "actor": post["attributedTo"], "object": post, "cc": boards}
    for hub in hubs:
        await street.town.send_document("ada", document, f"{hub.url}/inbox")
    await settle(*hubs)
    assert await _announced(street.hub, post["id"]) == 1
    # There ada follows nobody, so it waits for a steward; once let through, it is said once.
    async with other.services.db.write() as session:
        reply = await session.scalar(select(Reply))
        assert reply is not None
        reply = await replies.by_id(session, reply.id)
        await tending.pass_on(session, other.services, reply)
        await tending.pass_on(session, other.services, reply)
    await settle(*hubs)
    assert await _announced(other, post["id"]) == 1
    assert await _announced(street.hub, post["id"]) == 1


async def _announced(hub: Running, uri: str) -> int:
    """How often its id was announced; groups elsewhere get the whole activity besides."""
    async with hub.services.db.read() as session:
        query = select(OutboxActivity.id).where(
            OutboxActivity.type == "Announce",
            OutboxActivity.object_uri == uri,
            OutboxActivity.listed,
        )
        return len((await session.scalars(query)).all())


# ------------------------------------------------------- channels of areas that take posts (T31)


def _to(street: Street, who: str, *names: str) -> Document:
    """A post that mentions these of our actors."""
    uris = [street.actor(name) for name in names]
    tags = [{"type": "Mention", "href": uri, "name": "@x"} for uri in uris]
    return _post(street, who, cc=uris, tag=tags)


def _said(site: MemorySite, name: str, kind: str = "Announce") -> list[Activity]:
    ours = [one.activity for one in site.received if one.activity.actor.endswith(f"/{name}")]
    return [one for one in ours if one.type == kind]


async def _programme(street: Street, **given: Any) -> None:
    """A channel of two hubs' people: ada posts to it, fred listens."""
    rules = {"name": "organisers", "title": "Organisers learn", "tags": ["organisers"], **given}
    hub = street.hub
    answer = await hub.web.post("/api/v1/areas", json=rules, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    await street.follow(street.town, "ada", "organisers")
    await street.follow(street.far, "fred", "organisers")


async def test_t31_who_mentions_a_programme_is_heard_by_all_who_follow_it(street: Street) -> None:
    await _programme(street, open_to_posts=True)
    actor = await street.hub.web.get(
        "/actors/organisers", headers={"accept": "application/activity+json"}
    )
    assert actor.json()["type"] == "Group"
    at_once, waits = _to(street, "ada", "organisers"), _to(street, "bob", "organisers")
    await _say(street, at_once)
    await _say(street, waits)
    async with street.hub.services.db.write() as session:
        await enqueue(session, passing.pass_on)  # which minds what the channel is about, not this
    await street.hub.work()
    assert [one.object for one in _said(street.far, "organisers")] == [at_once["id"]]
    (message,) = await _messages(street)
    assert (message.channel_name, message.to_group) == ("@organisers", True)
    await _nod(street, waits["id"])
    posted = {at_once["id"], waits["id"]}
    assert {one.object for one in _said(street.far, "organisers")} == posted
    page = (await street.hub.web.get("/@organisers", headers={"accept": "text/html"})).text
    assert page.count("Lost: a grey cat.") == len(posted)
    assert "grey cat" not in await _page(street), "what is for the programme is not for the board"
    await _nod(street, at_once["id"], "hide")
    (undo,) = _said(street.far, "organisers", "Undo")
    assert isinstance(undo.object, Activity)
    assert undo.object.object == at_once["id"]
    assert _said(street.far, "board") == []


async def test_t31_a_post_for_several_goes_out_by_each_once_its_author_may_post_to_all(
    street: Street,
) -> None:
    await _programme(street, open_to_posts=True)
    await street.follow(street.town, "bob", "organisers")
    both, half = (
        _to(street, "ada", "organisers", "board"),
        _to(street, "bob", "organisers", "board"),
    )
    for post in (both, half):
        await _say(street, post)
        await _say(street, post)
    for name in ("organisers", "board"):
        assert [one.object for one in _said(street.far, name)] == [both["id"]], name
    assert len(await _messages(street)) == 1
    await _nod(street, half["id"])
    for name in ("organisers", "board"):
        assert len(_said(street.far, name)) == len([both, half]), name


async def test_t31_nobody_posts_to_a_channel_that_does_not_take_posts_or_has_ended(
    street: Street,
) -> None:
    await _programme(street)
    await _say(street, _to(street, "ada", "organisers"))
    hub, path = street.hub, "/api/v1/areas/organisers"
    await hub.web.patch(path, json={"open_to_posts": True}, headers=hub.steward)
    await street.hub.work()
    (update_,) = _said(street.far, "organisers", "Update")
    assert isinstance(update_.object, ActorDocument)
    assert update_.object.type == "Group"
    waits = _to(street, "bob", "organisers")
    await _say(street, waits)
    await hub.web.delete(path, headers=hub.steward)
    await _nod(street, waits["id"])
    await _say(street, _to(street, "ada", "organisers"))
    assert _said(street.far, "organisers") == []
