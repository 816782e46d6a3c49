"""From a handle to an actor and back (RFC 7033, FEP-2c59, FEP-d556).

A handle is `@name@host`, with a port where it is not the usual one. A server may hand out
handles of another host than its own, so a handle counts only if the way back leads to the same
actor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from federation.errors import (
    BadUrl,
    FederationError,
    Gone,
    MalformedDocument,
    Unauthentic,
    Unreachable,
)
from federation.fetching import AS2, Fetcher, is_activity_type
from federation.origins import authority, canonical, origin

JRD_TYPE = "application/jrd+json"
XRD_TYPE = "application/xrd+xml"
ACCEPT_JRD = "application/jrd+json, application/json"
PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"
SERVICE = f"{AS2}#Service"

MAX_NAME_LENGTH = 128  # Misskey's cap, the highest among peers
MAX_HOST_META_BYTES = 64 * 1024
_NOT_FOUND = 404
_NAME = re.compile(r"[a-z0-9_]+(?:[.-]+[a-z0-9_]+)*", re.IGNORECASE)
_XRD = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"


@dataclass(frozen=True, slots=True)
class Handle:
    """A name at a server; `authority` has the port where it is not 443. Both in lower case."""

    name: str
    authority: str

    def __str__(self) -> str:
        """As people write it: `@name@host`."""
        return f"@{self.name}@{self.authority}"

    @property
    def acct(self) -> str:
        """As WebFinger writes it (RFC 7565)."""
        return f"acct:{self.name}@{self.authority}"


def parse_handle(text: str) -> Handle:
    """The handle in `@name@host`, `name@host` or `acct:name@host`.

    Raises:
        BadUrl: it is none of these.
    """
    bare = text.strip()
    if bare[:5].lower() == "acct:":
        bare = bare[5:]
    name, at, host = bare.removeprefix("@").partition("@")
    if not at or len(name) > MAX_NAME_LENGTH or not _NAME.fullmatch(name):
        raise BadUrl("not a handle")
    if set(host) & set("/?#"):
        raise BadUrl("not a handle")
    return Handle(name.lower(), authority(f"https://{host}"))


# -------------------------------------------------------------------------- what we answer


def parse_resource(text: str, is_ours: Callable[[str], bool]) -> str | None:
    """Whom a `resource` asks for: a local name, a whole uri, or '' for the server's own actor.

    None if it belongs to another server. `is_ours` judges an authority.

    Raises:
        BadUrl: it is neither a handle nor an http(s) URL.
    """
    if text[:4].lower() == "http":
        if not is_ours(authority(text)):
            return None
        uri = canonical(text)
        return "" if uri.removesuffix("/") == origin(text) else uri
    handle = parse_handle(unquote(text))
    if not is_ours(handle.authority):
        return None
    # The server's own actor is also known by its host's name, as with Mastodon.
    return "" if handle.name == handle.authority.partition(":")[0] else handle.name


def jrd(name: str, uri: str, url: str, *, instance: bool = False) -> dict[str, Any]:
    """The answer for the local actor `name`, whose id is `uri` and whose page is `url`.

    `instance` marks the server's own actor (FEP-d556).
    """
    home = origin(uri)
    links: list[dict[str, str]] = [
        {"rel": PROFILE_PAGE, "type": "text/html", "href": url},
        # Mastodon compares this type as a string.
        {"rel": "self", "type": "application/activity+json", "href": uri},
        {"rel": SUBSCRIBE, "template": f"{home}/authorize?uri={{uri}}"},
    ]
    if instance:
        links.append({"rel": SERVICE, "type": "application/activity+json", "href": uri})
    return {
        "subject": f"acct:{name}@{authority(uri)}",
        "aliases": list(dict.fromkeys((uri, url))),
        "links": links,
    }


def host_meta(home: str) -> str:
    """The XRD that tells where WebFinger is, for the server at the origin `home` (RFC 6415)."""
    template = quoteattr(f"{home}/.well-known/webfinger?resource={{uri}}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="{JRD_TYPE}" template={template}/>\n'
        "</XRD>\n"
    )


# ---------------------------------------------------------------------------- what we ask


@dataclass(frozen=True, slots=True)
class _Ask:
    """By whom is asked, and whether it is asked again what failed before."""

    fetcher: Fetcher
    fresh: bool

    async def json(self, url: str) -> dict[str, Any]:
        return await self.fetcher.fetch_json(url, ACCEPT_JRD, fresh=self.fresh)


@dataclass(frozen=True, slots=True)
class _Found:
    subject: Handle
    actor: str


async def resolve(fetcher: Fetcher, handle: str, *, fresh: bool = False) -> str:
    """The id of the actor that is known as `handle`.

    `fresh` asks even if it failed a short while ago, for people who wait before the page.

    Raises:
        BadUrl, ForbiddenAddress: it is no handle, or of no server that we may ask.
        Unreachable, UnexpectedAnswer, Gone: its server does not say.
        MalformedDocument: its server says something that we cannot read.
        Unauthentic: the actor's own server does not confirm it.
    """
    asked, ask = parse_handle(handle), _Ask(fetcher, fresh)
    found = await _look_up(ask, asked.authority, asked.acct)
    if found.subject != asked:
        # It goes by another name there; that one must stand by it (one step, no more).
        asked = found.subject
        found = await _look_up(ask, asked.authority, asked.acct)
        if found.subject != asked:
            raise Unauthentic("a handle that names another one without end")
    if authority(found.actor) != asked.authority:
        await _confirm(ask, found)
    return found.actor


async def _confirm(ask: _Ask, found: _Found) -> None:
    """Ask the actor's own server whether the handle on another host is its own.

    Raises:
        Unauthentic: it says that it is not.
    """
    home = authority(found.actor)
    try:
        back = await _look_up(ask, home, found.actor)
    except Unreachable:
        raise
    except FederationError:
        # Not all servers take the id for a resource; the name is mostly the same on both hosts.
        back = await _look_up(ask, home, f"acct:{found.subject.name}@{home}")
    if back != found:
        raise Unauthentic("the actor's own server does not confirm the handle")


async def _look_up(ask: _Ask, host: str, resource: str) -> _Found:
    """What `host` says of `resource`; by plain http only where the guard allows that."""
    try:
        return await _look_up_at(ask, f"https://{host}", resource)
    except Unreachable:
        if not ask.fetcher.guard.allow_http:
            raise
    return await _look_up_at(ask, f"http://{host}", resource)


async def _look_up_at(ask: _Ask, home: str, resource: str) -> _Found:
    escaped = quote(resource, safe="")
    try:
        answer = await ask.json(f"{home}/.well-known/webfinger?resource={escaped}")
    except Gone as error:
        if error.status != _NOT_FOUND:
            raise
        template = await _template(ask.fetcher, home)
        answer = await ask.json(template.replace("{uri}", escaped))
    return _read(answer, home)


async def _template(fetcher: Fetcher, home: str) -> str:
    """Where the server's host-meta says that WebFinger is (RFC 6415 §4.2).

    Raises:
        MalformedDocument: it does not say.
    """
    answer = await fetcher.fetch_bytes(
        f"{home}/.well-known/host-meta", XRD_TYPE, MAX_HOST_META_BYTES
    )
    try:
        root = defusedxml.ElementTree.fromstring(answer.body, forbid_dtd=True)
    except (
        defusedxml.ElementTree.ParseError,
        DefusedXmlException,
        ValueError,
        LookupError,
    ) as error:
        raise MalformedDocument("host-meta that is no XML") from error
    for link in root.iter(f"{_XRD}Link"):
        template = link.get("template", "")
        if link.get("rel") == "lrdd" and "{uri}" in template:
            return str(template)
    raise MalformedDocument("host-meta without a place for WebFinger")


def _read(answer: dict[str, Any], home: str) -> _Found:
    """Subject and actor, as Mastodon reads them.

    Raises:
        MalformedDocument: there is no subject, or no link to an actor.
    """
    subject, links = answer.get("subject"), answer.get("links")
    if not isinstance(subject, str) or not isinstance(links, list):
        raise MalformedDocument("WebFinger without subject or links")
    for link in links:
        if isinstance(link, dict) and link.get("rel") == "self" and _is_activity(link.get("type")):
            href = link.get("href")
            if not isinstance(href, str):
                break
            return _Found(_subject(subject, home), href)
    raise MalformedDocument("WebFinger without a link to an actor")


def _is_activity(kind: object) -> bool:
    return isinstance(kind, str) and is_activity_type(kind)


def _subject(text: str, home: str) -> Handle:
    """The handle in a subject.

    Raises:
        MalformedDocument: it is not one.
    """
    try:
        handle = parse_handle(text)
    except BadUrl as error:
        raise MalformedDocument(
            f"WebFinger of {authority(home)} with a subject that is no handle"
        ) from error
    if not text[:5].lower() == "acct:":
        raise MalformedDocument("WebFinger with a subject that is no acct: URI")
    return handle
