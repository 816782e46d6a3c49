"""Who speaks: people, groups and services with an inbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from federation.vocab.base import Attachment, Field, Place, Tag, location_document, moment, present
from federation.vocab.names import Document, context_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """A specification that an actor's server implements (FEP-844e)."""

    href: str
    name: str

    def document(self) -> Document:
        """The JSON of the capability."""
        return {"href": self.href, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody with an inbox.

    `webfinger` is the handle, `name@host` (FEP-2c59); `summary` is HTML. `upcoming` is the
    collection of future events (FEP-8a8e). `public_key_pem` is the RSA key with the id
    `<id>#main-key`, `ed25519_multibase` the other with `<id>#ed25519-key`. `generator` is the
    server's own actor, `implements` what the server can do.
    """

    type: str
    id: str
    preferred_username: str
    inbox: str
    webfinger: str | None = None
    name: str | None = None
    summary: str | None = None
    url: str | None = None
    outbox: str | None = None
    followers: str | None = None
    following: str | None = None
    featured: str | None = None
    upcoming: str | None = None
    shared_inbox: str | None = None
    icon: Attachment | None = None
    image: Attachment | None = None
    public_key_pem: str | None = None
    ed25519_multibase: str | None = None
    manually_approves: bool = False
    discoverable: bool = False
    indexable: bool = False
    attribution_domains: tuple[str, ...] = ()
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    generator: str | None = None
    implements: tuple[Capability, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    fields: tuple[Field, ...] = ()
    tags: tuple[Tag, ...] = ()
    location: Place | None = None
    source_type: tuple[str, ...] = field(default=(), compare=False)

    def document(self, *, context: bool = False) -> Document:
        """The JSON of the actor, with its `@context` if it is to stand alone."""
        members = present({**self._profile(), **self._addresses(), **self._facts(), **self._keys()})
        return {"@context": context_of(members), **members} if context else members

    def _profile(self) -> Document:
        return {
            "id": self.id,
            "type": self.type,
            "preferredUsername": self.preferred_username,
            "webfinger": self.webfinger,
            "name": self.name,
            "summary": self.summary,
            "url": self.url,
        }

    def _addresses(self) -> Document:
        return {
            "inbox": self.inbox,
            "outbox": self.outbox,
            "followers": self.followers,
            "following": self.following,
            "featured": self.featured,
            "upcomingEvents": self.upcoming,
            "endpoints": self.shared_inbox and {"sharedInbox": self.shared_inbox},
            "alsoKnownAs": list(self.also_known_as) or None,
            "movedTo": self.moved_to,
        }

    def _facts(self) -> Document:
        return {
            "published": self.published and moment(self.published),
            "updated": self.updated and moment(self.updated),
            "manuallyApprovesFollowers": self.manually_approves,
            "discoverable": self.discoverable,
            "indexable": self.indexable,
            "attributionDomains": list(self.attribution_domains) or None,
            "icon": self.icon and self.icon.document(),
            "image": self.image and self.image.document(),
            "attachment": [line.document() for line in self.fields] or None,
            "tag": [tag.document() for tag in self.tags] or None,
            "location": self.location and location_document(self.location),
            **self._capabilities(),
        }

    def _capabilities(self) -> Document:
        implements = [one.document() for one in self.implements] or None
        if self.generator is None or self.generator == self.id:
            return {"implements": implements}
        server: dict[str, Any] = {"type": "Application", "id": self.generator}
        return {"generator": present({**server, "implements": implements})}

    def _keys(self) -> Document:
        rsa = self.public_key_pem and {
            "id": f"{self.id}#main-key",
            "owner": self.id,
            "publicKeyPem": self.public_key_pem,
        }
        ed25519 = self.ed25519_multibase and {
            "id": f"{self.id}#ed25519-key",
            "type": "Multikey",
            "controller": self.id,
            "publicKeyMultibase": self.ed25519_multibase,
        }
        return {"publicKey": rsa or None, "assertionMethod": [ed25519] if ed25519 else None}
