"""Passkeys: a key on somebody's device signs them in, after their finger, face or PIN (WebAuthn).

The device finds the account by itself, so nobody types who they are. What it signs is a challenge
of ours, good once and in one browser; and it signs for this hub's own address alone.
"""

from __future__ import annotations

import ipaddress
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.registration.verify_registration_response import VerifiedRegistration

from hub.core.clock import now
from hub.core.errors import Conflict, Forbidden, Gone, Invalid
from hub.core.services import Services
from hub.core.settings import Settings
from hub.core.text import tidy
from hub.core.words import filled, later
from hub.people import begun, queries, service
from hub.people.arriving import tell_of_way
from hub.people.models import Passkey, Person
from hub.people.service import SignedIn

ADD: Final = "add a passkey"
USE: Final = "use a passkey"
MOST_PASSKEYS: Final = 20  # of one person
LONGEST_NAME: Final = 60
LONGEST_ANSWER: Final = 16_384  # characters of what a device says
LONGEST_ID: Final = 1400  # characters; 1023 bytes in base 64 (WebAuthn §4)
PATIENCE_MS: Final = 5 * 60 * 1000
ALGORITHMS: Final = (-7, -8, -257)  # ES256, EdDSA, RS256: what devices have
FORMATS: Final = ("none", "packed")  # we ask for no attestation; others are refused unread
# What a library may stumble over in bytes that no device made.
BROKEN: Final = (WebAuthnException, ValueError, LookupError, TypeError, AttributeError)

NOT_READ: Final = later("What your device said could not be checked. Please try once more.")
UNKNOWN: Final = later(
    "This passkey is not known here, or not any more. Please sign in by e-mail, and add it on your "
    "page."
)
COPIED: Final = later(
    "This passkey was used elsewhere too, as if it had been copied. Please sign in by e-mail, and "
    "remove it on your page."
)
NOWHERE: Final = later("Passkeys need a hub with a name, such as hub.example.")
SEVERAL: Final = later("You have many passkeys already. Please remove one first.")
KNOWN: Final = later("This passkey is there already.")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a browser brought: the whole, the key's id, whose it is said to be, our secret."""

    whole: dict[str, Any]
    id: str
    user: str
    secret: str


def name_for(settings: Settings) -> str:
    """The name that devices keep passkeys for; empty where the hub has only an address."""
    host = urlsplit(settings.url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return ""


async def of_person(session: AsyncSession, person_id: UUID) -> Sequence[Passkey]:
    """Somebody's passkeys, the oldest first."""
    query = select(Passkey).where(Passkey.person_id == person_id)
    return (await session.scalars(query.order_by(Passkey.created_at))).all()


async def ask_to_add(services: Services, person_id: UUID, browser: str) -> Mapping[str, Any]:
    """What a browser needs to make a passkey (WebAuthn §5.4).

    Raises:
        Conflict: there are too many, or the hub has no name.
    """
    rp_id = _name_of(services)
    async with services.db.write() as session:
        person = await queries.by_id(session, person_id)
        known = await of_person(session, person_id)
        if len(known) >= MOST_PASSKEYS:
            raise Conflict(SEVERAL)
        secret = await begun.begin(session, ADD, browser, person_id=person_id)
    return {
        "rp": {"id": rp_id, "name": services.settings.name},
        "user": _user(person, services.settings),
        "challenge": _text(secret.encode()),
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in ALGORITHMS],
        "timeout": PATIENCE_MS,
        "excludeCredentials": [{"type": "public-key", "id": key.id} for key in known],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


async def add(
    services: Services, person_id: UUID, browser: str, name: str, credential: str
) -> None:
    """Keep the passkey that a device made for this person.

    Raises:
        Invalid: it was not made for us, or not now.
        Gone: the challenge was used, or is too old.
        Conflict: it is there already, or there are too many.
    """
    answer = _read(credential)
    async with services.db.write() as session:
        before = await begun.go_on(session, ADD, browser, answer.secret)
    if before.person_id != person_id:
        raise Gone(begun.TOO_LATE)
    made = _verified_new(services, answer)
    async with services.db.write() as session:
        known = await of_person(session, person_id)
        if await session.get(Passkey, answer.id) is not None:
            raise Conflict(KNOWN)
        if len(known) >= MOST_PASSKEYS:
            raise Conflict(SEVERAL)
        called = tidy(name)[:LONGEST_NAME] or "Passkey"
        session.add(
            Passkey(
                id=answer.id,
                person_id=person_id,
                name=called,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
            )
        )
        what = filled("The passkey “{name}” can sign in as you from now on.", name=called)
        await tell_of_way(session, services, person_id, later("A passkey was added"), what)


async def ask_to_sign_in(services: Services, browser: str) -> Mapping[str, Any]:
    """What a browser needs to use any passkey that it has for us (WebAuthn §5.5).

    Raises:
        Conflict: the hub has no name.
    """
    rp_id = _name_of(services)
    async with services.db.write() as session:
        secret = await begun.begin(session, USE, browser)
    return {
        "challenge": _text(secret.encode()),
        "rpId": rp_id,
        "timeout": PATIENCE_MS,
        "userVerification": "required",
    }


async def sign_in(
    services: Services, browser: str, credential: str, before: str, *, device: str
) -> SignedIn:
    """Sign in whoever's passkey signed our challenge; the session `before` ends.

    Raises:
        Invalid: what came cannot be checked.
        Gone: the challenge was used, or is too old.
        Forbidden: the passkey is not known here, or was copied.
    """
    answer = _read(credential)
    async with services.db.write() as session:
        await begun.go_on(session, USE, browser, answer.secret)
    async with services.db.read() as session:
        passkey = await session.get(Passkey, answer.id)
    # Without a list of keys to choose from, the device says whose it is (WebAuthn §7.2, step 6).
    if passkey is None or answer.user != _text(passkey.person_id.bytes):
        raise Forbidden(UNKNOWN)
    count = _verified_count(services, passkey, answer)
    async with services.db.write() as session:
        if await _counts_on(session, passkey.id, count):
            person = await queries.by_id(session, passkey.person_id)
            return await service.arrive(session, person, before, device=device)
        what = filled(
            "The passkey “{name}” was refused: it seems to have been copied.", name=passkey.name
        )
        subject = later("A passkey was refused")
        await tell_of_way(session, services, passkey.person_id, subject, what)
    raise Forbidden(COPIED)


async def remove(services: Services, person_id: UUID, passkey_id: str) -> None:
    """Let a passkey of this person sign nobody in any more; nothing happens if it is not theirs."""
    mine = (Passkey.id == passkey_id, Passkey.person_id == person_id)
    async with services.db.write() as session:
        gone = await session.execute(delete(Passkey).where(*mine).returning(Passkey.name))
        name = gone.scalar_one_or_none()
        if name is not None:
            what = filled("The passkey “{name}” signs nobody in any more.", name=name)
            await tell_of_way(session, services, person_id, later("A passkey was removed"), what)


async def _counts_on(session: AsyncSession, passkey_id: str, count: int) -> bool:
    """Note that it was used; False where its count did not rise: another has it (§7.2, step 22).

    Devices that do not count always say 0.
    """
    rises = Passkey.sign_count < count if count else Passkey.sign_count == 0
    done = await session.execute(
        update(Passkey)
        .where(Passkey.id == passkey_id, rises)
        .values(sign_count=count, last_used_at=now())
        .returning(Passkey.id)
        .execution_options(synchronize_session=False)
    )
    return done.scalar_one_or_none() is not None


def _verified_new(services: Services, answer: _Answer) -> VerifiedRegistration:
    try:
        made = verify_registration_response(
            credential=_of_known_format(answer),
            expected_challenge=answer.secret.encode(),
            expected_rp_id=_name_of(services),
            expected_origin=services.settings.url,
            require_user_verification=True,
        )
    except BROKEN as error:
        raise Invalid(NOT_READ) from error
    if _text(made.credential_id) != answer.id:
        raise Invalid(NOT_READ)
    return made


def _verified_count(services: Services, passkey: Passkey, answer: _Answer) -> int:
    """What the device counted, once its signature holds.

    The library is not asked to compare counts: it would before it looked at the signature, and a
    stranger could make us write to the owner.
    """
    try:
        return verify_authentication_response(
            credential=answer.whole,
            expected_challenge=answer.secret.encode(),
            expected_rp_id=_name_of(services),
            expected_origin=services.settings.url,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        ).new_sign_count
    except BROKEN as error:
        raise Invalid(NOT_READ) from error


def _of_known_format(answer: _Answer) -> dict[str, Any]:
    """The answer, if its attestation is one that may come although we ask for none.

    The other formats hold certificates, for whose readers strangers would choose the bytes.
    """
    said = parse_attestation_object(_bytes(answer.whole["response"]["attestationObject"]))
    if said.fmt not in FORMATS:
        raise ValueError("an attestation that was not asked for")
    return answer.whole


def _read(credential: str) -> _Answer:
    """What the browser brought, as far as it says which challenge and which key it is about.

    Raises:
        Invalid: it does not say.
    """
    try:
        if len(credential) > LONGEST_ANSWER:
            raise ValueError("too long")
        whole = orjson.loads(credential)
        response = whole["response"]
        about = orjson.loads(_bytes(response["clientDataJSON"]))
        if about.get("crossOrigin"):
            raise ValueError("asked from a frame")
        secret = _bytes(about["challenge"]).decode("ascii")
        # One key has one spelling, which is what it is kept by.
        key = _text(_bytes(whole["id"]))
        if len(key) > LONGEST_ID or key != whole["id"]:
            raise ValueError("not an id")
        user = str(response.get("userHandle") or "")
    except BROKEN as error:
        raise Invalid(NOT_READ) from error
    return _Answer(whole, key, user, secret)


def _user(person: Person, settings: Settings) -> dict[str, str]:
    """The account as the device will show it (WebAuthn §5.4.3)."""
    name = person.name or settings.name
    return {"id": _text(person.id.bytes), "name": person.email or name, "displayName": name}


def _name_of(services: Services) -> str:
    name = name_for(services.settings)
    if not name:
        raise Conflict(NOWHERE)
    return name


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
