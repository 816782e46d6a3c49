"""Likes and boosts: counted once, in their collections, and taken back in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select, update

from federation.vocab.activities import Activity, EmojiReact, Follow, Undo
from hub.core.clock import now
from hub.fediverse import upkeep
from hub.fediverse.models import Follow as FollowRow
from hub.fediverse.models import Undone
from tests.towns import Town


def _undo(town: Town, inner: Activity | str | None, who: str = "ada", name: str = "undo") -> Undo:
    actor = town.site.uri(who)
    return Undo(id=f"{actor}#{name}", actor=actor, object=inner)


async def _undone(town: Town) -> int:
    async with town.hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Undone)) or 0


async def test_ap_39_what_was_undone_before_it_came_is_dropped(town: Town) -> None:
    await town.send(_undo(town, town.like()))
    await town.send(_undo(town, town.boost().id, name="undo-2"))
    await town.send(town.like())
    await town.send(town.boost())
    assert await town.counted() == (0, 0)
    await town.send(replace(town.like(), id=f"{town.site.uri('ada')}#another"))
    assert await town.counted() == (1, 0)


async def test_ap_39_likes_without_ids_are_undone_one_by_one(town: Town) -> None:
    like = replace(town.like(), id=None)
    await town.send(_undo(town, like))
    await town.send(like)
    assert await town.counted() == (0, 0)
    # The bytes of the second are others, or the inbox would take it for the first.
    await town.send(replace(like, content="again"))
    assert await town.counted() == (1, 0)
    await town.send(_undo(town, like, name="undo-2"))
    await town.send(replace(like, content="and again"))
    assert await town.counted() == (1, 0)


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_ap_39_likes_and_undos_end_alike_in_any_order(
    town: Town, order: tuple[int, ...]
) -> None:
    first = town.like()
    second = replace(first, id=f"{first.actor}#like-2")
    sent = [first, _undo(town, first), second, _undo(town, town.boost().id, name="undo-2")]
    for number in order:
        await town.send(sent[number])
    await town.send(town.boost())
    assert await town.counted() == (1, 0)


async def test_ap_39_an_undo_reaches_nobody_elses_deeds(town: Town) -> None:
    bob = town.site.uri("bob")
    await town.send(_undo(town, town.like().id, "bob"), "bob")
    await town.send(_undo(town, replace(town.like(), actor=bob), "bob", "undo-2"), "bob")
    await town.send(town.like())
    assert await town.counted() == (1, 0)


async def test_ap_39_a_follow_that_was_undone_before_it_came_is_none(town: Town) -> None:
    ada = town.site.uri("ada")
    follow = Follow(id=f"{ada}#follow", actor=ada, object=town.events)
    await town.send(_undo(town, follow))
    await town.send(follow)
    async with town.hub.services.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(FollowRow)) == 0


async def test_undos_are_remembered_for_a_day(town: Town) -> None:
    await town.send(_undo(town, town.like()))
    await upkeep.forget_undone(town.hub.services)
    assert await _undone(town) == 1
    async with town.hub.services.db.write() as session:
        await session.execute(update(Undone).values(undone_at=now() - timedelta(hours=25)))
    await upkeep.forget_undone(town.hub.services)
    assert await _undone(town) == 0


async def test_ap_40_a_like_and_an_emoji_of_one_actor_count_once(town: Town) -> None:
    ada = town.site.uri("ada")
    react = EmojiReact(id=f"{ada}#e", actor=ada, object=town.event["uri"], content="🎉")
    await town.send(town.like())
    await town.send(react)
    await town.send(town.boost())
    await town.send(replace(town.boost(), id=f"{ada}#boost-2"))
    assert await town.counted() == (1, 1)
