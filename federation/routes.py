"""What a server answers to its peers: the inbox, and the documents about its actors.

The inbox is a bare ASGI application, since it is asked more often than all the rest together; the
documents are plain routes. Both ask a `Site` for what only the application knows.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from federation import collections
from federation.answers import ACCEPTED, Refusal, fresh, slower, wants_activity
from federation.asking import AskedTooMuch
from federation.discovery import nodeinfo, webfinger
from federation.errors import BadUrl, FederationError, MalformedDocument
from federation.origins import authority
from federation.rates import Rates
from federation.signatures.http import Request as SignedRequest
from federation.site import ActorNames, Site
from federation.verification import Unverified, VerifiedActivity

__all__ = [
    "ACTIVITY_JSON",
    "COLLECTIONS",
    "InboxEndpoint",
    "inbox_endpoint",
    "is_inbox",
    "router",
    "signs_as_blocked",
    "wants_activity",
]

ACTIVITY_JSON: Final = "application/activity+json; charset=utf-8"
COLLECTIONS: Final = ("outbox", "followers", "following", "featured", "upcoming")

# Mastodon takes as much; nobody has more to say in one activity (PROTOCOL §5).
BODY_LIMIT_BYTES: Final = 1024 * 1024
# A peer sends its few kilobytes at once; who needs longer wants to hold a place (SECURITY B11).
BODY_DEADLINE_S: Final = 30.0
# What cannot be verified, from one address in one server's name: so many at once, then a second.
# Beyond it no key is fetched; known ones are heard. Less than `asking` has, for honest newcomers.
DOUBT_BURST: Final = 5
DOUBT_RATE: Final = 1 / 60
_PAGE_ITEMS: Final = 20
_WHOLE_ITEMS: Final = 50
_DOCUMENT_AGE_S: Final = 180
_COLLECTION_AGE_S: Final = 60
# As Mastodon keeps what WebFinger told it, or did not.
_FOUND_AGE_S: Final = 3 * 24 * 3600
_NOT_FOUND_AGE_S: Final = 180

# Who follows is told by number alone (PROTOCOL §4.2); the other two are read in one go.
_COUNTED: Final = frozenset({"followers", "following"})
_WHOLE: Final = frozenset({"featured", "upcoming"})
_INBOX_TYPES: Final = frozenset({"application/activity+json", "application/ld+json"})
_SHARED_INBOX: Final = "/inbox"
_PERSONAL_INBOX: Final = re.compile(r"/actors/([A-Za-z0-9_.-]{1,128})/inbox")
_KEY_ID: Final = re.compile(r'key[iI]d="([^"]{1,2048})"')
_PUBLIC: Final[Mapping[str, str]] = {"Access-Control-Allow-Origin": "*"}

_log = logging.getLogger(__name__)


# -------------------------------------------------------------------------------- inbox


class _Disconnected(Exception):
    """The peer has gone before it said everything."""


class InboxEndpoint:
    """POST to the shared inbox or to an actor's own, as an ASGI application.

    Whatever arrives is answered: 202 once the site has kept it, else a problem document. Nothing
    that a stranger sends leads to a 5xx.
    """

    def __init__(self, site: Site, *, body_deadline_s: float = BODY_DEADLINE_S) -> None:
        self._site = site
        self._body_deadline_s = body_deadline_s
        self._doubts = Rates(DOUBT_BURST, DOUBT_RATE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._take(scope, receive)
        except FederationError as problem:
            await _refuse(Refusal.of(problem), scope, receive, send)
        except Refusal as refusal:
            await _refuse(refusal, scope, receive, send)
        except _Disconnected:
            return
        else:
            for message in ACCEPTED:
                await send(message)

    async def _take(self, scope: Scope, receive: Receive) -> None:
        if scope["method"] != "POST":
            raise Refusal(405, "an inbox takes POST only", {"Allow": "POST"})
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        _check_headers(dict(reversed(headers)))
        body = await self._body(receive)
        site, verifier = self._site, self._site.verifier
        unverified = verifier.read(SignedRequest("POST", _target(scope), headers, body))
        host, key_id = unverified.host, unverified.claim.key_id
        if await site.is_blocked(host):
            raise Refusal(403, "nothing is taken from this server")
        slower(site.patience(host))
        source = f"{(scope.get('client') or ('',))[0]} {host}"
        if not verifier.keyring.knows(key_id):
            slower(self._doubts.wait(source))
        await self._check_recipient(scope["path"])
        found = await self._judge(unverified, source)
        if found is None:
            return
        slower(site.admit(found.host))
        if found.signer != found.actor and await site.is_blocked(authority(found.actor)):
            raise Refusal(403, "nothing is taken from this server")
        await site.accept(found)
        verifier.remember(found)

    async def _judge(self, unverified: Unverified, source: str) -> VerifiedActivity | None:
        """What was said, by whom; None if it is to be passed over.

        What proves to be nobody's counts against where it came from and whom it claims to be,
        both together: a server does not pay for what others say in its name.
        """
        try:
            found = await self._site.verifier.judge(unverified)
        except AskedTooMuch as problem:
            slower(problem.wait_s)
        except FederationError:
            self._doubts.take(source)
            raise
        else:
            if isinstance(found, VerifiedActivity):
                return found
            self._doubts.take(source)
        return None

    async def _check_recipient(self, path: str) -> None:
        if path == _SHARED_INBOX:
            return
        personal = _PERSONAL_INBOX.fullmatch(path)
        document = None if personal is None else await self._site.actor(personal[1])
        if document is None or document.status != HTTPStatus.OK:
            raise Refusal(404 if document is None else document.status, "nobody lives here")

    async def _body(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_deadline_s):
                return await _read(receive)
        except TimeoutError:
            raise Refusal(408, "the body took too long", {"Connection": "close"}) from None


def inbox_endpoint(site: Site) -> ASGIApp:
    """The application for POST to `/inbox` and `/actors/{name}/inbox`; see `is_inbox`."""
    return InboxEndpoint(site)


def is_inbox(path: str) -> bool:
    """Whether a request to `path` is for `inbox_endpoint`."""
    return path == _SHARED_INBOX or _PERSONAL_INBOX.fullmatch(path) is not None


def _check_headers(headers: Mapping[str, str]) -> None:
    """Refuse before reading what would be refused after reading."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _INBOX_TYPES:
        raise Refusal(415, "an inbox takes application/activity+json")
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > BODY_LIMIT_BYTES:
        raise _too_large()


def _too_large() -> Refusal:
    # Whoever is not heard to the end cannot be followed by a second request.
    return Refusal(413, f"at most {BODY_LIMIT_BYTES} bytes", {"Connection": "close"})


async def _read(receive: Receive) -> bytes:
    """The whole body, or a refusal as soon as it is too long."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        part: bytes = message.get("body", b"")
        length += len(part)
        if length > BODY_LIMIT_BYTES:
            raise _too_large()
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _target(scope: Scope) -> str:
    """Path and query as they were sent, since that is what was signed."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (raw + b"?" + query if query else raw).decode("latin-1")


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    _log.info("refused with %d: %s", refusal.status, refusal.detail)
    await refusal.response()(scope, receive, send)


# ---------------------------------------------------------------------------- documents


def router(
    site_of: Callable[[Request], Site], *, software: str = "hub", repository: str | None = None
) -> APIRouter:
    """Routes for WebFinger, host-meta, NodeInfo, actors and their collections.

    `software` and `repository` are what NodeInfo says of the program.
    """

    async def node_info(site: Site, request: Request) -> Response:
        return await _node_info(site, request, software, repository)

    routes = APIRouter()
    for path, answer in (
        ("/.well-known/webfinger", _webfinger),
        ("/.well-known/host-meta", _host_meta),
        ("/.well-known/nodeinfo", _node_info_links),
        ("/nodeinfo/{version}", node_info),
        ("/inbox", _inbox),
        ("/actors/{name}", _actor),
        ("/actors/{name}/inbox", _inbox),
        *((f"/actors/{{name}}/{which}", _collection) for which in COLLECTIONS),
    ):
        endpoint = _endpoint(site_of, answer)
        routes.add_route(path, endpoint, methods=["GET"], include_in_schema=False)
    return routes


Answer = Callable[[Site, Request], Awaitable[Response]]


def _endpoint(
    site_of: Callable[[Request], Site], answer: Answer
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            response = await answer(site_of(request), request)
        except Refusal as refusal:
            response = refusal.response()
        except FederationError as problem:
            response = Refusal.of(problem).response()
        if request.method == "HEAD":
            # The length stays that of the body that is not sent (RFC 9110 §9.3.2).
            response.body = b""
        return response

    return endpoint


async def _webfinger(site: Site, request: Request) -> Response:
    """Who goes by a name here (RFC 7033)."""
    names = await _names(site, request.query_params.get("resource"))
    body = webfinger.jrd(names.name, names.uri, names.url, instance=names.instance)
    relations = request.query_params.getlist("rel")
    if relations:
        body["links"] = [link for link in body["links"] if link["rel"] in relations]
    headers = {**_PUBLIC, "Content-Type": webfinger.JRD_TYPE}
    return fresh(request, orjson.dumps(body), headers, max_age=_FOUND_AGE_S)


async def _names(site: Site, resource: str | None) -> ActorNames:
    headers = {**_PUBLIC, "Cache-Control": f"public, max-age={_NOT_FOUND_AGE_S}"}
    try:
        wanted = webfinger.parse_resource(resource or "", site.is_ours)
    except BadUrl as problem:
        raise Refusal(400, "resource is neither a handle nor an address", headers) from problem
    names = None if wanted is None else await site.resolve(wanted)
    if names is None:
        raise Refusal(404, "nobody of that name here", headers)
    if names.gone:
        raise Refusal(410, "deleted", headers)
    return names


async def _host_meta(site: Site, request: Request) -> Response:
    body = webfinger.host_meta(site.origin).encode()
    headers = {**_PUBLIC, "Content-Type": f"{webfinger.XRD_TYPE}; charset=utf-8"}
    return fresh(request, body, headers, max_age=_FOUND_AGE_S)


async def _node_info_links(site: Site, request: Request) -> Response:
    instance = await site.resolve("")
    uri = f"{site.origin}/actors/relay" if instance is None else instance.uri
    body = orjson.dumps(nodeinfo.well_known(site.origin, uri))
    headers = {**_PUBLIC, "Content-Type": "application/json"}
    return fresh(request, body, headers, max_age=_DOCUMENT_AGE_S)


async def _node_info(
    site: Site, request: Request, software: str, repository: str | None
) -> Response:
    version = request.path_params["version"]
    if version not in nodeinfo.VERSIONS:
        raise Refusal(404, "no such version of NodeInfo", _PUBLIC)
    facts = await site.node_info()
    body = nodeinfo.document(facts, version, software=software, repository=repository)
    headers = {**_PUBLIC, "Content-Type": nodeinfo.content_type(version)}
    return fresh(request, orjson.dumps(body), headers, max_age=_DOCUMENT_AGE_S)


async def _inbox(site: Site, request: Request) -> Response:
    raise Refusal(405, "an inbox takes POST only", {"Allow": "POST"})


async def _actor(site: Site, request: Request) -> Response:
    name: str = request.path_params["name"]
    await _refuse_blocked(site, request)
    stored = await site.actor(name)
    if stored is None:
        raise Refusal(404, "nobody of that name here", {"Vary": "Accept"})
    accept = request.headers.get("accept")
    if stored.status == HTTPStatus.OK and not wants_activity(accept, "activity"):
        return RedirectResponse(f"/@{name}", 303, {"Vary": "Accept"})
    headers = {"Content-Type": ACTIVITY_JSON, "Vary": "Accept"}
    if stored.status != HTTPStatus.OK:
        return Response(stored.body, stored.status, headers)
    modified = stored.last_modified
    return fresh(
        request, stored.body, headers, max_age=_DOCUMENT_AGE_S, etag=stored.etag, modified=modified
    )


async def _collection(site: Site, request: Request) -> Response:
    name, which = request.path_params["name"], request.url.path.rpartition("/")[2]
    await _refuse_blocked(site, request)
    total = await site.collection_total(name, which)
    if total is None:
        raise Refusal(404, "no such collection")
    uri = f"{site.uri_of(name)}/{which}"
    query = request.query_params
    if which in _COUNTED:
        body = collections.collection(uri, total, paged=False)
    elif which in _WHOLE:
        shown = await site.collection_page(name, which, None, _WHOLE_ITEMS)
        body = collections.collection(uri, total, paged=False, items=shown.items)
    elif "cursor" in query or "page" in query:
        cursor = query.get("cursor")
        if cursor is not None and len(cursor) > collections.CURSOR_LIMIT:
            raise MalformedDocument("no cursor of ours")
        shown = await site.collection_page(name, which, cursor, _PAGE_ITEMS)
        body = collections.page(
            uri, cursor, shown.items, following=shown.next, preceding=shown.prev
        )
    else:
        body = collections.collection(uri, total, paged=True)
    headers = {"Content-Type": ACTIVITY_JSON, "Vary": "Accept"}
    return fresh(request, body, headers, max_age=_COLLECTION_AGE_S)


async def _refuse_blocked(site: Site, request: Request) -> None:
    if await signs_as_blocked(site, request):
        headers = {"Vary": "Accept, Signature, Signature-Input"}
        raise Refusal(403, "nothing is given to this server", headers)


async def signs_as_blocked(site: Site, request: Request) -> bool:
    """Whether a request names a key of a blocked server: it gets nothing, not even what is public.

    AP-84. Whether the signature holds does not matter: who pretends to be blocked may be.
    """
    signature = request.headers.get("signature-input") or request.headers.get("signature")
    named = _KEY_ID.search(signature) if signature else None
    if named is None:
        return False
    try:
        host = authority(named[1])
    except BadUrl:
        return False
    return await site.is_blocked(host)
