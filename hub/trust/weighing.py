"""What a list, or another mode, would change here: asked before it is done (SECURITY G5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core.services import Services
from hub.entries.models import Entry
from hub.fediverse import rulings
from hub.fediverse.models import Delivery, Follow
from hub.fediverse.rulings import ALLOW_LIST, ALLOWED, BLOCKED, OPEN, Mode, Word, parts
from hub.trust.lists import STRENGTH

Verdict = Literal["new", "same", "other", "weaker", "allowed", "followed", "ours"]

# What is taken unless somebody says otherwise: what lets in no more than before, and cuts nothing
# that stewards made themselves.
TAKEN: Final = frozenset({"new", "other"})


@dataclass(frozen=True, slots=True)
class Weight:
    """What binds this hub to servers: accepted follows both ways, entries, and waiting mail."""

    servers: int = 0
    followers: int = 0
    followed: int = 0
    entries: int = 0
    waiting: int = 0

    def __add__(self, other: Weight) -> Weight:
        """Both together."""
        return Weight(
            self.servers + other.servers,
            self.followers + other.followers,
            self.followed + other.followed,
            self.entries + other.entries,
            self.waiting + other.waiting,
        )

    @property
    def nothing(self) -> bool:
        """Whether nobody here would notice."""
        return not (self.followers or self.followed or self.entries or self.waiting)


@dataclass(frozen=True, slots=True)
class Weighed:
    """One word of a list against what stands here.

    `stands` is how the name stands now, `by` the name above it that says so (itself: that it does).
    `verdict`: new, the same as here, another word that lets in no more, a weaker one, one against
    what stewards allowed, one that ends follows of ours, or one about this hub. The last five are
    left out unless somebody wants them; the last is always.
    """

    word: Word
    verdict: Verdict
    stands: str
    by: str
    weight: Weight

    @property
    def taken(self) -> bool:
        """Whether it is taken unless somebody says otherwise."""
        return self.verdict in TAKEN


@dataclass(frozen=True, slots=True)
class Shift:
    """What another mode would change: servers that would be shut out, and how they are bound."""

    mode: Mode
    weight: Weight = field(default_factory=Weight)
    hosts: tuple[str, ...] = ()


async def weigh(session: AsyncSession, services: Services, words: Sequence[Word]) -> list[Weighed]:
    """Each word of a list, with what it would sever."""
    said = {row.host: row for row in await rulings.listed(session)}
    hosts = await rulings.servers_under(session, [word.host for word in words])
    weights = await weights_of(session, hosts)
    named = {word.host: word for word in words}
    by_word: dict[str, Weight] = {}
    for host, weight in weights.items():
        word = rulings.nearest(host, named)
        if word is not None:
            by_word[word.host] = by_word.get(word.host, Weight()) + weight
    ours = {name for each in services.settings.authorities for name in rulings.names_of(each)}
    found = []
    for word in words:
        stands = rulings.nearest(word.host, said)
        weight = by_word.get(word.host, Weight())
        found.append(
            Weighed(
                word,
                "ours" if word.host in ours else _verdict(word, stands, weight),
                stands.standing if stands is not None else OPEN,
                stands.host if stands is not None else "",
                weight,
            )
        )
    return found


def _verdict(word: Word, stands: Any, weight: Weight) -> Verdict:
    """How a word fits what stands here."""
    if stands is not None and stands.host == word.host and rulings.word_of(stands) == word:
        return "same"
    before = stands.standing if stands is not None else OPEN
    if word.standing == before and stands is not None and stands.host != word.host:
        return "same" if not _says_more(word, stands) else "other"
    if before == ALLOWED and STRENGTH[word.standing] > STRENGTH[ALLOWED]:
        return "allowed"
    if STRENGTH[word.standing] < STRENGTH[before] and before != OPEN:
        return "weaker"
    if word.standing == BLOCKED and before != BLOCKED and weight.followed:
        return "followed"
    return "new" if stands is None else "other"


def _says_more(word: Word, stands: Any) -> bool:
    return (word.reject_media and not stands.reject_media) or (
        word.reject_reports and not stands.reject_reports
    )


async def weights_of(session: AsyncSession, hosts: Sequence[str]) -> dict[str, Weight]:
    """How each of these servers is bound to this hub."""
    counts: dict[str, Counter[str]] = {}
    for part in parts(sorted(hosts)):
        for name, query in _counted(part).items():
            counts.setdefault(name, Counter()).update(dict((await session.execute(query)).all()))
    return {
        host: Weight(1, **{name: counted[host] for name, counted in counts.items()})
        for host in hosts
    }


def _counted(hosts: Iterable[str]) -> dict[str, Select[str, int]]:
    """Queries for host and number, by what they count."""
    ours = select(Actor.id).where(Actor.local)
    there = Actor.authority.in_(hosts)
    follows = (
        select(Actor.authority, func.count())
        .where(there, Follow.state == "accepted")
        .group_by(Actor.authority)
    )
    return {
        "followers": follows.join(Follow, Follow.follower_id == Actor.id).where(
            Follow.followee_id.in_(ours)
        ),
        "followed": follows.join(Follow, Follow.followee_id == Actor.id).where(
            Follow.follower_id.in_(ours)
        ),
        "entries": select(Entry.origin, func.count())
        .where(Entry.origin.in_(hosts), Entry.deleted_at.is_(None), Entry.hidden_at.is_(None))
        .group_by(Entry.origin),
        "waiting": select(Delivery.host, func.count())
        .where(Delivery.host.in_(hosts))
        .group_by(Delivery.host),
    }


async def shift(session: AsyncSession, services: Services, wanted: Mode) -> Shift:
    """Whom the hub would shut out in this mode, of those it lets in now."""
    now_on = await rulings.mode(session, services)
    if wanted != ALLOW_LIST or now_on == ALLOW_LIST:
        return Shift(wanted)
    said = {row.host: row.standing for row in await rulings.listed(session)}
    followed = set(await session.scalars(rulings.followed_hosts()))
    known = await rulings.known_servers(session)
    out = [
        host
        for host in known
        if host not in followed and rulings.nearest(host, said) not in {ALLOWED, BLOCKED}
    ]
    weights = await weights_of(session, out)
    bound = sorted(host for host, weight in weights.items() if not weight.nothing)
    return Shift(wanted, sum(weights.values(), Weight()), tuple(bound))
