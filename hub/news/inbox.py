"""News of others."""

from __future__ import annotations

from federation.errors import MalformedDocument
from federation.inbox import Inbox
from federation.vocab.activities import Create, Update
from federation.vocab.objects import Article
from hub.fediverse.received import Received
from hub.news import service

inbox = Inbox[Received]()


@inbox.on(Create, Article)
async def created(received: Received, activity: Create) -> None:
    """Somebody published an article: keep it, if we follow them or are meant."""
    await _keep(received, activity)


@inbox.on(Update, Article)
async def updated(received: Received, activity: Update) -> None:
    """An article is otherwise than before; one that we never heard of is new."""
    await _keep(received, activity)


async def _keep(received: Received, activity: Create | Update) -> None:
    thing = activity.object
    if not isinstance(thing, Article):
        raise MalformedDocument("an article is missing")
    await service.receive(received, thing)
