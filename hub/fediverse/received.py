"""One activity of another server, as the handlers get it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import and_, or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from federation.authority import is_local, may_publish
from federation.errors import FederationError, MalformedDocument, Unauthorised, Unreachable
from federation.origins import authority
from federation.rates import Rates
from federation.vocab.activities import Activity, Create
from federation.vocab.actors import Actor as ActorDocument
from federation.vocab.base import Object
from federation.vocab.parse import parse
from hub.actors import service
from hub.actors.models import Actor
from hub.core import questions
from hub.core.db import by_bytes
from hub.core.services import Services
from hub.fediverse import follows, former, peers, relays, rulings
from hub.fediverse.models import InboxActivity

T = TypeVar("T")
Document = dict[str, Any]
Afterwards = Callable[[AsyncSession, Sequence[T]], Awaitable[None]]

LOOK_UPS = 20  # documents fetched at once because of one server's mail, and then in a minute (B8)


async def forget_sent(session: AsyncSession, uri: str) -> None:
    """Empty what was sent about an object that is gone, once it was acted upon (SECURITY D7).

    That is known by ids of activities that begin with the object's, as those of hubs and of
    Mastodon do; what others sent goes when the log forgets it.
    """
    named = by_bytes(session, InboxActivity.uri)
    about = or_(
        and_(named > f"{uri}#", named < f"{uri}$"),  # the next sign after #
        and_(named > f"{uri}/", named < f"{uri}0"),
    )
    await session.execute(
        update(InboxActivity)
        .where(about, InboxActivity.state.in_(("done", "dropped")))
        .values(body=b""),
        execution_options={"synchronize_session": False},
    )


class Wanted(FederationError):
    """A handler needs a document that is not at hand; it is fetched, and the handler runs again."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"wanted: {uri}")
        self.uri = uri


class Alone(FederationError):
    """A handler locks what others lock too; it runs again in a transaction of its own.

    In one of many activities, two workers would come to hold what the other waits for.
    """


@dataclass(frozen=True, slots=True)
class LookUps:
    """How much mail has us look up, counted for each server.

    What several activities want at the same time is fetched once, and counted once.
    """

    rates: Rates
    wanted: set[tuple[str, str]] = field(default_factory=set)

    def count(self, host: str, uri: str) -> None:
        """Count one document for a server.

        Raises:
            Unreachable: it had us look up too much already; later may be better (SECURITY B8).
        """
        if (host, uri) in self.wanted:
            return
        if self.rates.take(host) is not None:
            raise Unreachable("too much is looked up for this server at the moment")
        self.wanted.add((host, uri))


@dataclass(frozen=True, slots=True)
class Together:
    """What handlers leave to be done at once for all activities of a round, at its end."""

    left: dict[Afterwards[Any], list[Any]] = field(default_factory=dict)

    async def finish(self, session: AsyncSession) -> None:
        """Write what waits, and do what was left."""
        await questions.settle(session)
        for do, things in self.left.items():
            await do(session, things)


@dataclass(frozen=True)
class Received:
    """An authentic activity and all that is known around it.

    `author` is who did it. `via` is who passed it on, when that is another (an Announce, a relay);
    `announced`: by an Announce, as one does with what one let in; servers forward unasked.
    `vouched`: the origin of the object itself confirmed it (it answers 404 or 410 to a Delete).
    `listed`: it is of old, and we read it in the author's own collection; nobody is told of it.
    Handlers ask for documents of others with `fetched` and `actor` before they write anything:
    what is missing is fetched outside the transaction, and the handler starts anew. `alone`: the
    transaction is for this activity only. `together`: nothing is known to go wrong with any
    activity of the round, so that what they write may wait for its end; if it does go wrong,
    nothing of it is kept, and each is handled by itself.
    """

    session: AsyncSession
    services: Services
    author: Actor
    activity: Activity
    document: Document
    host: str
    now: datetime
    via: Actor | None = None
    announced: bool = False
    vouched: bool = False
    listed: bool = False
    documents: Mapping[str, Document | FederationError] = field(default_factory=dict)
    dispatch: Callable[[Received, Activity], Awaitable[bool]] | None = None
    alone: bool = True
    look_ups: LookUps | None = None
    together: Together | None = None

    @property
    def announcer(self) -> Actor | None:
        """Who passed it on by an Announce."""
        return self.via if self.announced else None

    async def afterwards(self, do: Afterwards[T], thing: T) -> None:
        """Have something done to `thing` before it is kept: at once, or to all of a round together.

        `do` gets things in the order in which they came.
        """
        if self.together is None:
            await do(self.session, [thing])
        else:
            self.together.left.setdefault(do, []).append(thing)

    def be_alone(self) -> None:
        """Go on only in a transaction of its own; called before anything is locked or written.

        Raises:
            Alone: it is one of many; the handler starts anew.
        """
        if not self.alone:
            raise Alone("wants a transaction of its own")

    async def charge(self, uri: str) -> None:
        """Count a look-up for whoever sent this; servers that we follow may ask for as many.

        Raises:
            Unreachable: it had us look up too much already; later may be better (SECURITY B8).
        """
        if self.look_ups is not None and not await self._is_free():
            self.look_ups.count(self.host, uri)

    async def _is_free(self) -> bool:
        """Whether it is a server that we follow; a relay speaks for the whole world."""
        followed = await peers.follows_host(self.session, self.host)
        return followed and not await relays.is_relay(self.session, self.host)

    async def fetched(self, uri: str) -> Document:
        """A document of another server, from its own origin.

        Raises:
            Wanted: it is not at hand yet.
            Unauthorised: it would be one of ours, or is on a server that is blocked.
            FederationError: why it could not be had.
        """
        if is_local(uri, self.services.is_ours):
            raise Unauthorised("another server may not hand us our own objects")
        found = self.documents.get(uri)
        if found is None:
            if await rulings.is_closed(self.session, self.services, authority(uri)):
                raise Unauthorised("it is on a server from which nothing is taken (AP-84)")
            await self.charge(uri)
            raise Wanted(uri)
        if isinstance(found, FederationError):
            raise found
        return found

    async def actor(self, uri: str) -> Actor:
        """The row of an actor, fetched if we do not know it.

        Raises:
            Wanted: it is not at hand yet.
            Unauthorised: nothing is taken from it.
            FederationError: it could not be had, or is not an actor.
        """
        known = await service.by_uri(self.session, uri)
        if known is not None:
            if known.suspended_at is not None:
                # A redirect leads to a blocked server too, past the look at its address (AP-84).
                raise Unauthorised("the author is blocked")
            return known
        document = await self.fetched(uri)
        thing = parse(document)
        if not isinstance(thing, ActorDocument) or thing.id != uri:
            raise MalformedDocument(f"{uri} is not an actor")
        return await peers.remember(self.session, thing, orjson.dumps(document))

    async def relevant(self) -> bool:
        """Whether we asked for this: we follow the author, or who passed it on (AP-30).

        What somebody listed who has moved we asked for by following whom they became.
        """
        people = [self.author, *([self.via] if self.via else [])]
        ids = [one.id for one in people]
        for one in people if self.listed else ():
            ids += await former.heirs(self.session, one)
        return await follows.is_followed(self.session, ids)

    async def hand_on(self, document: Document) -> bool:
        """Treat a document that came from its own origin as if its author had just created it.

        Raises:
            Unauthorised: the document does not belong to an actor of its own origin.
        """
        thing = parse(document)
        if not isinstance(thing, Object) or thing.id is None or thing.attributed_to is None:
            raise MalformedDocument("not an object with id and author")
        if not may_publish(thing.id, thing.attributed_to):
            raise Unauthorised("the object's author is of another origin")
        from_relay = await relays.is_relay(self.session, self.host)
        if from_relay and not await relays.is_wanted(self.session, thing):
            raise Unauthorised("a relay passed on what this hub does not show")
        author = await self.actor(thing.attributed_to)
        create = Create(actor=author.uri, object=thing, to=thing.to, cc=thing.cc)
        onward = replace(
            self,
            author=author,
            via=self.author,
            announced=True,
            activity=create,
            document=create.document(),
        )
        if self.dispatch is None:
            raise RuntimeError("no dispatcher")
        return await self.dispatch(onward, create)
