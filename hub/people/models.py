"""People who may do things here, and the ways in which they prove who they are.

Secrets are kept as SHA-256 of 160 random bits or more; nobody can read them back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.clock import now
from hub.core.db import Base


class Person(Base):
    """Someone with an account; `role` is one of `permissions.ROLES`.

    `email` is proved, lower case, None where nobody said one. `language` is what letters to them
    speak, a code of `words.languages`; empty: that of the hub. `notices` is how they want to be
    told by letter: now, weekly or none; `channels` says otherwise for some sorts of notices, and
    `hushed` are those of which their phones say nothing (`notices.SORTS`). Phones are quiet between
    `quiet_from` and `quiet_until`, minutes after midnight. `letter_at` is when their next letter
    about the neighbourhood goes (None: they want none), `interests` are the words that choose what
    is in it; with `letter_near` (the centre of a 0.01° cell, called `letter_place`) it holds only
    what is at most `letter_within_m` from there. `stop_secret` ends all that by one tap in a
    letter, and can do no more. `entrusted_at` is since when this steward is one of those to whom
    private wants are shown; where none is named, all are.
    """

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    role: Mapped[str]
    email: Mapped[str | None] = mapped_column(index=True, unique=True)
    language: Mapped[str] = mapped_column(default="", server_default="")
    notices: Mapped[str] = mapped_column(default="now")
    channels: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    hushed: Mapped[list[str]] = mapped_column(default=list)
    quiet_from: Mapped[int] = mapped_column(default=21 * 60)
    quiet_until: Mapped[int] = mapped_column(default=8 * 60)
    stop_secret: Mapped[str | None] = mapped_column(index=True, unique=True)
    letter_at: Mapped[datetime | None]
    interests: Mapped[list[str]] = mapped_column(default=list)
    letter_place: Mapped[str] = mapped_column(default="")
    letter_near: Mapped[list[float]] = mapped_column(JSON, default=list)
    letter_within_m: Mapped[int] = mapped_column(default=5000)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    entrusted_at: Mapped[datetime | None]


class Entrusting(Base):
    """Who named a steward for private wants (`named`), or no longer did; the log of it is kept."""

    __tablename__ = "entrusting"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    named: Mapped[bool]
    at: Mapped[datetime] = mapped_column(default=now)


class SignInLink(Base):
    """A link that signs in. `person_id` None: whoever uses it becomes a new `role`.

    `email`: it was sent there, so whoever uses it reads that mail. `uses_left` is above 1 for
    invitations that hang in a hallway; `made_by` is the steward who made it.
    """

    __tablename__ = "sign_in_link"

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    role: Mapped[str]
    email: Mapped[str | None]
    uses_left: Mapped[int] = mapped_column(default=1)
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Session(Base):
    """A browser that is signed in; `device` says in words which.

    `role` bounds what it may do, whatever its person may: a link to one's own post is no key to
    the stewards' rooms. None: all that the person may.
    """

    __tablename__ = "session"

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str | None]
    device: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]

    person: Mapped[Person] = relationship(lazy="raise")


class Passkey(Base):
    """A key on somebody's device that signs them in (WebAuthn); `name` is what they call it.

    `id` is the credential's, in base 64 for addresses; `public_key` is COSE. `sign_count` is what
    the device last said (up to 2³²; 0 where it does not count), so that a copy is noticed.
    """

    __tablename__ = "passkey"

    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str]
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]


class MastodonAccount(Base):
    """An account at another server that signs its person in here; `actor` is its id."""

    __tablename__ = "mastodon_account"

    actor: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True, unique=True)
    handle: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]


class MastodonApp(Base):
    """This hub as a program that another server knows; `client_secret` is sealed.

    `server` is its authority, `home` its origin. `scope` is what we may ask there, `pkce` whether
    it binds its codes to who asked for them.
    """

    __tablename__ = "mastodon_app"

    server: Mapped[str] = mapped_column(primary_key=True)
    home: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[bytes]
    redirect_uri: Mapped[str]
    scope: Mapped[str]
    pkce: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Begun(Base):
    """A way in that somebody began, and may go on with once, in the same browser.

    `kind` says which. `digest` is of what they come back with, `browser` of the cookie that they
    had. `person_id`: they were signed in and add this way to their account.
    """

    __tablename__ = "begun"

    digest: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    browser: Mapped[str]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Told(Base):
    """What a person was told, or will be in their next weekly letter (`told_at` None).

    `item` names what it is about: kind and path. `digest` is of its words, so that the same
    thing is not said twice.
    """

    __tablename__ = "told"
    __table_args__ = (Index("ix_told_waiting", "person_id", "told_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    item: Mapped[str]
    digest: Mapped[str]
    subject: Mapped[str]
    lines: Mapped[list[str]] = mapped_column(default=list)
    path: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    told_at: Mapped[datetime | None]


class KeptSearch(Base):
    """A search or a filtered list that somebody keeps: `path` and `query` are its address here.

    `told` is how they hear of what is new in it: now, weekly or none. New is what came after
    `since`; what came until `looked_at` was compared with it.
    """

    __tablename__ = "kept_search"
    __table_args__ = (
        UniqueConstraint("person_id", "path", "query"),
        Index("ix_kept_search_due", "told", "looked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    path: Mapped[str]
    query: Mapped[str]
    told: Mapped[str] = mapped_column(default="weekly")
    since: Mapped[datetime] = mapped_column(default=now)
    looked_at: Mapped[datetime] = mapped_column(default=now)
    created_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def address(self) -> str:
        """The page that shows it."""
        return self._under(self.path)

    @property
    def feed(self) -> str:
        """What is public of it, for a feed reader."""
        return self._under(f"{self.path}.rss")

    @property
    def calendar(self) -> str:
        """The public events of it, for a calendar; empty where there are none."""
        events = self.path == "/events" or (
            self.path == "/search" and "type=" not in self.query.replace("type=event", "")
        )
        return self._under(f"{self.path}.ics") if events else ""

    def _under(self, path: str) -> str:
        return f"{path}?{self.query}" if self.query else path


class SearchHit(Base):
    """Something that was told of a kept search, so that it is told once."""

    __tablename__ = "search_hit"

    search_id: Mapped[UUID] = mapped_column(
        ForeignKey("kept_search.id", ondelete="CASCADE"), primary_key=True
    )
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    told_at: Mapped[datetime] = mapped_column(default=now)


class Submission(Base):
    """A post by somebody who may not post by themselves, from the first word to what became of it.

    Its draft: `kind` is event, offer or want, `fields` what the form held, `picture_id` a picture
    that is kept already. `page_digest` is of the secret in the address of the draft's page,
    `link_digest` of that in the letter to `email`; until the letter's button is pressed all of it
    goes at `expires_at`. From then on there is an entry. `visibility` was chosen for it, and holds
    from `release_at` on (None: when a steward says so). `verdict` is passed, refused or
    withdrawn, None while it waits.
    """

    __tablename__ = "submission"
    __table_args__ = (Index("ix_submission_waiting", "verdict", "confirmed_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str]
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    picture_id: Mapped[UUID | None]
    page_digest: Mapped[str] = mapped_column(index=True, unique=True)
    link_digest: Mapped[str | None] = mapped_column(index=True, unique=True)
    email: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    entry_id: Mapped[UUID | None] = mapped_column(ForeignKey("entry.id"), index=True, unique=True)
    visibility: Mapped[str] = mapped_column(default="public")
    confirmed_at: Mapped[datetime | None]
    release_at: Mapped[datetime | None]
    verdict: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class ApiToken(Base):
    """A program's way in; acts as a person of its own with the token's name and role."""

    __tablename__ = "api_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")


class Idempotency(Base):
    """The answer to a POST that bore an `Idempotency-Key`, kept for a day."""

    __tablename__ = "idempotency"

    key: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    request_digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[bytes]
    location: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class SentForm(Base):
    """A form that had its effect, and the page that it led to (`sendings`)."""

    __tablename__ = "sent_form"

    mark: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
