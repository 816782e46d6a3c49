"""Sign in with Mastodon: somebody's own server says who they are, once.

We register with each server as a program, send the person there, and ask who came back. Nothing is
kept of it but the name of the account; what we were given to ask with is given back at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from federation import oauth
from federation.errors import BadUrl, FederationError, Refused, Unauthentic, UnexpectedAnswer
from federation.oauth import Account, App, Outside
from federation.origins import authority
from hub.core.clock import now
from hub.core.db import insert_for
from hub.core.errors import (
    CommandFailed,
    Conflict,
    Elsewhere,
    Forbidden,
    Gone,
    HubError,
    Invalid,
)
from hub.core.secrets import load_master_key
from hub.core.services import Services
from hub.core.text import tidy
from hub.core.words import filled, later
from hub.fediverse import rulings
from hub.jobs.retention import clock, let_go
from hub.people import begun, queries, secrets, service
from hub.people.arriving import tell_of_way
from hub.people.knocking import MASTODON_AT, knock
from hub.people.models import MastodonAccount, MastodonApp, Person
from hub.people.service import SignedIn

KIND: Final = "mastodon"
BACK: Final = "/sign-in/mastodon"
APP_LASTS: Final = timedelta(days=30)  # servers learn new tricks, and forget programs
LONGEST_CLIENT_NAME: Final = 60  # Mastodon refuses longer ones
UNAUTHORISED: Final = 401

NO_ADDRESS: Final = later(
    "Please enter your Mastodon address, such as @ann@social.example, or the name of your server."
)
NO_SERVER: Final = later("There is no such server on the internet. Is the address right?")
NO_ANSWER: Final = later(
    "That server did not answer as Mastodon does. Is the address right? Else please try later, or "
    "sign in by e-mail."
)
BLOCKED: Final = later("This hub does not speak with that server. Please sign in by e-mail.")
REFUSED: Final = later("Your server did not take it. Please try once more.")
NOT_THEIRS: Final = later(
    "Your server named an account that is at home at another server. Please sign in there."
)
SHUT_OUT: Final = later("You cannot sign in here any more. Please ask a steward.")
TAKEN: Final = later("Somebody else at this hub signs in with this Mastodon account.")
HAS_ONE: Final = later("You have linked a Mastodon account already. Please unlink that one first.")


@dataclass(frozen=True, slots=True)
class Came:
    """Who came back from their server; `person_id` is who they are here, if they were signed in."""

    account: Account
    person_id: UUID | None

    @property
    def handle(self) -> str:
        """As people write it: `@ann@social.example`."""
        return f"@{self.account.username}@{authority(self.account.actor)}"


async def of_person(session: AsyncSession, person_id: UUID) -> MastodonAccount | None:
    """The Mastodon account that somebody linked."""
    query = select(MastodonAccount).where(MastodonAccount.person_id == person_id)
    return await session.scalar(query)


async def handles(session: AsyncSession) -> dict[UUID, str]:
    """The Mastodon addresses of those who linked one, by person."""
    rows = await session.scalars(select(MastodonAccount))
    return {row.person_id: row.handle for row in rows}


async def begin(
    services: Services, entered: str, browser: str, person_id: UUID | None = None
) -> str:
    """The address at their own server to which somebody goes now.

    Raises:
        Invalid: what they entered names no server.
        Forbidden: that server is blocked here.
        TooMany: too many came from there.
        Elsewhere: it does not answer as Mastodon does.
    """
    try:
        knock(services, MASTODON_AT, oauth.host_in(entered))
        server = await oauth.server_of(services.fetcher, entered)
        async with services.db.read() as session:
            if await rulings.is_blocked(session, server):
                raise Forbidden(BLOCKED)
        app = await _app(services, server)
    except FederationError as error:
        raise _plain(error) from error
    verifier = secrets.new_session()
    details = {"server": server, "verifier": verifier}
    async with services.db.write() as session:
        state = await begun.begin(session, KIND, browser, person_id=person_id, details=details)
    return oauth.way_there(app, state, verifier)


async def came_back(services: Services, server: str, state: str, code: str, browser: str) -> Came:
    """Who came back from `server` with this state and code.

    Raises:
        Gone: it was not begun in this browser, not with this server, or was used already.
        Elsewhere: the server does not say who it is.
        Forbidden: it named somebody who is not its own.
    """
    async with services.db.write() as session:
        before = await begun.go_on(session, KIND, browser, state)
    app = await _kept(services, server)
    # Each server has an address of its own to come back to, so that none can bring us the code of
    # another (RFC 9700 §4.4).
    if before.details["server"] != server or app is None:
        raise Gone(begun.TOO_LATE)
    try:
        account = await oauth.who_came(_outside(services), app, code, before.details["verifier"])
    except UnexpectedAnswer as refusal:
        if refusal.status == UNAUTHORISED:  # it forgot us: the next time we make ourselves known
            await _forget(services, server)
        raise Elsewhere(NO_ANSWER if refusal.retry else REFUSED) from refusal
    except Unauthentic as error:
        raise Forbidden(NOT_THEIRS) from error
    except FederationError as error:
        raise Elsewhere(NO_ANSWER) from error
    return Came(account, before.person_id)


async def sign_in(services: Services, came: Came, before: str, *, device: str) -> SignedIn:
    """Sign in whose account it is; who is new becomes a guest. The session `before` ends.

    Raises:
        Forbidden: they are shut out.
    """
    async with services.db.write() as session:
        row = await session.get(MastodonAccount, came.account.actor)
        is_new = row is None
        if row is None:
            person = await service.new_person(session, "guest")
            person.name = tidy(came.account.display_name)[: service.LONGEST_NAME].strip()
            row = _row(came, person)
            session.add(row)
        else:
            person = await queries.by_id(session, row.person_id)
        if person.disabled_at is not None:
            raise Forbidden(SHUT_OUT)
        row.last_used_at = now()
        signed_in = await service.arrive(session, person, before, device=device)
    return replace(signed_in, is_new=is_new or signed_in.is_new)


async def link(services: Services, person_id: UUID, came: Came) -> None:
    """From now on this account signs the person in.

    Raises:
        Conflict: it signs in somebody else, or they have another one.
    """
    async with services.db.write() as session:
        person = await queries.by_id(session, person_id)
        theirs = await session.get(MastodonAccount, came.account.actor)
        if theirs is not None and theirs.person_id != person_id:
            raise Conflict(TAKEN)
        if theirs is not None:
            return
        if await of_person(session, person_id) is not None:
            raise Conflict(HAS_ONE)
        session.add(_row(came, person))
        what = filled(
            "The Mastodon account {handle} can sign in as you from now on.", handle=came.handle
        )
        subject = later("A Mastodon account was linked")
        await tell_of_way(session, services, person_id, subject, what)


async def unlink(services: Services, person_id: UUID) -> None:
    """It signs them in no more; nothing happens if they linked none."""
    async with services.db.write() as session:
        row = await of_person(session, person_id)
        if row is None:
            return
        await session.delete(row)
        what = filled("The Mastodon account {handle} signs nobody in any more.", handle=row.handle)
        subject = later("A Mastodon account was unlinked")
        await tell_of_way(session, services, person_id, subject, what)


@clock(
    "people.mastodon_apps",
    "what a server knows this hub by, for signing in",
    kept=APP_LASTS,
    since="we made ourselves known there",
)
async def forget_apps(services: Services) -> int:
    """What servers know us by: we make ourselves known anew."""
    return await let_go(services, MastodonApp, MastodonApp.created_at <= now() - APP_LASTS)


async def _app(services: Services, server: str) -> App:
    """This hub as that server knows it; made known where it is not, or not any more."""
    outside, settings = _outside(services), services.settings
    kept = await _kept(services, server)
    if kept is not None and await oauth.still_knows(outside, kept):
        return kept
    app = await oauth.register(
        outside,
        server,
        name=settings.name[:LONGEST_CLIENT_NAME],
        website=settings.url,
        redirect_uri=_back(services, server),
    )
    sealed = load_master_key(settings.data_dir).seal(app.client_secret.encode(), _label(server))
    values = {
        "home": app.home,
        "client_id": app.client_id,
        "client_secret": sealed,
        "redirect_uri": app.redirect_uri,
        "scope": app.scope,
        "pkce": app.pkce,
        "created_at": now(),
    }
    async with services.db.write() as session:
        await session.execute(
            insert_for(session, MastodonApp)
            .values(server=server, **values)
            .on_conflict_do_update(index_elements=["server"], set_=values)
        )
    return app


async def _kept(services: Services, server: str) -> App | None:
    """This hub as that server knew it; None if it did not, or knew another address of ours."""
    async with services.db.read() as session:
        row = await session.get(MastodonApp, server)
    if row is None or row.redirect_uri != _back(services, server):
        return None
    try:
        master = load_master_key(services.settings.data_dir)
        secret = master.open(row.client_secret, _label(server)).decode()
    except CommandFailed:  # sealed with the key of before a restore
        return None
    return App(row.home, row.client_id, secret, row.redirect_uri, row.scope, row.pkce)


async def _forget(services: Services, server: str) -> None:
    async with services.db.write() as session:
        await session.execute(delete(MastodonApp).where(MastodonApp.server == server))


def _row(came: Came, person: Person) -> MastodonAccount:
    return MastodonAccount(actor=came.account.actor, person_id=person.id, handle=came.handle)


def _back(services: Services, server: str) -> str:
    return f"{services.settings.url}{BACK}/{server}"


def _label(server: str) -> str:
    return f"mastodon app {server}"


def _outside(services: Services) -> Outside:
    return Outside(services.fetcher, services.poster)


def _plain(error: FederationError) -> HubError:
    """What to tell somebody who waits before the page."""
    if isinstance(error, BadUrl):
        return Invalid(NO_ADDRESS)
    if isinstance(error, Refused):
        return Invalid(NO_SERVER)
    return Elsewhere(NO_ANSWER)
