"""What every feature does with a draft: the members that all entries share, and the picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from hub.actors.models import Actor
from hub.core import text
from hub.core.clock import now
from hub.core.errors import Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.words import later
from hub.entries import pictures, publishing, search
from hub.entries.models import Entry, Picture
from hub.entries.schemas import NO_LICENCE, Draft, EntryDraft, ImageDraft

# The dates of a series have one text.
_markdown = lru_cache(maxsize=4)(text.markdown)
_plain = lru_cache(maxsize=4)(text.plain)


async def with_picture(services: Services, draft: Draft) -> Draft:
    """The draft with its picture kept here, so that only the id is left in it.

    Pictures are slow, so this stands before the transaction that writes the entry.

    Raises:
        Invalid: it is not a picture that we take.
    """
    image = draft.image
    if image is None or image.data is None:
        return draft
    picture = await pictures.store(services, image.data, image.alt)
    async with services.db.write() as session:
        session.add(picture)
    return draft.model_copy(update={"image": ImageDraft(id=picture.id)})


async def with_its_picture(
    services: Services, changes: Mapping[str, Any], draft: EntryDraft
) -> dict[str, Any]:
    """Changes to an entry, with the picture of the draft that they make kept here, by its id.

    Raises:
        Invalid: it is not a picture that we take.
    """
    kept = await with_picture(services, draft)
    if kept is draft or kept.image is None:
        return dict(changes)
    return {**changes, "image": kept.image.id}


def begin(services: Services, entry: Entry, author: Actor, owner: UUID | None) -> None:
    """Give a new entry of ours its address, its author and the person who may change it."""
    entry.id = uuid4()
    entry.uri = entry.url = publishing.address(services, entry.kind, entry.id)
    entry.origin = ""
    entry.author = author
    entry.owner_id = owner
    entry.created_at = now()
    entry.published_at = None


async def fill(session: AsyncSession, settings: Settings, entry: Entry, draft: EntryDraft) -> None:
    """Write into an entry of ours what all drafts have.

    Raises:
        Invalid: there is no such picture.
    """
    was_public = entry.visibility == "public"
    entry.title = draft.title
    entry.source = draft.description
    entry.content = _markdown(draft.description)
    entry.cleaned_by = text.RULES_VERSION
    entry.language = draft.language or entry.language or settings.language
    entry.licence = _terms(settings, entry, draft)
    entry.place = draft.location
    entry.latitude, entry.longitude = draft.latitude, draft.longitude
    entry.tags = list(draft.tags)
    entry.visibility = draft.visibility
    entry.updated_at = now()
    if draft.visibility == "public" and not was_public:
        # `published` for others: Mastodon sorts by it, and marks what is `updated` later as edited.
        entry.created_at = entry.updated_at
    await _attach(session, entry, draft.image)


def _terms(settings: Settings, entry: Entry, draft: EntryDraft) -> str:
    """The licence that is meant: the draft's, else what it was, else the hub's."""
    if draft.license is not None:
        return "" if draft.license == NO_LICENCE else draft.license
    before: str | None = entry.licence  # None: it is new
    return settings.licence if before is None else before


def make_findable(entry: Entry) -> None:
    """Bring `search_text` up to date; the database keeps its index by it."""
    texts = (entry.summary, _plain(entry.content), *entry.further_texts)
    entry.search_text = search.search_text(entry.title, texts, tuple(entry.tags), entry.place)


def refuse_hiding(entry: Entry, draft: EntryDraft) -> None:
    """What went out cannot be called back to this hub alone.

    Raises:
        Invalid: the draft narrows what other servers have already.
    """
    if entry.published_at is not None and draft.visibility != "public":
        told = later("other servers have it already: leave it public, or delete it")
        raise Invalid("This was public, and other servers have it already.", {"visibility": told})


async def _attach(session: AsyncSession, entry: Entry, image: ImageDraft | None) -> None:
    if image is None:
        entry.picture = None
        return
    picture = await session.get(Picture, image.id)
    if picture is None:
        raise Invalid("There is no such picture.", {"image": "there is no picture with this id"})
    if image.alt and image.alt != picture.alt:
        # Another entry may show the same picture in its own words.
        picture = Picture(
            name=picture.name,
            url=picture.url,
            alt=image.alt,
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
        )
    entry.picture = picture
