"""Making people, and the ways in: one-time links, sessions, tokens.

One `shut_out` ends every way in at once (SECURITY D4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from hub.audit import log as audit
from hub.core.clock import now
from hub.core.errors import Conflict, Gone, Invalid
from hub.core.text import tidy
from hub.core.words import filled
from hub.mail import outbox
from hub.people import queries, secrets
from hub.people.models import (
    ApiToken,
    Begun,
    Idempotency,
    MastodonAccount,
    Passkey,
    Person,
    Session,
    SignInLink,
)
from hub.people.permissions import ROLES

LINK_LASTS: Final = timedelta(days=7)
SESSION_LASTS: Final = timedelta(days=90)
MOST_USES: Final = 200  # of one invitation
HANDED_OUT: Final = frozenset({"member", "reader", "reporter"})  # roles that a poster may give
ANSWERS_LAST: Final = timedelta(days=1)
LONGEST_NAME: Final = 60

SPENT: Final = "This link has been used, or it is too old. Please ask a steward for a new one."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that is signed in now; `secret` is the new cookie's value.

    `is_new`: the person was made just now, and has no name yet.
    """

    secret: str
    person_id: UUID
    is_new: bool


async def make_link(
    session: AsyncSession,
    url: str,
    role: str = "steward",
    *,
    person_id: UUID | None = None,
    email: str | None = None,
    uses: int = 1,
    made_by: UUID | None = None,
    lasts: timedelta = LINK_LASTS,
) -> str:
    """The address of a new link: for a person, or for whoever becomes a new `role`.

    `url` is the hub's own origin. `email` is where it will be sent, so that it proves the address.
    It works once, or `uses` times for as many new people.

    Raises:
        Invalid: there is no such role, or it is not for several people.
        NotFound: there is no such person.
    """
    if person_id is not None:
        role = (await queries.by_id(session, person_id)).role
    _check_role(role)
    if uses > 1 and (person_id is not None or role not in HANDED_OUT):
        raise Invalid("Only members, readers and reporters can be invited with one link for many.")
    if not 1 <= uses <= MOST_USES:
        raise Invalid(filled("A link is for 1 to {most} people.", most=MOST_USES))
    secret = secrets.new_link()
    session.add(
        SignInLink(
            digest=secrets.digest(secret),
            person_id=person_id,
            role=role,
            email=email,
            uses_left=uses,
            made_by=made_by,
            expires_at=now() + lasts,
        )
    )
    await session.flush()
    if email is None:  # else somebody asked for their own
        await audit.note(session, "link", person_id or "", role=role, uses=uses)
    return f"{url}/sign-in/{secret}"


async def sign_in(
    session: AsyncSession, secret: str, before: str = "", *, device: str = ""
) -> SignedIn:
    """Use a link up, and begin a session; the session `before` ends (SECURITY E11).

    Of many who use the same link at once, one gets in: the row is claimed by its update.

    Raises:
        Gone: the link was used, ran out, or never was; or its person was shut out.
    """
    moment = now()
    claimed = await session.execute(
        update(SignInLink)
        .where(
            SignInLink.digest == secrets.digest(secret),
            SignInLink.uses_left > 0,
            SignInLink.expires_at > moment,
        )
        .values(used_at=moment, uses_left=SignInLink.uses_left - 1)
        .returning(SignInLink.person_id, SignInLink.role, SignInLink.email)
        .execution_options(synchronize_session=False)
    )
    row = claimed.one_or_none()
    if row is None:
        raise Gone(SPENT)
    person_id, role, email = row
    person = await _person_of(session, person_id, role, email)
    return await arrive(session, person, before, device=device)


async def arrive(
    session: AsyncSession, person: Person, before: str = "", *, device: str = ""
) -> SignedIn:
    """Begin a session of somebody who showed who they are; the session `before` ends.

    Raises:
        Gone: they are shut out.
    """
    if before:
        await sign_out(session, before)
    return SignedIn(await begin(session, person, device=device), person.id, not person.name)


async def _person_of(
    session: AsyncSession, person_id: UUID | None, role: str, email: str | None
) -> Person:
    """Whose link it is: somebody we know, or somebody new."""
    if person_id is not None:
        person = await queries.by_id(session, person_id)
        if email is not None:
            await prove(session, person, email)
        return person
    return await with_email(session, email, role) if email else await new_person(session, role)


async def with_email(session: AsyncSession, email: str, role: str = "guest") -> Person:
    """The person who reads this mail; a new `role` if we know nobody."""
    known = await queries.by_email(session, email)
    return known or await new_person(session, role, email)


async def new_person(session: AsyncSession, role: str, email: str | None = None) -> Person:
    """Somebody new, who has no name yet."""
    person = Person(id=uuid4(), name="", role=role, email=email)
    session.add(person)
    await session.flush()
    return person


async def prove(session: AsyncSession, person: Person, email: str) -> None:
    """They showed that they read this mail.

    Raises:
        Conflict: somebody else here does.
    """
    other = await queries.by_email(session, email)
    if other is not None and other.id != person.id:
        raise Conflict("Somebody else at this hub has this e-mail address.")
    person.email = email


async def begin(
    session: AsyncSession,
    person: Person,
    *,
    role: str | None = None,
    device: str = "",
    lasts: timedelta = SESSION_LASTS,
) -> str:
    """A new session of a person; `role` bounds what it may do. The answer is its cookie.

    Raises:
        Gone: they are shut out.
    """
    if person.disabled_at is not None:
        raise Gone(SPENT)
    person.last_seen_at = now()
    secret = secrets.new_session()
    session.add(
        Session(
            digest=secrets.digest(secret),
            person_id=person.id,
            role=role,
            device=device,
            expires_at=now() + lasts,
        )
    )
    await session.flush()
    return secret


async def sign_out(session: AsyncSession, secret: str) -> None:
    """End the session of this cookie."""
    await session.execute(delete(Session).where(Session.digest == secrets.digest(secret)))


async def sign_out_device(session: AsyncSession, person_id: UUID, digest: str) -> None:
    """End one session of a person; nothing happens if it is not theirs."""
    mine = (Session.digest == digest, Session.person_id == person_id)
    await session.execute(delete(Session).where(*mine))


async def sign_out_everywhere(session: AsyncSession, person_id: UUID) -> None:
    """End every session of a person, and every link that would begin one."""
    await session.execute(delete(Session).where(Session.person_id == person_id))
    await _spend_links(session, person_id)


async def _spend_links(session: AsyncSession, person_id: UUID) -> None:
    mine = (SignInLink.person_id == person_id, SignInLink.uses_left > 0)
    await session.execute(update(SignInLink).where(*mine).values(used_at=now(), uses_left=0))


async def set_role(session: AsyncSession, person_id: UUID, role: str) -> Person:
    """Give a person another role; it holds from their next request on.

    Raises:
        Invalid: there is no such role.
        NotFound: there is no such person.
        Conflict: it is the last steward.
    """
    _check_role(role)
    person = await queries.by_id(session, person_id)
    if person.role == role:
        return person
    if await queries.is_last_steward(session, person):
        raise Conflict("The last steward stays one. Make another one first.")
    await audit.note(session, "role", person.id, before=person.role, role=role)
    person.role, person.entrusted_at = role, None
    return person


async def withdraw_invitation(session: AsyncSession, digest: str) -> None:
    """Nobody more comes by this link."""
    await session.execute(
        update(SignInLink).where(SignInLink.digest == digest).values(used_at=now(), uses_left=0)
    )
    await audit.note(session, "link withdrawn")


async def speaks(session: AsyncSession, person_id: UUID, language: str) -> None:
    """From now on letters to them are in this language."""
    (await queries.by_id(session, person_id)).language = language


async def rename(session: AsyncSession, person_id: UUID, name: str) -> Person:
    """Give a person a name.

    Raises:
        Invalid: there is no name, or it is too long.
        NotFound: there is no such person.
    """
    person = await queries.by_id(session, person_id)
    person.name = _name(name)
    return person


async def token_create(session: AsyncSession, name: str, role: str) -> str:
    """A new token for a program, which acts as a person of its own; it is shown only now.

    Raises:
        Invalid: there is no name, or no such role.
    """
    _check_role(role)
    person = Person(id=uuid4(), name=_name(name), role=role)
    session.add(person)
    await session.flush()
    secret = secrets.new_token()
    session.add(ApiToken(digest=secrets.digest(secret), person_id=person.id))
    await session.flush()
    await audit.note(session, "token", person.id, role=role)
    return secret


async def shut_out(session: AsyncSession, person_id: UUID) -> None:
    """End every way in of a person, now: sessions, tokens, links, passkeys.

    Raises:
        NotFound: there is no such person.
        Conflict: it is the last steward.
    """
    await _end_ways_in(session, person_id)
    await audit.note(session, "shut out", person_id)


async def _end_ways_in(session: AsyncSession, person_id: UUID) -> None:
    person = await queries.by_id(session, person_id)
    if await queries.is_last_steward(session, person):
        raise Conflict("The last steward cannot be shut out. Make another one first.")
    moment = now()
    person.disabled_at = person.disabled_at or moment
    for way in (Session, Passkey, Begun):
        await session.execute(delete(way).where(way.person_id == person_id))
    await session.execute(
        update(ApiToken)
        .where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=moment)
    )
    await _spend_links(session, person_id)


async def forget(session: AsyncSession, person_id: UUID) -> None:
    """They left: every way in ends, and nothing says any more who they were.

    Raises:
        NotFound: there is no such person.
        Conflict: it is the last steward.
    """
    await _end_ways_in(session, person_id)
    person = await queries.by_id(session, person_id)
    for kept in (MastodonAccount, Idempotency, SignInLink):
        await session.execute(delete(kept).where(kept.person_id == person_id))
    if person.email is not None:
        await session.execute(delete(SignInLink).where(SignInLink.email == person.email))
        await outbox.forget_address(session, person.email)
    person.name, person.email, person.stop_secret = "", None, None
    person.channels, person.hushed = {}, []
    person.letter_at, person.interests = None, []
    person.letter_place, person.letter_near = "", []


async def let_in(session: AsyncSession, person_id: UUID) -> None:
    """A person who was shut out may have new ways in; the old ones stay closed.

    Raises:
        NotFound: there is no such person.
    """
    (await queries.by_id(session, person_id)).disabled_at = None
    await audit.note(session, "let in", person_id)


async def has_steward(session: AsyncSession) -> bool:
    """Whether somebody is there who can sign in as a steward."""
    return await queries.count_stewards(session) > 0


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid(
            f"{role} is no role. Choose one of {', '.join(ROLES)}.", {"role": "unknown role"}
        )


def _name(name: str) -> str:
    name = tidy(name)
    if not 1 <= len(name) <= LONGEST_NAME:
        hint = filled("Please enter a name of 1 to {most} letters.", most=LONGEST_NAME)
        raise Invalid(hint, {"name": hint})
    return name
