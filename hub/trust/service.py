"""Saying how servers stand: one by one, by the list, and all of a list taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, Invalid, NotFound
from hub.core.services import Services
from hub.core.text import tidy
from hub.entries import pictures, quotes
from hub.fediverse import announcing, forwarding, peers, rulings
from hub.fediverse.models import Ruling
from hub.fediverse.rulings import BLOCKED, OPEN, SILENCED, Mode, Severed, Standing, Word, parts
from hub.jobs.queue import enqueue
from hub.jobs.registry import Run, job
from hub.trust import returning, weighing
from hub.trust.lists import Read
from hub.trust.models import ServerList

UNDONE_WITHIN: Final = timedelta(days=30)
LOOKED_AT_WITHIN: Final = timedelta(days=1)  # a list that nobody took is forgotten
MOST_LISTS: Final = 50
LONGEST_SOURCE: Final = 120
MOST_REFUSED: Final = 100  # lines that are kept to be shown


@dataclass(frozen=True, slots=True)
class Barred:
    """A server of which something was just said.

    `taken_back`: its posts that @board had passed on, and that our followers are told to forget.
    """

    host: str
    standing: Standing
    taken_back: int = 0

    def __str__(self) -> str:
        """What happened, in words."""
        if self.standing == "allowed":
            return f"{self.host} is allowed: what it sends is shown at once."
        if self.standing == "silenced":
            return (
                f"{self.host} is silenced: it may go on to send, but what it publishes waits for "
                "a steward before anybody sees it here."
            )
        posts = "1 post" if self.taken_back == 1 else f"{self.taken_back} posts"
        passed_on = f" Taken back: {posts} of it that @board had passed on." * bool(self.taken_back)
        return (
            f"{self.host} is blocked: nothing is taken from it or sent to it, its followers are "
            f"let go, and what it sent is no longer shown.{passed_on}"
        )


async def block(
    session: AsyncSession, services: Services, host: str, *, silence: bool = False
) -> Barred:
    """Take nothing more from a server, or show it no more unless a steward lets it through.

    What @board passed on of a blocked server is taken back from everyone who got it.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    return await stand(session, services, host, "silenced" if silence else "blocked")


async def stand(session: AsyncSession, services: Services, host: str, standing: Standing) -> Barred:
    """From now on a server stands so.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    before = await _rulings(session, [peers.another(services, host)])
    name, severed = await peers.stand(session, services, host, standing)
    await audit.note(session, "server", name, standing=standing)
    return Barred(name, standing, await _settle(session, services, name, before, severed))


async def say(session: AsyncSession, services: Services, word: Word) -> Barred:
    """The same, with all that can be said of a server.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    host = peers.another(services, word.host)
    said = Word(**{**asdict(word), "host": host})
    await rulings.ensure(session, [host])
    before = await _rulings(session, [host])
    severed = await rulings.rule(session, [said])
    flags = {"reject_media": word.reject_media, "reject_reports": word.reject_reports}
    await audit.note(session, "server", host, standing=word.standing, **flags)
    return Barred(host, word.standing, await _settle(session, services, host, before, severed))


async def unblock(session: AsyncSession, host: str) -> tuple[str, returning.Undone]:
    """Hear a server as any other, whatever was said of it; its name, and what returned with it.

    Raises:
        Invalid: it is not a server's name.
        Conflict: a name above it is blocked.
    """
    name = await peers.unblock(session, host)
    await audit.note(session, "server", name, standing=OPEN)
    return name, await _let_back(session, name)


async def _settle(
    session: AsyncSession,
    services: Services,
    host: str,
    before: dict[str, Word],
    severed: Severed,
) -> int:
    """What comes of a word about one server; how many posts of the noticeboard are taken back.

    What went with it is kept for as long as it can return: a server is a list of one.
    """
    taken_back = await _let_go(session, services, severed)
    now_said = (await _rulings(session, [host])).get(host, Word(host, OPEN))
    if severed.follows or severed.replies:
        row = ServerList(source=host, words=[asdict(now_said)], taken_at=now())
        returning.keep(row, [now_said], before, severed)
        row.taken_back = taken_back
        session.add(row)
    await _let_back(session, host)
    return taken_back


async def _let_back(session: AsyncSession, host: str) -> returning.Undone:
    """What went with words about this one server returns, as far as it can.

    Follows do as soon as it is not blocked any more; answers wait until it is not silenced either.
    """
    total = returning.Undone()
    said = await rulings.of(session, host)
    standing = said.standing if said is not None else OPEN
    if standing == BLOCKED:
        return total
    kept = ServerList.taken_at > now() - UNDONE_WITHIN
    query = select(ServerList).where(
        ServerList.source == host, ServerList.undone_at.is_(None), kept
    )
    for row in await session.scalars(query.order_by(ServerList.taken_at)):
        waits = standing == SILENCED and row.replies
        if [change["word"]["host"] for change in row.changes] == [host] and not waits:
            done = returning.Undone(mail=row.mail, taken_back=row.taken_back)
            await returning.bring_back(session, row, done)
            total.add(done)
    return total


async def _let_go(session: AsyncSession, services: Services, severed: Severed) -> int:
    """Take back what goes with servers that are blocked now; how many posts of the noticeboard."""
    if severed.pictures:
        await enqueue(session, pictures.sweep_soon)
    if not severed.hosts:
        return 0
    await quotes.end_of_blocked(session, services)
    await forwarding.drop_from(session, severed.hosts)
    return await announcing.undo_all_of(session, severed.hosts)


async def choose_mode(session: AsyncSession, wanted: str) -> None:
    """How open the hub is from now on.

    Raises:
        Invalid: there is no such mode.
    """
    await rulings.choose_mode(session, mode_of(wanted))
    await audit.note(session, "mode", wanted)


def mode_of(wanted: str) -> Mode:
    """The mode of this name.

    Raises:
        Invalid: there is none.
    """
    mode = next((each for each in rulings.MODES if each == wanted), None)
    if mode is None:
        raise Invalid("Please choose open, limited or allow-list.")
    return mode


# -------------------------------------------------------------------------------- lists


async def take_note(
    session: AsyncSession, source: str, read: Read, by: UUID | None = None
) -> ServerList:
    """Keep what a list says, so that somebody can look at it before it is taken.

    Raises:
        Invalid: it names no server.
    """
    if not read.words:
        raise Invalid("No line of this list names a server.")
    row = ServerList(
        source=tidy(source)[:LONGEST_SOURCE],
        words=[asdict(word) for word in read.words],
        refused=[asdict(line) for line in read.refused[:MOST_REFUSED]],
        by_id=by,
    )
    session.add(row)
    await session.flush()
    return row


async def by_id(session: AsyncSession, list_id: UUID) -> ServerList:
    """A list that was read.

    Raises:
        NotFound: there is none.
    """
    row = await session.get(ServerList, list_id)
    if row is None:
        raise NotFound("There is no such list. What nobody took is forgotten after a day.")
    return row


async def taken_lists(session: AsyncSession) -> Sequence[ServerList]:
    """The lists that were taken, the last first."""
    query = select(ServerList).where(ServerList.taken_at.is_not(None))
    return (
        await session.scalars(query.order_by(ServerList.taken_at.desc()).limit(MOST_LISTS))
    ).all()


def words_of(row: ServerList) -> list[Word]:
    """What a list says."""
    return [Word(**word) for word in row.words]


async def take(
    session: AsyncSession,
    services: Services,
    row: ServerList,
    wanted: Collection[str] | None = None,
    *,
    without: Collection[str] = (),
) -> int:
    """Let a list hold: the names in `wanted`, else what is taken unless somebody says otherwise.

    How many names were taken.

    Raises:
        Conflict: it was taken already.
    """
    if row.taken_at is not None:
        raise Conflict("This list was taken already.")
    weighed = await weighing.weigh(session, services, words_of(row))
    words = [
        one.word
        for one in weighed
        if one.verdict not in {"ours", "same"}
        and (one.taken if wanted is None else one.word.host in wanted)
        and one.word.host not in without
    ]
    before = await _rulings(session, [word.host for word in words])
    severed = await rulings.rule(session, words)
    row.taken_at = now()
    returning.keep(row, words, before, severed)
    row.taken_back = await _let_go(session, services, severed)
    severs = {"follows": len(row.follows), "mail": row.mail, "taken_back": row.taken_back}
    await audit.note(session, "list taken", row.id, names=len(words), **severs)
    return len(words)


async def _rulings(session: AsyncSession, hosts: Sequence[str]) -> dict[str, Word]:
    """What was said of just these names."""
    found: dict[str, Word] = {}
    for part in parts(hosts):
        rows = await session.scalars(select(Ruling).where(Ruling.host.in_(part)))
        found.update((row.host, rulings.word_of(row)) for row in rows)
    return found


def may_undo(row: ServerList) -> bool:
    """Whether a list can still be taken back."""
    taken = row.taken_at
    return taken is not None and row.undone_at is None and taken > now() - UNDONE_WITHIN


async def undo(session: AsyncSession, row: ServerList) -> returning.Undone:
    """Take a whole list back; what went with it returns as far as it can.

    Raises:
        Conflict: it was not taken, was taken back already, or was taken too long ago.
    """
    if not may_undo(row):
        raise Conflict(
            "Only a list that holds can be taken back, and only within 30 days. Names can still "
            "be let in one by one."
        )
    done = returning.Undone(mail=row.mail, taken_back=row.taken_back)
    here = await _rulings(session, [change["word"]["host"] for change in row.changes])
    words = []
    for change in row.changes:
        word = Word(**change["word"])
        if here.get(word.host, Word(word.host, OPEN)) != word:
            done.kept.append(word.host)
            continue
        before = change["before"]
        words.append(Word(**before) if before is not None else Word(word.host, OPEN))
    await rulings.rule(session, words)
    done.names = len(words)
    await returning.bring_back(session, row, done)
    await audit.note(session, "list undone", row.id, names=done.names, follows=done.follows)
    return done


@job("trust.forget", every=timedelta(hours=6))
async def forget_old(run: Run) -> None:
    """What nobody took goes after a day, and what can be undone no more is no longer kept."""
    moment = now()
    async with run.finish() as session:
        await session.execute(
            delete(ServerList).where(
                ServerList.taken_at.is_(None), ServerList.read_at < moment - LOOKED_AT_WITHIN
            )
        )
        await session.execute(
            update(ServerList)
            .where(ServerList.taken_at < moment - UNDONE_WITHIN)
            .values(words=[], refused=[], changes=[], follows=[], replies=[])
        )
