"""Events that happen elsewhere."""

from __future__ import annotations

from federation.errors import MalformedDocument
from federation.inbox import Inbox
from federation.vocab.activities import Create, Update
from federation.vocab.objects import Event
from hub.events import service
from hub.fediverse.received import Received

inbox = Inbox[Received]()


@inbox.on(Create, Event)
async def created(received: Received, activity: Create) -> None:
    """Somebody published an event: keep it, if we follow them or are meant."""
    await _keep(received, activity)


@inbox.on(Update, Event)
async def updated(received: Received, activity: Update) -> None:
    """An event is otherwise than before; one that we never heard of is new."""
    await _keep(received, activity)


async def _keep(received: Received, activity: Create | Update) -> None:
    thing = activity.object
    if not isinstance(thing, Event):
        raise MalformedDocument("an event is missing")
    await service.receive(received, thing)
