"""From a resident's own address to the page of their server where they can follow us.

Servers of the Mastodon kind name that page in WebFinger; the others mostly have it at the same
path. The resident is never sent on without seeing where to (SECURITY C8, E4).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from federation.discovery.webfinger import ACCEPT_JRD, SUBSCRIBE, Handle, parse_handle
from federation.errors import BadUrl, FederationError
from federation.origins import authority
from hub.core.errors import Busy, Invalid
from hub.core.services import Services
from hub.core.words import later

LOOK_UP_S: Final = 5.0  # somebody waits before the page
AT_ONCE: Final = 4  # look-ups; anybody may ask for them
LONGEST: Final = 300
LONGEST_TEMPLATE: Final = 2048
USUAL_PATH: Final = "/authorize_interaction?uri={uri}"

_room = asyncio.Semaphore(AT_ONCE)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """Where to go on: the address, and the server that it belongs to."""

    url: str
    host: str


async def way_to_follow(services: Services, account: str, followed: str) -> Way:
    """The page of the server of `account` where its owner can follow the handle `followed`.

    Raises:
        Invalid: it is no address of somebody elsewhere.
        Busy: too many people ask at this moment.
    """
    handle = _handle(services, account)
    if _room.locked():
        raise Busy("Many people ask at this moment. Please try again in a few seconds.")
    async with _room:
        template = await _template(services, handle)
    url = template.replace("{uri}", quote(followed, safe=""))
    return Way(url, authority(url))


def _handle(services: Services, account: str) -> Handle:
    hint = later("must look like @name@server.example")
    try:
        handle = parse_handle(account[:LONGEST])
    except BadUrl:
        raise Invalid("That is not an address.", {"account": hint}) from None
    if services.is_ours(handle.authority):
        told = later("is of this hub itself: you need one of another server")
        raise Invalid("That address is of this hub.", {"account": told})
    return handle


async def _template(services: Services, handle: Handle) -> str:
    """What the server says in WebFinger, or else the usual path."""
    scheme = "http" if services.settings.allow_http else "https"
    resource = quote(handle.acct, safe="")
    url = f"{scheme}://{handle.authority}/.well-known/webfinger?resource={resource}"
    try:
        found = await services.fetcher.fetch_json(url, ACCEPT_JRD, deadline_s=LOOK_UP_S)
    except FederationError as error:
        log.info("no WebFinger at %s: %s", handle.authority, type(error).__name__)
        found = {}
    named = _subscribe_template(found)
    if named is not None and _is_good(named, allow_http=services.settings.allow_http):
        return named
    return f"{scheme}://{handle.authority}{USUAL_PATH}"


def _subscribe_template(document: dict[str, Any]) -> str | None:
    links = document.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == SUBSCRIBE:
            template = link.get("template")
            return template if isinstance(template, str) else None
    return None


def _is_good(template: str, *, allow_http: bool) -> bool:
    """Whether it is a web address of a named server, with a place for what is to be followed."""
    if len(template) > LONGEST_TEMPLATE or "{uri}" not in template:
        return False
    parts = urlsplit(template)
    try:
        authority(template.replace("{uri}", "x"))
    except BadUrl:
        return False
    return "{" not in parts.netloc and (parts.scheme == "https" or allow_http)
