"""Who somebody is, by what they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import NotFound
from hub.entries.newcomers import NEW_FOR
from hub.people import entrusting, secrets
from hub.people.models import ApiToken, Person, Session, SignInLink
from hub.web.doors import ANYBODY, Caller, Role


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that is still good; `person_id` and `email` None: it makes a new person."""

    role: str
    person_id: UUID | None
    email: str | None


async def by_session(session: AsyncSession, secret: str) -> tuple[Caller, datetime]:
    """The caller who carries this cookie, and when they did last; anybody, if it is not good."""
    if not secrets.is_plausible(secret):
        return ANYBODY, now()
    query = select(Person, Session.role, Session.last_used_at)
    found = (
        await session.execute(
            query.join(Session, Session.person_id == Person.id).where(
                Session.digest == secrets.digest(secret),
                Session.expires_at > now(),
                Person.disabled_at.is_(None),
            )
        )
    ).one_or_none()
    if found is None:
        return ANYBODY, now()
    person, bound, last = found
    role, new = cast(Role, bound or person.role), person.created_at > now() - NEW_FOR
    entrusted = await entrusting.is_entrusted(session, person, role)
    return Caller(person.id, person.name, role, "session", secret, new, entrusted), last


async def by_token(session: AsyncSession, secret: str) -> Caller:
    """The caller who sends this token; anybody, when it is not good."""
    if not secrets.is_plausible(secret):
        return ANYBODY
    person = await session.scalar(
        select(Person)
        .join(ApiToken, ApiToken.person_id == Person.id)
        .where(
            ApiToken.digest == secrets.digest(secret),
            ApiToken.revoked_at.is_(None),
            Person.disabled_at.is_(None),
        )
    )
    if person is None:
        return ANYBODY
    role = cast(Role, person.role)
    entrusted = await entrusting.is_entrusted(session, person, role)
    return Caller(person.id, person.name, role, "token", entrusted=entrusted)


async def open_link(session: AsyncSession, secret: str) -> OpenLink | None:
    """What a one-time link is for; None when it was used, ran out or never was."""
    if not secrets.is_plausible(secret):
        return None
    row = await session.scalar(
        select(SignInLink).where(
            SignInLink.digest == secrets.digest(secret),
            SignInLink.uses_left > 0,
            SignInLink.expires_at > now(),
        )
    )
    return None if row is None else OpenLink(row.role, row.person_id, row.email)


async def by_id(session: AsyncSession, person_id: UUID) -> Person:
    """A person.

    Raises:
        NotFound: there is none.
    """
    person = await session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person here.")
    return person


async def by_email(session: AsyncSession, email: str) -> Person | None:
    """Who reads this mail."""
    return await session.scalar(select(Person).where(Person.email == email))


async def devices(session: AsyncSession, person_id: UUID) -> Sequence[Session]:
    """Where somebody is signed in, the latest first."""
    query = select(Session).where(Session.person_id == person_id, Session.expires_at > now())
    return (await session.scalars(query.order_by(Session.last_used_at.desc()))).all()


async def invitations(session: AsyncSession) -> Sequence[SignInLink]:
    """Links by which new people can come, the newest first."""
    query = select(SignInLink).where(
        SignInLink.person_id.is_(None),
        SignInLink.email.is_(None),
        SignInLink.uses_left > 0,
        SignInLink.expires_at > now(),
    )
    return (await session.scalars(query.order_by(SignInLink.created_at.desc()))).all()


async def everybody(session: AsyncSession) -> Sequence[Person]:
    """Everyone with an account, stewards first; not those who left."""
    order: Any = (Person.role.desc(), Person.created_at)
    left = Person.disabled_at.is_not(None) & (Person.name == "") & Person.email.is_(None)
    return (await session.scalars(select(Person).where(~left).order_by(*order))).all()


async def count_stewards(session: AsyncSession) -> int:
    """How many stewards of flesh and blood can still sign in; tokens have persons of their own."""
    by_token = exists().where(ApiToken.person_id == Person.id)
    query = select(func.count(Person.id)).where(
        Person.role == "steward", Person.disabled_at.is_(None), ~by_token
    )
    return await session.scalar(query) or 0


async def is_last_steward(session: AsyncSession, person: Person) -> bool:
    """Whether nobody else could sign in as a steward."""
    if person.role != "steward" or person.disabled_at is not None:
        return False
    token = await session.scalar(
        select(ApiToken.digest).where(ApiToken.person_id == person.id).limit(1)
    )
    return token is None and await count_stewards(session) <= 1
