"""What an application tells the library about itself: one Protocol.

`routes` asks a `Site` and nothing else. The library knows two: the hub's, over its database, and
`federation.testing.MemorySite`, over dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from federation.verification import VerifiedActivity, Verifier


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One document as bytes, ready to be served.

    `status` is 200, or 410 where `body` is a Tombstone (or empty). `etag` may come with or
    without its quotes.
    """

    body: bytes
    etag: str
    last_modified: datetime | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class ActorNames:
    """What WebFinger says of one actor.

    `url` is the profile page. `gone` means deleted for good (410). `instance` marks the server's
    own actor, which gets one more link (FEP-d556).
    """

    name: str
    uri: str
    url: str
    gone: bool = False
    instance: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A few items of a collection, each a JSON fragment that is spliced in as it is.

    `next` and `prev` are cursors, opaque to the library; None means that there is no such page.
    """

    items: tuple[bytes, ...]
    next: str | None = None
    prev: str | None = None


@dataclass(frozen=True, slots=True)
class NodeInfoFacts:
    """What NodeInfo says of this server; counts are of local people and posts."""

    version: str
    users: int
    active_month: int
    active_half_year: int
    local_posts: int
    local_comments: int
    open_registrations: bool
    name: str
    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Site(Protocol):
    """An application, as its peers may ask for it."""

    @property
    def origin(self) -> str:
        """The public origin, such as `https://hub.example`; no slash at the end."""

    @property
    def verifier(self) -> Verifier:
        """Who decides whether a request is what it says."""

    def is_ours(self, authority: str) -> bool:
        """Whether `host` or `host:port` is this server."""

    async def is_blocked(self, authority: str) -> bool:
        """Whether nothing is taken from that server (403)."""

    def patience(self, authority: str) -> float | None:
        """None if that server may send more, else in how many seconds; nothing is counted."""

    def admit(self, authority: str) -> float | None:
        """As `patience`, and what it just sent counts; it is known to be from there."""

    async def accept(self, activity: VerifiedActivity) -> None:
        """Keep `activity`; returns when it would survive a crash, before anything is done."""

    async def actor(self, name: str) -> StoredDocument | None:
        """The actor's document, or None if there never was one of that name."""

    async def resolve(self, resource: str) -> ActorNames | None:
        """Who `resource` is: a name, a full uri, or '' for the server's own actor."""

    def uri_of(self, name: str) -> str:
        """The id of an actor, by the name that its path has."""

    async def collection_total(self, name: str, which: str) -> int | None:
        """How many items the collection holds, or None if there is no such collection."""

    async def collection_page(self, name: str, which: str, cursor: str | None, limit: int) -> Page:
        """At most `limit` items after `cursor`, or from the start."""

    async def node_info(self) -> NodeInfoFacts:
        """What NodeInfo publishes."""
