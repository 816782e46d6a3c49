"""Whether the hub is reached under its own address, as by others, and reaches its mail server.

It dials those two and nothing else, which stewards set themselves; so the guard, which would refuse
our own address, has no part in it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

from federation.origins import authority
from hub.actors.channels import RELAY
from hub.core.settings import Settings
from hub.core.smtp import server_of
from hub.core.words import later
from hub.mail import sending
from hub.today.checks import Check

TAKES_S: Final = 10
LONGEST: Final = 16 * 1024  # bytes of an answer
TITLE = later("Reached from outside")
NAMED = later("Found by other servers")
MAIL = later("Mail server")
MAIL_PAGE: Final = "/admin/settings/mail"
PORTS: Final = {"https": 443, "http": 80}


async def look(settings: Settings) -> AsyncIterator[Check]:
    """Name, certificate, proxy and hub, as far as they go, and the mail server."""
    async for check in address(settings):
        yield check
    if settings.smtp_url:
        yield await _mail(settings)


async def address(settings: Settings) -> AsyncIterator[Check]:
    """Whether others reach the hub, and find it."""
    found = await reached(settings, settings.url)
    yield found
    if found.state == "ok":
        yield await _named(settings)


async def _named(settings: Settings) -> Check:
    """Whether other servers find our channels: some proxies keep `/.well-known` for themselves."""
    path = f"/.well-known/webfinger?resource=acct:{RELAY}@{settings.authority}"
    try:
        async with asyncio.timeout(TAKES_S):
            answer = await asked(settings, settings.url, path)
    except (OSError, TimeoutError):
        answer = None
    if isinstance(answer, dict) and answer.get("links"):
        told = later("Other servers find this hub by its name.")
        return Check("named", NAMED, "ok", told)
    told = later(
        "Other servers do not find this hub: %(url)s/.well-known/webfinger does not answer. The "
        "proxy must pass /.well-known on as well."
    )
    return Check("named", NAMED, "wrong", told, {"url": settings.url})


async def _mail(settings: Settings) -> Check:
    """Whether the mail server lets us in; it is sent no letter."""
    host = server_of(settings.smtp_url).host
    outcome = await sending.reach(settings)
    if outcome.error:
        told = later("Letters cannot go out by %(host)s: %(why)s.")
        return Check("mail", MAIL, "wrong", told, {"host": host, "why": outcome.error}, MAIL_PAGE)
    told = later("The mail server %(host)s lets us in.")
    return Check("mail", MAIL, "ok", told, {"host": host}, MAIL_PAGE)


async def reached(settings: Settings, url: str) -> Check:
    """The same of an address that the hub has, or will have."""
    parts = urlsplit(url)
    values = {"url": url, "host": parts.hostname, "why": ""}
    try:
        async with asyncio.timeout(TAKES_S):
            answer = await asked(settings, url, "/healthz")
    except socket.gaierror:
        told = later("The name %(host)s is not known (DNS). Look at the settings of your domain.")
        return Check("reach", TITLE, "wrong", told, values)
    except ssl.SSLError as error:
        told = later(
            "There is no good https at %(url)s: %(why)s. Look at the proxy and its certificate."
        )
        return Check("reach", TITLE, "wrong", told, {**values, "why": error.reason or error})
    except (OSError, TimeoutError) as error:
        told = later(
            "Nobody answers at %(url)s: %(why)s. Do hub and proxy run? Are ports 80 and 443 open?"
        )
        return Check(
            "reach", TITLE, "wrong", told, {**values, "why": str(error) or "it took too long"}
        )
    return _judged(url, answer)


def _judged(url: str, answer: Any) -> Check:
    values = {"url": url, "seen": ""}
    if not isinstance(answer, dict) or "asked_at" not in answer:
        told = later(
            "Something else answers at %(url)s. Does the proxy pass everything on to this hub?"
        )
        return Check("reach", TITLE, "wrong", told, values)
    if answer["asked_at"] != url:
        told = later(
            "The hub is reached, but as %(seen)s: the proxy must pass Host on, set "
            "X-Forwarded-Proto, and be named in HUB_TRUSTED_PROXIES."
        )
        return Check("reach", TITLE, "wrong", told, {**values, "seen": answer["asked_at"]})
    told = later("The hub answers at %(url)s, and the proxy before it, if any, says the truth.")
    return Check("reach", TITLE, "ok", told, values)


async def asked(settings: Settings, url: str, path: str) -> Any:
    """What is said at a path of this address; None if that is no JSON.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(url)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    if secure is not None and settings.ca_file is not None:
        secure.load_verify_locations(settings.ca_file)
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or PORTS[parts.scheme], ssl=secure
    )
    try:
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {authority(url)}\r\nConnection: close\r\n"
            "Accept: application/activity+json\r\n\r\n"
        )
        writer.write(request.encode())
        await writer.drain()
        head, _, body = (await reader.read(LONGEST)).partition(b"\r\n\r\n")
        while len(body) < LONGEST and (more := await reader.read(LONGEST)):
            body += more
    finally:
        writer.close()
    try:
        return json.loads(body) if head.startswith(b"HTTP/1.1 200") else None
    except ValueError:
        return None
