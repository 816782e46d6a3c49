"""What other servers call things, and our words for it: set once for each server, by a steward.

Their own words stay; ours is added to the tags, so filters of ours find it. It holds for what comes
and for what is there: that is read again from the document as it was last said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation.vocab.base import Object
from federation.vocab.objects import Event
from hub.audit import log as audit
from hub.core.errors import Invalid
from hub.core.questions import Question
from hub.entries import activitypub, finding, notes, writing
from hub.entries.models import Category, Entry
from hub.entries.rendering import tag_name
from hub.entries.schemas import LONGEST_TAG, MOST_TAGS, tag

_OURS: Final = select(Category.host, Category.word, Category.tag).where(
    Category.host.in_(bindparam("hosts", expanding=True))
)
MOST_SHOWN: Final = 100  # words of one server, those that are used most
MOST_READ: Final = 10_000  # entries of it that are looked at for them


@dataclass(frozen=True, slots=True)
class Word:
    """What a server calls `count` things, and our tag for it; empty while nobody said."""

    word: str
    count: int
    tag: str


async def added(session: AsyncSession, host: str, thing: Object, tags: Sequence[str]) -> list[str]:
    """The tags of something that a server published, with ours for what it calls them."""
    return _with_ours(await OURS.of(session, host), thing, tags)


def _with_ours(ours: Mapping[str, str], thing: Object, tags: Sequence[str]) -> list[str]:
    known = [ours[word] for word in _words(thing, tags) if word in ours] if ours else []
    return list(dict.fromkeys((*tags, *known)))[:MOST_TAGS]


def _words(thing: Object, tags: Sequence[str]) -> list[str]:
    """All that it is called: its tags, and the category that Mobilizon's events have."""
    category = thing.category if isinstance(thing, Event) else None
    return [tag_name(word) for word in (*tags, *([category] if category else []))]


async def _ours(session: AsyncSession, hosts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for host, word, ours in await session.execute(_OURS, {"hosts": hosts}):
        found.setdefault(host, {})[word] = ours
    return found


OURS: Final[Question[str, Mapping[str, str]]] = Question(_ours, Category, otherwise={})


async def listed(session: AsyncSession, host: str) -> list[Word]:
    """The words of a server, those without one of ours first, then by how often they are used."""
    ours, counts = await OURS.of(session, host), Counter[str]()
    documents = await session.scalars(
        select(Entry.document)
        .where(Entry.origin == host, Entry.deleted_at.is_(None))
        .order_by(Entry.number.desc())
        .limit(MOST_READ)
    )
    for document in documents:
        thing = notes.stored(document)
        if thing is not None:
            counts.update(set(_words(thing, activitypub.tags_of(thing))))
    counts.update(dict.fromkeys(set(ours) - set(counts), 0))
    words = [Word(word, count, ours.get(word, "")) for word, count in counts.items()]
    words.sort(key=lambda one: (bool(one.tag), -one.count, one.word))
    return words[:MOST_SHOWN]


async def set_all(session: AsyncSession, host: str, tags: Mapping[str, str]) -> int:
    """Say what our tags for these words of a server are, empty for none; how many entries changed.

    Raises:
        Invalid: one of them is no tag.
    """
    for word, ours in tags.items():
        wanted = tag(ours)
        if len(wanted) > LONGEST_TAG or (ours.strip() and not wanted):
            raise Invalid("A tag is one short word, such as music.")
        await session.execute(
            delete(Category).where(Category.host == host, Category.word == tag_name(word))
        )
        if wanted:
            session.add(Category(host=host, word=tag_name(word), tag=wanted))
    await session.flush()
    changed = await _apply(session, host)
    await audit.note(session, "words set", host, words=len(tags), changed=changed)
    return changed


async def _apply(session: AsyncSession, host: str) -> int:
    """Bring the tags of what is here up to date."""
    ours, changed = await OURS.of(session, host), 0
    query = select(Entry.id).where(Entry.origin == host, Entry.deleted_at.is_(None))
    for entry in await finding.whole(session, list(await session.scalars(query))):
        thing = notes.stored(entry.document)
        if thing is None:
            continue
        tags = _with_ours(ours, thing, activitypub.tags_of(thing))
        if tags != list(entry.tags):
            entry.tags = tags
            writing.make_findable(entry)
            changed += 1
    return changed
