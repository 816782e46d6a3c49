"""What stewards said of servers: by name, for all below it, and the nearest name decides.

A name need not be a server that we know, and a list may hold thousands. What comes of it for a
server that we do know stands in its `Peer`, so that whoever reads entries or sends mail asks for
one row, however many names there are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, get_args
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.db import Base, insert_for
from hub.core.questions import Question
from hub.core.services import Services
from hub.fediverse import facts
from hub.fediverse.models import Delivery, Follow, Peer, Receipt, Ruling

Standing = Literal["open", "allowed", "silenced", "blocked"]
Mode = Literal["open", "limited", "allow-list"]

OPEN: Final = "open"
ALLOWED: Final = "allowed"
SILENCED: Final = "silenced"
BLOCKED: Final = "blocked"
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
ALLOW_LIST: Final = "allow-list"

MODE: Final = "federation"  # the fact that stands before the setting of this name
PART: Final = 200  # servers, or names, in one statement
FOLLOW: Final = ("uri", "follower_id", "followee_id", "state", "created_at")
_MEMBERS: Final = (
    "host", "standing", "reject_media", "reject_reports", "comment", "obfuscate"
)  # fmt: skip
T = TypeVar("T")
_PORT: Final = re.compile(r":\d+$")
_SAID: Final = select(Ruling).where(Ruling.host.in_(bindparam("names", expanding=True)))


@dataclass(frozen=True, slots=True)
class Word:
    """What is said of a server's name.

    `reject_media`: pictures from there are neither fetched nor shown. `reject_reports`: what they
    report is dropped. `comment` may be shown to anybody; `obfuscate` asks others who show the list
    to write the name only in part.
    """

    host: str
    standing: Standing = BLOCKED
    reject_media: bool = False
    reject_reports: bool = False
    comment: str = ""
    obfuscate: bool = False

    @property
    def nothing(self) -> bool:
        """Whether it says nothing at all: the name stands as if it had never been named."""
        return self.standing == OPEN and not (self.reject_media or self.reject_reports)


@dataclass(slots=True)
class Severed:
    """What words about servers took with them.

    `hosts` are servers that are blocked now and were not before, `pictures` those whose pictures
    are shown no more. `follows` are rows as they were, ids as text, and `relay` None if it is none;
    `replies` are those that wait for a steward now; `mail` is how many deliveries were dropped.
    """

    hosts: list[str] = field(default_factory=list)
    follows: list[dict[str, Any]] = field(default_factory=list)
    replies: list[UUID] = field(default_factory=list)
    mail: int = 0
    pictures: list[str] = field(default_factory=list)


def names_of(host: str) -> list[str]:
    """A server's name and those above it, the nearest first; each with its port, then without."""
    port = found[0] if (found := _PORT.search(host)) else ""
    labels = host.removesuffix(port).split(".")
    above = [".".join(labels[at:]) for at in range(len(labels))]
    return [name + end for name in above for end in ((port, "") if port else ("",))]


def nearest(host: str, said: Mapping[str, T]) -> T | None:
    """What was said of the nearest of a server's names; None if of none."""
    return next((said[name] for name in names_of(host) if name in said), None)


# ------------------------------------------------------------------------------- asking


async def of(session: AsyncSession, host: str) -> Ruling | None:
    """What holds for a server, known here or not; None if nothing was said."""
    return await OF.of(session, host)


async def is_blocked(session: AsyncSession, host: str) -> bool:
    """Whether the server, or a domain above it, is blocked."""
    said = await of(session, host)
    return said is not None and said.standing == BLOCKED


async def mode(session: AsyncSession, services: Services) -> Mode:
    """How open the hub is: as stewards chose on their page, else as its settings say."""
    chosen = await facts.get(session, MODE)
    return next((each for each in MODES if each == chosen), services.settings.federation)


async def is_closed(session: AsyncSession, services: Services, host: str) -> bool:
    """Whether nothing is taken from a server: it is blocked, or not listed where that is needed.

    Listed is whom stewards allowed, and where they follow somebody or asked to.
    """
    said = await of(session, host)
    if said is not None and said.standing in {ALLOWED, BLOCKED}:
        return said.standing == BLOCKED
    if await mode(session, services) != ALLOW_LIST:
        return False
    return await session.scalar(followed_hosts().where(Actor.authority == host).limit(1)) is None


def followed_hosts() -> Select[str]:
    """The servers where one of our actors follows somebody, or asked to."""
    ours = Actor.__table__.alias()
    return (
        select(Actor.authority)
        .join(Follow, Follow.followee_id == Actor.id)
        .join(ours, ours.c.id == Follow.follower_id)
        .where(ours.c.local, Follow.state != "rejected")
        .correlate(None)
    )


async def listed(session: AsyncSession) -> Sequence[Ruling]:
    """Everything that was said of servers, by name."""
    return (await session.scalars(select(Ruling).order_by(Ruling.host))).all()


async def _said(session: AsyncSession, hosts: Collection[str]) -> dict[str, Ruling]:
    """What was said of these servers' names, and of those above them."""
    names = sorted({name for host in hosts for name in names_of(host)})
    found: dict[str, Ruling] = {}
    for part in parts(names):
        rows = await session.scalars(_SAID, {"names": part})
        found.update((row.host, row) for row in rows)
    return found


async def _of_all(session: AsyncSession, hosts: Sequence[str]) -> dict[str, Ruling | None]:
    said = await _said(session, hosts)
    return {host: nearest(host, said) for host in hosts}


OF: Final[Question[str, Ruling | None]] = Question(_of_all, Ruling, otherwise=None)


async def _without_pictures(session: AsyncSession, hosts: Sequence[str]) -> Mapping[str, bool]:
    query = select(Peer.host).where(Peer.host.in_(hosts), Peer.no_pictures)
    return dict.fromkeys(await session.scalars(query), True)


# Whether stewards want no pictures of a server.
NO_PICTURES: Final = Question(_without_pictures, Peer, otherwise=False)


# ------------------------------------------------------------------------------- saying


async def choose_mode(session: AsyncSession, wanted: Mode) -> None:
    """From now on the hub is so open."""
    await facts.note(session, MODE, wanted)


async def rule(session: AsyncSession, words: Sequence[Word]) -> Severed:
    """These words hold from now on, in place of what was said of the same names."""
    for part in parts(words):
        names = [word.host for word in part]
        rows = await session.scalars(select(Ruling).where(Ruling.host.in_(names)))
        known = {row.host: row for row in rows}
        for word in part:
            await _write(session, word, known.get(word.host))
        await session.flush()
    return await settle(session, await servers_under(session, [word.host for word in words]))


async def _write(session: AsyncSession, word: Word, row: Ruling | None) -> None:
    if word.nothing:
        if row is not None:
            await session.delete(row)
        return
    if row is None:
        row = Ruling(host=word.host)
        session.add(row)
    for member in _MEMBERS:
        setattr(row, member, getattr(word, member))
    row.at = now()


def word_of(row: Ruling) -> Word:
    """A ruling as it was said."""
    return Word(**{name: getattr(row, name) for name in _MEMBERS})


async def known_servers(session: AsyncSession) -> list[str]:
    """Every server that we know, or somebody of it, or that has something of ours."""
    known = union(
        select(Peer.host),
        select(Actor.authority).where(Actor.local.is_(False)).distinct(),
        select(Receipt.host).distinct(),
    )
    return sorted(await session.scalars(known))


async def servers_under(session: AsyncSession, names: Collection[str]) -> list[str]:
    """The servers that we know which have one of these names, or one below."""
    wanted = set(names)
    known = await known_servers(session)
    return [host for host in known if not wanted.isdisjoint(names_of(host))]


async def ensure(session: AsyncSession, hosts: Collection[str]) -> None:
    """Each of these servers has its row, in which stands what was said of it."""
    new = await _make(session, hosts)
    if new:
        await settle(session, new)


async def _make(session: AsyncSession, hosts: Collection[str]) -> list[str]:
    """Rows of servers that had none; which these are."""
    moment, made = now(), list[str]()
    for part in parts(sorted(set(hosts))):
        rows = [
            {"host": host, "standing": OPEN, "failures": 0, "fence": 0, "first_seen_at": moment}
            for host in part
        ]
        statement = insert_for(session, Peer).on_conflict_do_nothing()
        made += await session.scalars(statement.returning(Peer.host), rows)
    return made


async def settle(session: AsyncSession, hosts: Collection[str]) -> Severed:
    """Do to servers what was said of their names, as far as it was not done."""
    severed = Severed()
    await _make(session, hosts)
    for part in parts(sorted(hosts)):
        moved, without = await _stand(session, part)
        if without:
            await _take_pictures(session, without)
            severed.pictures += without
        for (before, standing), those in moved.items():
            if before == BLOCKED:
                await _forgive(session, those)
            if standing == BLOCKED:
                await _sever(session, those, severed)
            elif standing == SILENCED:
                await _hold_replies(session, those, severed)
    return severed


async def _stand(
    session: AsyncSession, hosts: Sequence[str]
) -> tuple[dict[tuple[str, str], list[str]], list[str]]:
    """Note how servers stand; those that stood otherwise, by how; those without pictures now."""
    said = await _said(session, hosts)
    moved: dict[tuple[str, str], list[str]] = {}
    without = []
    for peer in await session.scalars(select(Peer).where(Peer.host.in_(hosts))):
        ruling = nearest(peer.host, said)
        standing = ruling.standing if ruling is not None else OPEN
        if standing != peer.standing:
            moved.setdefault((peer.standing, standing), []).append(peer.host)
        peer.standing = standing
        rejected = ruling is not None and ruling.reject_media
        if rejected and not peer.no_pictures:
            without.append(peer.host)
        peer.no_pictures = rejected
    await session.flush()
    return moved, without


def _theirs(hosts: Sequence[str]) -> Select[UUID]:
    return select(Actor.id).where(Actor.authority.in_(hosts), Actor.local.is_(False))


async def _sever(session: AsyncSession, hosts: Sequence[str], severed: Severed) -> None:
    """Let go of all that binds us to servers that are blocked now."""
    theirs = _theirs(hosts)
    bound = or_(Follow.follower_id.in_(theirs), Follow.followee_id.in_(theirs))
    for row in await session.scalars(select(Follow).where(bound)):
        saved = {name: str(getattr(row, name)) for name in FOLLOW}
        severed.follows.append({**saved, "relay": row.relay})
    await session.execute(delete(Follow).where(bound))
    gone = delete(Delivery).where(Delivery.host.in_(hosts)).returning(Delivery.id)
    severed.mail += len((await session.scalars(gone)).all())
    severed.hosts += hosts
    await session.execute(update(Peer).where(Peer.host.in_(hosts)).values(run_at=None))
    await session.execute(
        update(Actor)
        .where(Actor.id.in_(theirs), Actor.suspended_at.is_(None))
        .values(suspended_at=now())
    )


async def _forgive(session: AsyncSession, hosts: Sequence[str]) -> None:
    """What servers posted before is shown again."""
    await session.execute(
        update(Actor).where(Actor.id.in_(_theirs(hosts))).values(suspended_at=None)
    )


async def _hold_replies(session: AsyncSession, hosts: Sequence[str], severed: Severed) -> None:
    """Answers that stand wait for a steward too; entries do by what lists ask (visibility)."""
    reply = Base.metadata.tables["reply"]
    held = await session.execute(
        update(reply)
        .where(reply.c.author_id.in_(_theirs(hosts)), reply.c.public, reply.c.state == "shown")
        .values(state="held")
        .returning(reply.c.id)
    )
    severed.replies += held.scalars()


async def _take_pictures(session: AsyncSession, hosts: Sequence[str]) -> None:
    """Entries of these servers have no pictures any more; a sweep removes the copies."""
    entry = Base.metadata.tables["entry"]
    await session.execute(
        update(entry)
        .where(entry.c.origin.in_(hosts), entry.c.picture_id.is_not(None))
        .values(picture_id=None)
    )


def parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Items in runs that one statement can name."""
    return (items[at : at + PART] for at in range(0, len(items), PART))
