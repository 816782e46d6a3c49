"""Offers and wants of people elsewhere."""

from __future__ import annotations

from federation.errors import MalformedDocument
from federation.inbox import Inbox
from federation.vocab.activities import Create, Update
from federation.vocab.proposals import Proposal
from hub.exchange import service
from hub.fediverse.received import Received

inbox = Inbox[Received]()


@inbox.on(Create, Proposal)
async def created(received: Received, activity: Create) -> None:
    """Somebody offers or wants something: keep it, if we follow them or are meant."""
    await _keep(received, activity)


@inbox.on(Update, Proposal)
async def updated(received: Received, activity: Update) -> None:
    """An offer or want is otherwise than before; one that we never heard of is new."""
    await _keep(received, activity)


async def _keep(received: Received, activity: Create | Update) -> None:
    thing = activity.object
    if not isinstance(thing, Proposal):
        raise MalformedDocument("an offer or a want is missing")
    await service.receive(received, thing)
