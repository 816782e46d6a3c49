"""Places and organisations as other servers see them, and back (PROTOCOL §3.3 (e)). Pure.

A place is a Place, an organisation an Organization without inbox: nobody follows it (FEP-2277).
"""

from __future__ import annotations

from html import escape, unescape
from typing import Any, Final

import orjson

from federation.errors import MalformedDocument
from federation.vocab.base import Attachment, Field
from federation.vocab.base import Place as PlaceDocument
from federation.vocab.details import Details
from federation.vocab.objects import Organization as OrganizationDocument
from hub.core.errors import Invalid
from hub.core.text import SafeHtml, plain, teaser
from hub.directory.models import Record
from hub.directory.schemas import MOST_LINES, MOST_LINKS, RecordDraft, email_address, record_draft
from hub.entries import access, rendering
from hub.entries import activitypub as common
from hub.entries.models import TYPES
from hub.entries.schemas import web_address

Thing = PlaceDocument | OrganizationDocument

# What those read who see only text: hours, mail, telephone, what it has and lacks.
_LABELS: Final = {
    "en": ("Opening hours", "E-mail", "Telephone", "We have", "We need"),
    "de": ("Öffnungszeiten", "E-Mail", "Telefon", "Wir haben", "Uns fehlt"),
    "fr": ("Horaires", "E-mail", "Téléphone", "Nous avons", "Il nous manque"),
    "cy": ("Oriau agor", "E-bost", "Ffôn", "Mae gennym ni", "Mae angen"),
    "pl": ("Godziny otwarcia", "E-mail", "Telefon", "Mamy", "Potrzebujemy"),
    "ar": ("أوقات العمل", "البريد الإلكتروني", "الهاتف", "لدينا", "نحتاج"),
}


def to_object(record: Record, hub: str) -> Thing:
    """The record as peers see it; `hub` is our origin. Author and picture must be loaded."""
    to, cc = common.audience(record)
    where: dict[str, Any] = {"location": common.place(record)}
    kind: type[Thing] = OrganizationDocument
    if record.kind == "place":
        kind = PlaceDocument
        where = {
            "street": record.place or None,
            "latitude": record.latitude,
            "longitude": record.longitude,
        }

    def with_text(body: SafeHtml) -> Thing:
        return kind(
            id=record.uri,
            url=record.url,
            attributed_to=record.author.uri,
            name=record.title,
            summary=rendering.article_summary(_in_short(record)),
            content=rendering.article_content(
                record.title,
                _address(record) + body + _more(record),
                record.url,
                tuple(record.tags),
            ),
            language=record.language,
            license=record.licence or None,
            published=record.created_at,
            updated=record.updated_at,
            to=to,
            cc=cc,
            **common.collections(record.uri),
            attachments=(*common.picture(record.picture, hub), *_links(record)),
            tags=common.hashtags(record),
            fields=tuple(Field(name=label, value=value) for label, value in _lines(record)[:3]),
            details=_details(record),
            **where,
        )

    return common.fitting(with_text, SafeHtml(record.content))


def document(record: Record, hub: str) -> bytes | None:
    """The record's ActivityPub document to serve; None if it is not for everybody."""
    if record.visibility != "public":
        return None
    return record.document or orjson.dumps(to_object(record, hub).document(context=True))


def former_type(record: Record) -> str:
    """What its tombstone says that it was."""
    return TYPES[record.kind]


def _details(record: Record) -> Details:
    return Details(
        email=record.email or None,
        telephone=record.phone or None,
        opening_hours=record.opening_hours or None,
        has=tuple(record.has),
        lacks=tuple(record.lacks),
        access=access.said(record.access_facts),
        checked=record.happens_at,
    )


def _in_short(record: Record) -> str:
    words = record.summary or teaser(plain(record.content), rendering.TEASER)
    return " · ".join(part for part in (record.place, words) if part)


def _address(record: Record) -> str:
    return f"<p>{escape(record.place, quote=False)}</p>" if record.place else ""


def _lines(record: Record) -> list[tuple[str, str]]:
    """What is said, by its label; as HTML."""
    labels = _LABELS.get(record.language.partition("-")[0], _LABELS["en"])
    said = (
        record.opening_hours,
        record.email,
        record.phone,
        ", ".join(record.has),
        ", ".join(record.lacks),
    )
    return [
        (label, escape(value, quote=False))
        for label, value in zip(labels, said, strict=True)
        if value
    ]


def _more(record: Record) -> str:
    lines = [f"{label}: {value}" for label, value in _lines(record)]
    return f'<p class="p-more">{"<br>".join(lines)}</p>' if lines else ""


def _links(record: Record) -> tuple[Attachment, ...]:
    found = [record.website, *record.links] if record.website else record.links
    return tuple(
        Attachment(type="Link", url=url, media_type="text/html", name="Website")
        for url in found
        if url
    )


def from_object(thing: Thing, timezone: str) -> RecordDraft:
    """What a peer says of a place or an organisation, under the rules of our own form.

    What cannot be kept is left out rather than refused. The text is in `body_of`.

    Raises:
        MalformedDocument: it has no name.
    """
    if not thing.name:
        raise MalformedDocument("a place or an organisation without a name")
    where = thing if isinstance(thing, PlaceDocument) else thing.location
    point, details, links = common.coordinates(where), thing.details, _addresses(thing)
    data: dict[str, Any] = {
        "title": common.title(thing.name, thing.type),
        "summary": _summary(thing),
        "location": _where(thing),
        "latitude": point and point[0],
        "longitude": point and point[1],
        "email": _email(details.email),
        "phone": (details.telephone or "")[:60],
        "website": links[0] if links else None,
        "links": links[1 : 1 + MOST_LINKS],
        "opening_hours": (details.opening_hours or "")[:300],
        "access_facts": access.heard(details.access),
        "has": [line[:120] for line in details.has[:MOST_LINES]],
        "lacks": [line[:120] for line in details.lacks[:MOST_LINES]],
        "tags": common.tags_of(thing),
        "checked_at": details.checked,
    }
    try:
        return record_draft(data, timezone=timezone)
    except Invalid as error:
        raise MalformedDocument(str(error)) from error


def body_of(thing: Thing) -> str:
    """The text of a peer's record, without what a hub says in it for those who see only text."""
    content = common.without_hashtags(thing.content or "")
    head = f"<p><strong>{escape(thing.name or '', quote=False)}</strong></p>"
    if not content.startswith(head):
        return content
    content = content.removeprefix(head)
    content = content.removeprefix(f"<p>{escape(_where(thing), quote=False)}</p>")
    return content.partition('<p class="p-more">')[0]


def _where(thing: Thing) -> str:
    """Its address in one line; a place says its own name besides, which is no part of it."""
    if isinstance(thing, PlaceDocument):
        parts = (thing.street, thing.postal_code, thing.locality)
        return ", ".join(part for part in parts if part)[:300]
    return common.place_text(thing.location)


def _summary(thing: Thing) -> str:
    """The teaser; a hub's begins with the address, which we know already."""
    words = teaser(plain(thing.summary or ""), 500)
    where = _where(thing)
    if where and words.startswith(where):
        words = words.removeprefix(where).removeprefix(" · ")
    return unescape(words)


def _addresses(thing: Thing) -> list[str]:
    found = []
    for one in thing.attachments:
        if one.type != "Link":
            continue
        try:
            found.append(web_address(one.url))
        except ValueError:
            continue
    return found


def _email(value: str | None) -> str:
    try:
        return email_address(value or "")
    except ValueError:
        return ""
