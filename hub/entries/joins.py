"""Joins of people elsewhere: each gets its answer, and the answer is that we do not process them.

Our events say where to sign up (`joinMode` external); a server that sends a Join all the same must
not wait for ever (AP-57, PROTOCOL 3.3 (a) 4).
"""

from __future__ import annotations

from uuid import uuid4

from federation.errors import Unauthorised
from federation.vocab.activities import Ignore, Join
from hub.entries import queries
from hub.fediverse import outbox
from hub.fediverse.received import Received


async def ignore(received: Received, activity: Join) -> None:
    """Tell whoever wants to join that this is not the way.

    Raises:
        Unauthorised: there is no such entry of ours that everybody may see.
    """
    entry = await queries.by_uri(received.session, activity.object_id or "")
    if entry is None or not entry.local or entry.deleted_at or entry.visibility != "public":
        raise Unauthorised("nothing of ours that could be joined")
    answer = Ignore(
        id=f"{entry.author.uri}#ignores/{uuid4()}",
        actor=entry.author.uri,
        object=activity,
        to=(received.author.uri,),
    )
    await outbox.post(
        received.session,
        received.services,
        entry.author,
        answer,
        inboxes=[received.author.inbox],
    )
