"""Places and organisations of others."""

from __future__ import annotations

from federation.errors import MalformedDocument
from federation.inbox import Inbox
from federation.vocab.activities import Create, Update
from federation.vocab.base import Place
from federation.vocab.objects import Organization
from hub.directory import service
from hub.fediverse.received import Received

inbox = Inbox[Received]()


@inbox.on(Create, Place)
@inbox.on(Create, Organization)
async def created(received: Received, activity: Create) -> None:
    """Somebody lists a place or an organisation: keep it, if we follow them or are meant."""
    await _keep(received, activity)


@inbox.on(Update, Place)
@inbox.on(Update, Organization)
async def updated(received: Received, activity: Update) -> None:
    """It is otherwise than before, or was checked; one that we never heard of is new."""
    await _keep(received, activity)


async def _keep(received: Received, activity: Create | Update) -> None:
    thing = activity.object
    if not isinstance(thing, Place | Organization):
        raise MalformedDocument("a place or an organisation is missing")
    await service.receive(received, thing)
