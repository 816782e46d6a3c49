"""Other servers: who is blocked, who is heard, who was seen."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from federation.errors import BadUrl
from federation.origins import authority
from federation.vocab.actors import Actor as ActorDocument
from hub.actors import remote
from hub.actors.models import Actor
from hub.core.clock import now
from hub.core.errors import Conflict, Invalid
from hub.core.questions import Question
from hub.core.services import Services
from hub.core.words import filled
from hub.fediverse import rulings
from hub.fediverse.models import Delivery, Follow, Peer, Ruling
from hub.fediverse.rulings import ALLOWED, BLOCKED, OPEN, SILENCED

log = logging.getLogger(__name__)

TRUSTED_AFTER = timedelta(hours=24)  # a follower's server is heard after this (SETTLED 8)
QUIET = timedelta(days=3)  # a server that we follow and have not heard of is said to be so
LOST = timedelta(days=30)  # and is hidden; as long as mail for it is kept (SETTLED 4)
NOTED_AGAIN = timedelta(days=1)  # how exactly is known when a server last signed by RFC 9421
_OURS = aliased(Actor)
# Written once: whether we follow anybody there is asked for each activity that comes in.
_FOLLOWED = (
    select(Actor)
    .join(Follow, Follow.followee_id == Actor.id)
    .join(_OURS, _OURS.id == Follow.follower_id)
    .where(_OURS.local, Follow.state == "accepted")
)
_FOLLOWED_AT = (
    _FOLLOWED.where(Actor.authority == bindparam("host")).order_by(Follow.created_at).limit(1)
)
_IS_SILENT = (Peer.failures > 0) & (Peer.standing != BLOCKED)
_SILENT = select(Peer.host, _IS_SILENT).where(Peer.host.in_(bindparam("hosts", expanding=True)))
_FOLLOWED_HOSTS = (
    _FOLLOWED.where(Actor.authority.in_(bindparam("hosts", expanding=True)))
    .with_only_columns(Actor.authority)
    .distinct()
)
_FOLLOWS_ONE = (
    select(Follow.id)
    .join(_OURS, _OURS.id == Follow.follower_id)
    .where(_OURS.local, Follow.followee_id == bindparam("actor"), Follow.state == "accepted")
    .where(Follow.relay.is_(None))
    .limit(1)
)


def host_of(text: str) -> str:
    """The authority that somebody means by `example.org`, `@a@example.org` or an address.

    Raises:
        Invalid: it is none of these.
    """
    text = text.strip().rpartition("@")[2]
    try:
        return authority(text if "://" in text else f"https://{text}")
    except BadUrl:
        raise Invalid(
            filled("{text} is not the name of a server, such as hub.example.", text=text)
        ) from None


async def hears(
    session: AsyncSession, services: Services, actor: Actor, via: Actor | None = None
) -> bool:
    """Whether what this actor says is shown without a steward's click (SETTLED 8).

    `via` is who announced it: whom we follow, and what they let through, we trust (decision 0066),
    unless it is a relay. What stewards said of the actor's own server comes first.
    """
    if actor.local:
        return True
    said = await rulings.of(session, actor.authority)
    if said is not None and said.standing != OPEN:
        return said.standing == ALLOWED
    if via is not None and await session.scalar(_FOLLOWS_ONE, {"actor": via.id}) is not None:
        return await hears(session, services, via)
    mode = await rulings.mode(session, services)
    if mode == "open" or await follows_host(session, actor.authority):
        return True
    if mode == rulings.ALLOW_LIST:
        return False
    follower = Actor.__table__.alias()
    old_follower = exists().where(
        Follow.follower_id == follower.c.id,
        follower.c.authority == actor.authority,
        Follow.state == "accepted",
        Follow.created_at <= now() - TRUSTED_AFTER,
    )
    found = await session.scalar(
        select(Peer.host).where(
            Peer.host == actor.authority, Peer.passed_at.is_not(None), old_follower
        )
    )
    return found is not None


async def follows_host(session: AsyncSession, host: str) -> bool:
    """Whether one of our actors follows someone on that server."""
    return await FOLLOWED.of(session, host)


async def _followed(session: AsyncSession, hosts: Sequence[str]) -> Mapping[str, bool]:
    return dict.fromkeys(await session.scalars(_FOLLOWED_HOSTS, {"hosts": hosts}), True)


FOLLOWED: Question[str, bool] = Question(_followed, Follow, otherwise=False)


async def followed_at(session: AsyncSession, host: str) -> Actor | None:
    """Someone on that server whom one of our actors follows; None if nobody."""
    return await session.scalar(_FOLLOWED_AT, {"host": host})


async def block(session: AsyncSession, services: Services, host: str) -> str:
    """Take nothing more from a server and send it nothing; its followers are let go.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    return (await stand(session, services, host, BLOCKED))[0]


async def silence(session: AsyncSession, services: Services, host: str) -> str:
    """Show nothing more of a server unless a steward lets it through; mail goes on as before.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    return (await stand(session, services, host, SILENCED))[0]


async def stand(
    session: AsyncSession, services: Services, text: str, standing: rulings.Standing
) -> tuple[str, rulings.Severed]:
    """From now on a server stands so; what was said of its pictures and reports still holds.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    host = another(services, text)
    await rulings.ensure(session, [host])
    row = await session.get(Ruling, host)
    word = rulings.word_of(row) if row is not None else rulings.Word(host)
    return host, await rulings.rule(session, [replace(word, standing=standing)])


async def hold(session: AsyncSession, services: Services, host: str) -> None:
    """Silence a server that sends too much, once: what a moderator says of it later stands."""
    await rulings.ensure(session, [host])
    known = (Peer.host == host, Peer.flooded_at.is_(None), Peer.standing == OPEN)
    held = await session.execute(
        update(Peer).where(*known).values(flooded_at=now()).returning(Peer.host)
    )
    if held.scalar_one_or_none() is not None:
        await silence(session, services, host)


def another(services: Services, text: str) -> str:
    """The authority of a server that is not ours.

    Raises:
        Invalid: it is not a server's name, or is ours.
    """
    host = host_of(text)
    if services.is_ours(host):
        raise Invalid("A hub cannot block itself.")
    return host


def under(authority: ColumnElement[Any], name: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Whether a server has this name, or one below it, at any port (PROTOCOL §6.9)."""
    pattern = name.replace("_", r"\_") if isinstance(name, str) else name
    below = (pattern + ":%", "%." + pattern, "%." + pattern + ":%")
    return or_(authority == name, *(authority.like(each, escape="\\") for each in below))


async def unblock(session: AsyncSession, host: str) -> str:
    """Hear a server as any other, whatever was said of it; what it posted before is shown again.

    Raises:
        Invalid: it is not a server's name.
        Conflict: a name above it is blocked.
    """
    host = host_of(host)
    await rulings.rule(session, [rulings.Word(host, OPEN)])
    above = await rulings.of(session, host)
    if above is not None and above.standing == BLOCKED:
        told = (
            "{host} is blocked with all below {above}. Allow it by its own name, or unblock that."
        )
        raise Conflict(filled(told, host=host, above=above.host))
    return host


async def pass_on(session: AsyncSession, host: str) -> None:
    """A steward let something of this server through: from now on it may be heard."""
    await rulings.ensure(session, [host])
    await session.execute(
        update(Peer).where(Peer.host == host, Peer.passed_at.is_(None)).values(passed_at=now())
    )


async def remember(session: AsyncSession, thing: ActorDocument, document: bytes) -> Actor:
    """The row of a remote actor, as its document says; and how its server would have us sign.

    Raises:
        MalformedDocument: it has no inbox, or no name.
        Unauthorised: its inbox is on another server than itself.
    """
    actor = await remote.remember(session, thing, document)
    await rulings.ensure(session, [actor.authority])
    if any("rfc9421" in each.href.lower() for each in thing.implements):  # FEP-844e
        await _speak_rfc9421(session, [actor.authority])
    return actor


async def _speak_rfc9421(session: AsyncSession, hosts: Sequence[str]) -> None:
    """Note that these servers speak RFC 9421, at most once a day (PROTOCOL §2.2)."""
    moment = now()
    await session.execute(
        update(Peer)
        .where(
            Peer.host.in_(hosts),
            or_(Peer.rfc9421_at.is_(None), Peer.rfc9421_at < moment - NOTED_AGAIN),
        )
        .values(rfc9421_at=moment)
    )


async def seen(session: AsyncSession, hosts: Iterable[str], modern: Iterable[str] = ()) -> None:
    """Verified requests came from there: they live, and what waits for them is due now.

    `modern` are those of them that signed by RFC 9421. A server that asked us to wait is not
    silent, and is left alone until then.
    """
    names = sorted(set(hosts))
    if not names:
        return
    moment = now()
    rows = await session.execute(_SILENT, {"hosts": names})
    known: dict[str, bool] = dict(rows.all())
    await rulings.ensure(session, set(names) - set(known))
    back = [host for host, silent in known.items() if silent]
    if back:
        await session.execute(
            update(Delivery)
            .where(Delivery.host.in_(back), Delivery.run_at > moment)
            .values(run_at=moment)
        )
    await session.execute(
        update(Peer)
        .where(Peer.host.in_(names))
        .values(
            last_seen_at=moment,
            lost_at=None,
            failures=0,
            closed_until=case((_IS_SILENT, None), else_=Peer.closed_until),
            failing_since=None,
            run_at=case((_IS_SILENT & Peer.run_at.is_not(None), moment), else_=Peer.run_at),
        )
    )
    signed = sorted(set(modern))
    if signed:
        await _speak_rfc9421(session, signed)


async def answered(session: AsyncSession, host: str) -> None:
    """A server that we asked has answered: it is there. Whether it takes mail is another matter."""
    await rulings.ensure(session, [host])
    await session.execute(
        update(Peer).where(Peer.host == host).values(last_seen_at=now(), lost_at=None)
    )


async def lose(session: AsyncSession) -> None:
    """Hide what servers published that we follow and have not heard of for long."""
    followed = (
        select(Actor.authority)
        .join(Follow, Follow.followee_id == Actor.id)
        .where(Actor.local.is_(False), Follow.state == "accepted")
    )
    lost = await session.scalars(
        update(Peer)
        .where(
            Peer.host.in_(followed),
            Peer.lost_at.is_(None),
            func.coalesce(Peer.last_seen_at, Peer.first_seen_at) < now() - LOST,
        )
        .values(lost_at=now())
        .returning(Peer.host),
        execution_options={"synchronize_session": False},
    )
    for host in lost:
        log.info("nothing was heard of %s for %s days: its things are hidden", host, LOST.days)


async def quiet(session: AsyncSession, hosts: Iterable[str]) -> dict[str, datetime]:
    """Those of these servers that were not heard of for a while, and since when."""
    names = sorted(set(hosts) - {""})
    if not names:
        return {}
    heard = func.coalesce(Peer.last_seen_at, Peer.first_seen_at)
    rows = await session.execute(
        select(Peer.host, heard).where(Peer.host.in_(names), heard < now() - QUIET)
    )
    return dict(rows.all())


async def try_again(session: AsyncSession, hosts: Sequence[str]) -> None:
    """Make what waits for these servers due now, whatever the schedule says."""
    moment = now()
    await session.execute(update(Delivery).where(Delivery.host.in_(hosts)).values(run_at=moment))
    await session.execute(
        update(Peer)
        .where(Peer.host.in_(hosts), Peer.run_at.is_not(None))
        .values(run_at=moment, closed_until=None)
    )
