"""Reading offers and wants."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import NotFound
from hub.core.words import later
from hub.entries import layers
from hub.entries import queries as entries
from hub.entries.layers import Layer
from hub.entries.models import Entry
from hub.entries.paging import Listed
from hub.entries.queries import Filter, Filters
from hub.entries.visibility import Viewer
from hub.exchange.models import Backer, Listing, Offer, Want
from hub.exchange.schemas import CELL, Side

ROWS: Final[dict[str, type[Listing]]] = {"offer": Offer, "want": Want}
CURRENT: Final = ("open", "promised")


def _to_be_had(_moment: datetime) -> list[ColumnElement[bool]]:
    return [Entry.status.in_(CURRENT)]


layers.add(Layer("offer", later("Offers"), "gift", cell=CELL, current=_to_be_had))
layers.add(Layer("want", later("Wants"), "hand-heart", cell=CELL, current=_to_be_had))


async def by_id(
    session: AsyncSession, listing_id: UUID, viewer: Viewer, kind: Side | None = None
) -> Listing:
    """One offer or want, with its author and picture; with `kind`, only of that one.

    Raises:
        NotFound: there is none that `viewer` may see.
        Gone: it was deleted.
    """
    row = ROWS[kind] if kind is not None else Listing
    return await entries.by_id(session, row, listing_id, viewer)


async def listed(
    session: AsyncSession,
    viewer: Viewer,
    *,
    kind: Side | None = None,
    item_kind: str | None = None,
    mode: str | None = None,
    status: str | None = None,
    authors: bool = True,
    **filters: Unpack[Filters],
) -> Listed[Listing]:
    """Offers, wants or both, the newest first.

    Without `status`, those that are still to be had; `all` for every one.

    Raises:
        Invalid: the cursor is none of ours.
    """
    query = select(Listing).where(*narrowed(kind, item_kind, mode, status))
    return await entries.page(
        session, Listing, query, Filter(**filters), viewer, newest_first=True, authors=authors
    )


def narrowed(
    kind: Side | None = None,
    item_kind: str | None = None,
    mode: str | None = None,
    status: str | None = None,
) -> list[ColumnElement[bool]]:
    """What only lists of offers and wants can be asked for, as SQL over `Listing`; see `listed`."""
    found: list[ColumnElement[bool]] = []
    if kind is not None:
        found.append(Listing.kind == kind)
    if item_kind is not None:
        found.append(Listing.item_kind == item_kind)
    if mode is not None:
        found.append(Listing.mode == mode)
    if status is None:
        found.append(Listing.status.in_(CURRENT))
        found.append(or_(Listing.relevant_until.is_(None), Listing.relevant_until > now()))
    elif status != "all":
        found.append(Listing.status == status)
    return found


async def run_out(session: AsyncSession, moment: datetime) -> list[UUID]:
    """Our own listings that are open although their time is over."""
    query = select(Listing.id).where(
        Listing.origin == "",
        Listing.deleted_at.is_(None),
        Listing.status.in_(CURRENT),
        Listing.expires_at <= moment,
    )
    return list(await session.scalars(query))


async def whole(session: AsyncSession, listing_id: UUID) -> Listing:
    """A listing to be changed, with author and picture.

    Raises:
        NotFound: there is none.
    """
    query = select(Listing).where(Listing.id == listing_id)
    found = await session.scalar(query.options(*entries.whole(Listing)))
    if found is None:
        raise NotFound("There is no such listing.")
    return found


async def backers(session: AsyncSession, listings: Sequence[Listing]) -> dict[UUID, int]:
    """How many others say “me too” to each pooled want."""
    ids = [listing.id for listing in listings if listing.sort == "pooled"]
    if not ids:
        return {}
    query = select(Backer.listing_id, func.count()).where(Backer.listing_id.in_(ids))
    return dict((await session.execute(query.group_by(Backer.listing_id))).all())


async def backs(session: AsyncSession, listing_id: UUID, person_id: UUID | None) -> bool:
    """Whether a person says “me too”."""
    return person_id is not None and await session.get(Backer, (listing_id, person_id)) is not None
