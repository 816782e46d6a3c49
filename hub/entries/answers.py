"""What people here do with replies: answer, let through, hide, show again, take their own back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors import service as actors
from hub.actors.channels import RELAY
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import Conflict, Invalid
from hub.core.services import Services
from hub.core.words import filled
from hub.entries import notes, publishing
from hub.entries.models import HELD, HIDDEN, SHOWN, Entry, Reply
from hub.entries.visibility import PUBLIC
from hub.fediverse import outbox, peers

LONGEST_ANSWER: Final = 5000


@dataclass(frozen=True, slots=True)
class By:
    """The resident who answers; `name` is what they are called, never nothing."""

    person_id: UUID
    name: str


async def answer(
    session: AsyncSession,
    services: Services,
    reply: Reply,
    words: str,
    *,
    answer_id: UUID | None = None,
) -> Reply:
    """Answer in the name of the entry's channel: publicly what is public, else directly.

    A direct answer goes to its reader's own inbox and bears no proof (AP-23). With an `answer_id`
    it is said once, however often the button is pressed; `reply` must be locked.

    Raises:
        Invalid: there are no words, or too many.
        Conflict: it is an answer of ours, or `answer_id` is that of something else.
    """
    answer_id = answer_id or uuid4()
    said = await session.get(Reply, answer_id)
    if said is not None:
        if said.answers_id != reply.id:
            raise Conflict("This form was used already. Please reload the page.")
        return said
    words = _words(words)
    if reply.from_us:
        raise Conflict("This is an answer of this hub.")
    uri = f"{services.settings.url}/replies/{answer_id}"
    row = await _say(session, services, reply, words, uri)
    if reply.public and reply.state == HELD:
        await pass_on(session, reply)
    reply.read_at = reply.read_at or now()
    return row


async def _say(
    session: AsyncSession, services: Services, reply: Reply, words: str, uri: str
) -> Reply:
    """Write an answer down and send it."""
    asker = await session.get_one(Actor, reply.author_id)
    channel, moment = await _speaker(session, reply), now()
    note = notes.answer(
        uri=uri,
        url=uri,
        author=channel,
        to=asker,
        in_reply_to=reply.uri,
        context=await _context(session, reply),
        text=words,
        public=reply.public,
        language=services.settings.language,
        moment=moment,
    )
    row = notes.row_of_ours(note, channel, moment, public=reply.public)
    row.entry_id, row.answers_id, row.channel_id = reply.entry_id, reply.id, channel.id
    row.person_id = None if reply.public else reply.person_id
    session.add(row)
    await outbox.post(
        session,
        services,
        channel,
        notes.create_of(note),
        to_followers=reply.public,
        inboxes=[asker.delivery_inbox if reply.public else asker.inbox],
        listed=reply.public,
    )
    return row


async def message(
    session: AsyncSession,
    services: Services,
    speaker: Actor,
    to: Actor,
    about: Entry,
    words: str,
    *,
    in_reply_to: str = "",
    language: str = "",
) -> Reply:
    """Write to somebody elsewhere, and to nobody else, in a channel's name about an entry."""
    uri, moment = f"{services.settings.url}/replies/{uuid4()}", now()
    note = notes.answer(
        uri=uri,
        url=uri,
        author=speaker,
        to=to,
        in_reply_to=in_reply_to or about.uri,
        context=None,
        text=words,
        public=False,
        language=language or services.settings.language,
        moment=moment,
    )
    row = notes.row_of_ours(note, speaker, moment, public=False)
    row.entry_id, row.channel_id = about.id, speaker.id
    session.add(row)
    await session.flush()
    await outbox.post(session, services, speaker, notes.create_of(note), inboxes=[to.inbox])
    return row


async def say(
    session: AsyncSession,
    services: Services,
    entry: Entry,
    above: Reply | None,
    words: str,
    by: By,
) -> Reply:
    """Answer an entry, of whatever hub, for everybody, or `above`, which stands under it.

    The channel of the entry's kind says it, so that its followers hear of it, and whom it answers;
    the resident is called by their name. The author of the entry must be loaded.

    Raises:
        Invalid: there are no words, or too many.
        Conflict: it cannot be answered for everybody.
    """
    words = _words(words)
    if entry.visibility != PUBLIC or (above is not None and above.entry_id != entry.id):
        raise Conflict("This cannot be answered here.")
    channel, moment = await publishing.author_for(session, entry.kind), now()
    to = entry.author if above is None else await session.get_one(Actor, above.author_id)
    note = notes.of_resident(
        uri=f"{services.settings.url}/replies/{uuid4()}",
        author=channel,
        to=to,
        in_reply_to=entry.uri if above is None else above.uri,
        context=_thread_of(entry),
        name=by.name,
        text=words,
        language=services.settings.language,
        moment=moment,
    )
    row = notes.row_of_ours(note, channel, moment)
    row.entry_id, row.answers_id = entry.id, above.id if above is not None else None
    row.channel_id, row.person_id = channel.id, by.person_id
    session.add(row)
    await session.flush()
    told = {one.delivery_inbox for one in (to, entry.author) if not one.local}
    await outbox.post(
        session,
        services,
        channel,
        notes.create_of(note),
        to_followers=True,
        inboxes=sorted(told),
        listed=True,
    )
    return row


def _words(words: str) -> str:
    """The words of an answer.

    Raises:
        Invalid: there are none, or too many.
    """
    words = words.strip()
    if 1 <= len(words) <= LONGEST_ANSWER:
        return words
    hint = filled("Please write between 1 and {most} characters.", most=LONGEST_ANSWER)
    raise Invalid(hint, {"text": hint})


async def said_by(session: AsyncSession, person_id: UUID) -> Sequence[Reply]:
    """What a resident answered for everybody, also what a steward hid, oldest first."""
    theirs = (Reply.person_id == person_id, Reply.from_us, Reply.public)
    return (await session.scalars(select(Reply).where(*theirs).order_by(Reply.published_at))).all()


def _thread_of(entry: Entry) -> str | None:
    """The thread that begins with an entry, as its own server calls it (FEP-7888)."""
    if entry.local:
        return f"{entry.uri}/context"
    thing = notes.stored(entry.document)
    return None if thing is None else thing.context


async def _context(session: AsyncSession, reply: Reply) -> str | None:
    """The thread that an answer belongs to: that of what it answers (FEP-7888).

    None for what is private: it is in no thread that anybody could read.
    """
    if not reply.public:
        return None
    asked = notes.stored(reply.document)
    if asked is not None and asked.context is not None:
        return asked.context
    entry = await session.get(Entry, reply.entry_id) if reply.entry_id else None
    return f"{entry.uri}/context" if entry is not None and entry.local else None


async def pass_on(session: AsyncSession, reply: Reply, *, whole_server: bool = False) -> None:
    """Show what waited; its server counts as passed from now on (SETTLED 8).

    `whole_server`: all that waits from there is shown as well.
    """
    author = await session.get_one(Actor, reply.author_id)
    reply.state = SHOWN
    reply.read_at = reply.read_at or now()
    if author.local:
        return
    await peers.pass_on(session, author.authority)
    if whole_server:
        there = select(Actor.id).where(Actor.authority == author.authority)
        await session.execute(
            update(Reply)
            .where(Reply.state == HELD, Reply.author_id.in_(there))
            .values(state=SHOWN, read_at=now())
            .execution_options(synchronize_session=False)
        )


async def hide(session: AsyncSession, services: Services, reply: Reply) -> None:
    """Show it to nobody; an answer of our own is taken back from everyone who got it."""
    if reply.from_us and reply.state != HIDDEN:
        await publishing.take_back(session, services, reply)
    reply.state = HIDDEN
    reply.read_at = reply.read_at or now()


def show(reply: Reply) -> None:
    """Show it again.

    Raises:
        Conflict: it was taken back from other servers, which would not believe us.
    """
    if reply.from_us:
        raise Conflict("An answer that was taken back cannot return. Please write a new one.")
    reply.state = SHOWN
    reply.read_at = reply.read_at or now()


def mark_read(reply: Reply) -> None:
    """It needs no more attention."""
    reply.read_at = reply.read_at or now()


async def _speaker(session: AsyncSession, reply: Reply) -> Actor:
    """The channel that answers: the author of our entry, else the one that was spoken to."""
    entry = await session.get(Entry, reply.entry_id) if reply.entry_id else None
    ids = [entry.author_id if entry is not None and entry.local else None, reply.channel_id]
    for actor_id in ids:
        actor = await session.get(Actor, actor_id) if actor_id else None
        if actor is not None and actor.local:
            return actor
    return await actors.local(session, RELAY)
