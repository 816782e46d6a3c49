"""Drafts of those who may not post by themselves: kept until the button in a letter is pressed.

The forms of events, offers and wants are open to everybody. What a guest sends goes here instead of
onto the board; `hub/posting` shows it to them, writes the letter, and does the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import Busy, Forbidden
from hub.core.services import Services
from hub.core.words import later
from hub.entries.models import Entry, Picture
from hub.entries.schemas import EntryDraft
from hub.jobs.retention import clock, let_go
from hub.people import secrets, sendings
from hub.people.knocking import DRAFTS_FROM, POSTS_OF_NEW, knock, where_from
from hub.people.models import Submission
from hub.people.permissions import may
from hub.web.doors import Caller
from hub.web.forms import Form

D = TypeVar("D", bound=EntryDraft)

DRAFT_LASTS: Final = timedelta(hours=48)
SETTLED_FOR: Final = timedelta(days=30)  # in which a decision about it can be appealed against
MOST_DRAFTS: Final = 5000  # of all people together, so that no flood fills the disk

# What became of one; None while it waits.
PASSED, REFUSED, WITHDRAWN = "passed", "refused", "withdrawn"

FULL: Final = "Too much is being written here at the moment. Please try again tomorrow."
SEVERAL: Final = ("themes", "repeat_not", "left_out")  # fields with a box for each value
MEMBERS_ONLY: Final = later(
    "Only members post here. Ask a steward for an invitation; they are named on the page about "
    "this hub."
)
NOT_FIELDS: Final = frozenset({"draft", "csrf", sendings.FIELD})


@dataclass(frozen=True, slots=True)
class Before:
    """What somebody wrote before and comes back to change; empty for a new form."""

    values: Mapping[str, Any]
    picture: Picture | None


NOTHING: Final = Before({}, None)


def needs_review(caller: Caller) -> bool:
    """Whether what they send becomes a draft first."""
    return not may(caller, "post")


def admit(request: Request, services: Services, caller: Caller) -> None:
    """Let them go on, unless too much was written from where they are, or by somebody new.

    Raises:
        TooMany: it was.
        Forbidden: they have no account, and this hub takes posts of its members alone.
    """
    if needs_review(caller):
        if services.settings.posting == "members":
            raise Forbidden(MEMBERS_ONLY)
        knock(services, DRAFTS_FROM, where_from(request))
    elif caller.new and not caller.moderates:
        knock(services, POSTS_OF_NEW, str(caller.person_id))


async def keep(
    services: Services, caller: Caller, kind: str, form: Form, draft: EntryDraft
) -> Response:
    """Keep a form that makes sense, and show its writer how it will look.

    Raises:
        Busy: there are too many already.
    """
    row = Submission(
        kind=kind,
        fields={name: list(said) for name, said in form.fields.items() if name not in NOT_FIELDS},
        picture_id=draft.image.id if draft.image is not None else None,
        person_id=caller.person_id,
        visibility=draft.visibility,
        expires_at=now() + DRAFT_LASTS,
    )
    async with sendings.once(services, form, caller.person_id) as sending:
        if sending.new:
            unread = select(func.count(Submission.id)).where(Submission.confirmed_at.is_(None))
            if (await sending.session.scalar(unread) or 0) >= MOST_DRAFTS:
                raise Busy(FULL)
            row.page_digest = secrets.digest(sending.secret)
            sending.session.add(row)
            sending.path = "/post/draft/{secret}"
    return sending.answer


async def by_page(session: AsyncSession, secret: str) -> Submission | None:
    """The draft whose page has this address, while it is one."""
    if not secrets.is_plausible(secret):
        return None
    query = select(Submission).where(
        Submission.page_digest == secrets.digest(secret),
        Submission.confirmed_at.is_(None),
        Submission.expires_at > now(),
    )
    return await session.scalar(query)


async def before(services: Services, secret: str) -> Before:
    """The draft at this address, to fill its form again."""
    async with services.db.read() as session:
        row = await by_page(session, secret)
        if row is None:
            return NOTHING
        picture = await session.get(Picture, row.picture_id) if row.picture_id else None
    values: dict[str, Any] = {name: said[-1] for name, said in row.fields.items() if said}
    several = {name: row.fields.get(name, ()) for name in SEVERAL}
    return Before({**values, **several, "draft": secret}, picture)


def bounded(caller: Caller, draft: D, entry: Entry) -> D:
    """The draft of a change, which shows the entry to no more people than before.

    Guests do not decide by themselves when everybody sees something.
    """
    return (
        draft.model_copy(update={"visibility": entry.visibility}) if needs_review(caller) else draft
    )


async def note_change(session: AsyncSession, caller: Caller, entry: Entry) -> None:
    """A guest changed what stewards had passed: it stands, and they look at it once more."""
    if needs_review(caller):
        passed = (Submission.entry_id == entry.id, Submission.verdict == PASSED)
        await session.execute(update(Submission).where(*passed).values(verdict=None))


@clock(
    "people.drafts",
    "what somebody without an account began to post",
    kept=DRAFT_LASTS,
    since="it was written",
)
async def forget_drafts(services: Services) -> int:
    """Drafts that nobody came back to."""
    old = (Submission.confirmed_at.is_(None), Submission.expires_at <= now())
    return await let_go(services, Submission, *old)


@clock(
    "people.submissions",
    "how a post without an account came here, with its address",
    kept=SETTLED_FOR,
    since="the post was taken back",
)
async def forget_settled(services: Services) -> int:
    """How posts came here that are no more."""
    gone = select(Entry.id).where(Entry.deleted_at <= now() - SETTLED_FOR)
    return await let_go(services, Submission, Submission.entry_id.in_(gone))


async def of_entry(session: AsyncSession, entry_id: UUID) -> Submission | None:
    """How an entry came here, if it came this way."""
    return await session.scalar(select(Submission).where(Submission.entry_id == entry_id))
