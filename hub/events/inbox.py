"""Events that happen elsewhere, and people elsewhere who come to ours."""

from __future__ import annotations

from federation.errors import MalformedDocument
from federation.inbox import Inbox
from federation.vocab.activities import Activity, Create, Join, Leave, Undo, Update
from federation.vocab.objects import Event
from hub.events import attendance, service
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


@inbox.on(Join)
async def joined(received: Received, activity: Join) -> None:
    """Somebody wants to come; if it is to something else than an event, they are told so."""
    await attendance.join(received, activity)


@inbox.on(Leave)
async def left(received: Received, activity: Leave) -> None:
    """Somebody does not come after all."""
    await attendance.leave(received, activity.object_id or "")


@inbox.on(Undo, Join)
async def unjoined(received: Received, activity: Undo) -> None:
    """Somebody takes back that they wanted to come (AP-39)."""
    if isinstance(activity.object, Join):
        await attendance.undo(received, activity.object)


@inbox.knows
async def join_by_id(received: Received, uri: str) -> Activity | None:
    """A Join of others."""
    return await attendance.by_uri(received.session, uri)


async def _keep(received: Received, activity: Create | Update) -> None:
    thing = activity.object
    if not isinstance(thing, Event):
        raise MalformedDocument("an event is missing")
    await service.receive(received, thing)
