"""Actors who move or leave: we follow the ones, and forget the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from federation.testing import MemorySite
from federation.vocab.activities import Announce, Delete, Follow, Like, Move
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.names import PUBLIC
from hub.actors.models import Actor
from hub.core.clock import now
from hub.entries.models import Reaction, Reply
from hub.fediverse import follows
from hub.fediverse.models import Follow as FollowRow
from tests.towns import Town


@pytest.fixture
def beach(town: Town) -> MemorySite:
    """Where ada moves to."""
    return MemorySite("https://beach.example", town.hub.wire, names=("relay", "ada", "eve"))


def _says(site: MemorySite, name: str, *also_known_as: str, moved_to: str | None = None) -> None:
    actor = site.actors[name]
    assert isinstance(actor, ActorDocument)
    site.actors[name] = replace(actor, also_known_as=also_known_as, moved_to=moved_to)


async def _follow_ada(town: Town) -> None:
    await follows.follow(town.hub.services, "@ada@town.example")
    await town.hub.work()
    async with town.hub.services.db.write() as session:
        await session.execute(update(FollowRow).values(state=follows.ACCEPTED))
    town.site.received.clear()


async def _move(town: Town, target: str, *, old: str | None = None, who: str = "ada") -> None:
    ada = town.site.uri(who)
    moved = Move(id=f"{ada}#{uuid4()}", actor=ada, object=old or ada, target=target, to=(PUBLIC,))
    await town.send(moved, who)


async def _followed(town: Town) -> dict[str, str]:
    async with town.hub.services.db.read() as session:
        return {row.followee.uri: row.state for row in await follows.ours(session)}


async def test_ap_44_whom_we_follow_we_follow_to_their_new_home(
    town: Town, beach: MemorySite
) -> None:
    await _follow_ada(town)
    _says(beach, "ada", town.site.uri("ada"))
    await _move(town, beach.uri("ada"))
    assert await _followed(town) == {beach.uri("ada"): "pending"}
    (asked,) = [one.activity for one in beach.received if one.activity.type == "Follow"]
    assert asked.object == beach.uri("ada")
    (undone,) = [one.activity for one in town.site.received if one.activity.type == "Undo"]
    assert isinstance(undone.object, Follow)
    assert undone.object.object == town.site.uri("ada")


async def test_ap_44_the_new_home_is_asked_anew_whatever_we_know_of_it(
    town: Town, beach: MemorySite
) -> None:
    await _follow_ada(town)
    await beach.send(
        "ada",
        Follow(id=f"{beach.origin}/f", actor=beach.uri("ada"), object=town.events),
        f"{town.events}/inbox",
    )
    await town.hub.work()
    _says(beach, "ada", town.site.uri("ada"))
    town.hub.wire.dials.clear()
    await _move(town, beach.uri("ada"))
    assert f"GET {beach.uri('ada')}" in town.hub.wire.dials
    assert beach.uri("ada") in await _followed(town)


async def test_ap_44_a_forged_move_does_nothing(town: Town, beach: MemorySite) -> None:
    await _follow_ada(town)
    before, ada = await _followed(town), town.site.uri("ada")
    # The new account does not know of the old one; or moved on; or is nobody; or is her own.
    await _move(town, beach.uri("ada"))
    _says(beach, "ada", town.site.uri("bob"))
    await _move(town, beach.uri("ada"))
    _says(beach, "ada", ada, moved_to=beach.uri("eve"))
    await _move(town, beach.uri("ada"))
    await _move(town, f"{beach.origin}/actors/nobody")
    await _move(town, ada)
    # Somebody else moves her.
    _says(beach, "eve", ada, town.site.uri("bob"))
    await _move(town, beach.uri("eve"), old=ada, who="bob")
    forged = Move(id=f"{beach.origin}/m", actor=beach.uri("eve"), object=ada, target=ada)
    await beach.send("eve", forged, f"{town.events}/inbox")
    await town.hub.work()
    assert await _followed(town) == before
    assert town.site.received == []
    async with town.hub.services.db.read() as session:
        assert set(await session.scalars(select(Actor.moved_to))) == {None}


async def test_ap_44_an_actor_moves_once_in_seven_days(town: Town, beach: MemorySite) -> None:
    await _follow_ada(town)
    ada = town.site.uri("ada")
    _says(beach, "ada", ada)
    _says(beach, "eve", ada, beach.uri("ada"))
    await _move(town, beach.uri("ada"))
    await _move(town, beach.uri("eve"))
    # Nor on from where they have only just arrived.
    onward = Move(
        id=f"{beach.origin}/m", actor=beach.uri("ada"), object=beach.uri("ada"),
        target=beach.uri("eve"),
    )  # fmt: skip
    await beach.send("ada", onward, f"{town.events}/inbox")
    await town.hub.work()
    assert set(await _followed(town)) == {beach.uri("ada")}
    async with town.hub.services.db.write() as session:
        await session.execute(update(Actor).values(moved_at=now() - timedelta(days=8)))
    again = replace(onward, id=f"{beach.origin}/m2")
    await beach.send("ada", again, f"{town.events}/inbox")
    await town.hub.work()
    assert set(await _followed(town)) == {beach.uri("eve")}


async def test_ap_44_a_follower_who_moves_stays_a_follower_until_they_say_otherwise(
    town: Town, beach: MemorySite
) -> None:
    await town.hear()
    _says(beach, "ada", town.site.uri("ada"))
    await _move(town, beach.uri("ada"))
    assert await _followed(town) == {}
    async with town.hub.services.db.read() as session:
        found = [row.follower.uri for row in await follows.followers(session)]
    assert found == [town.site.uri("ada")]


async def test_ap_45_the_end_of_an_account_takes_everything_of_theirs(town: Town) -> None:
    await town.hear()
    await follows.follow(town.hub.services, "@ada@town.example")
    ada, entry = town.site.uri("ada"), town.event["uri"]
    await town.say(town.note())
    await town.send(Like(id=f"{ada}#l", actor=ada, object=entry))
    boost = Announce(id=f"{ada}#b", actor=ada, object=entry, to=(PUBLIC,))
    await town.send(boost)
    board = f"{town.hub.url}/actors/board"
    await town.send(Follow(id=f"{ada}#f", actor=ada, object=board))
    await town.say(town.note(in_reply_to=None, to=(PUBLIC, board)))
    await town.say(town.note("bob"), "bob")
    said = [one.activity for one in town.site.received if one.activity.type == "Announce"]
    assert [one.actor for one in said] == [board]
    await town.send(Delete(id=f"{ada}#d", actor=ada, object=ada, to=(PUBLIC,)))
    async with town.hub.services.db.read() as session:
        authors = select(Actor.uri).join(Reply, Reply.author_id == Actor.id)
        assert list(await session.scalars(authors)) == [town.site.uri("bob")]
        for rows in (Reaction, FollowRow):
            assert await session.scalar(select(func.count()).select_from(rows)) == 0
    undone = [one.activity for one in town.site.received if one.activity.type == "Undo"]
    assert [one.object_id for one in undone] == [said[0].id]
    page = await town.hub.web.get("/@board", headers={"accept": "text/html"})
    assert "Is there coffee?" not in page.text
