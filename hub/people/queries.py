"""Who somebody is, by what they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.clock import now
from hub.core.errors import NotFound
from hub.people import secrets
from hub.people.models import ApiToken, Person, Session, SignInLink
from hub.web.doors import ANYBODY, Caller, Role


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A one-time link that is still good; `person_id` None: it makes a new person."""

    role: str
    person_id: UUID | None


async def by_session(session: AsyncSession, secret: str) -> Caller:
    """The caller who carries this cookie; anybody, when it is no longer good."""
    if not secrets.is_plausible(secret):
        return ANYBODY
    person = await session.scalar(
        select(Person)
        .join(Session, Session.person_id == Person.id)
        .where(
            Session.digest == secrets.digest(secret),
            Session.expires_at > now(),
            Person.disabled_at.is_(None),
        )
    )
    if person is None:
        return ANYBODY
    return Caller(person.id, person.name, cast(Role, person.role), "session", secret)


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
    return Caller(person.id, person.name, cast(Role, person.role), "token")


async def open_link(session: AsyncSession, secret: str) -> OpenLink | None:
    """What a one-time link is for; None when it was used, ran out or never was."""
    if not secrets.is_plausible(secret):
        return None
    row = await session.scalar(
        select(SignInLink).where(
            SignInLink.digest == secrets.digest(secret),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now(),
        )
    )
    return None if row is None else OpenLink(row.role, row.person_id)


async def by_id(session: AsyncSession, person_id: UUID) -> Person:
    """A person.

    Raises:
        NotFound: there is none.
    """
    person = await session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person here.")
    return person


async def everybody(session: AsyncSession) -> Sequence[Person]:
    """Everyone with an account, stewards first."""
    order: Any = (Person.role.desc(), Person.created_at)
    return (await session.scalars(select(Person).order_by(*order))).all()


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
