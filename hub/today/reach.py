"""Whether the hub is reached under its own address, as everybody else reaches it.

It dials `HUB_URL` and nothing else, which stewards set themselves; so the guard, which would refuse
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
from hub.core.settings import Settings
from hub.core.words import later
from hub.today.checks import Check

TAKES_S: Final = 10
LONGEST: Final = 16 * 1024  # bytes of an answer
TITLE = later("Reached from outside")
PORTS: Final = {"https": 443, "http": 80}


async def look(settings: Settings) -> AsyncIterator[Check]:
    """Name, certificate, proxy and hub, as far as they go."""
    yield await reached(settings, settings.url)


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
