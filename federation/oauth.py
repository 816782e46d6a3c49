"""Asking another server who somebody is: OAuth 2.0 as Mastodon, GoToSocial and Pleroma speak it.

We register with the server as a program, send the person there, get a code back with them, and
may then ask once who they are. What the server says counts for its own people alone: the actor must
be at home there, and the server must name it by WebFinger as well.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from federation.authority import may_vouch
from federation.client import FETCH_SECONDS, Poster
from federation.discovery.webfinger import parse_handle, resolve
from federation.errors import (
    FederationError,
    MalformedDocument,
    Refused,
    Unauthentic,
    UnexpectedAnswer,
    Unreachable,
)
from federation.fetching import Fetcher
from federation.origins import authority
from federation.vocab.actors import Actor
from federation.vocab.parse import parse

log = logging.getLogger(__name__)

# Mastodon 4.3 and GoToSocial have a scope that shows one's own account and nothing else.
LEAST_SCOPE = "profile"
OLDER_SCOPE = "read:accounts"
METADATA = "/.well-known/oauth-authorization-server"

SIGN_IN_SECONDS = 30.0
"""How long all questions about one person may take together; they wait before the page."""
LONGEST_CREDENTIAL = 2048
"""Characters of what a server gives us to show again."""
LONGEST_NAME = 500
"""Characters of what people call themselves that are read."""
LONGEST_CODE = 1024
"""Characters of the code that a person brings back; Mastodon's has 43."""

_SUCCESS = range(200, 300)
# What may stand in a header field as a token (RFC 6750 §2.1).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_CREDENTIAL = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Outside:
    """The ways to other servers."""

    fetcher: Fetcher
    poster: Poster


@dataclass(frozen=True, slots=True)
class App:
    """This site as the server with the origin `home` knows it.

    `scope` is what we may ask there; with `pkce` the server binds its codes to who asked for them
    (RFC 7636).
    """

    home: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scope: str
    pkce: bool


@dataclass(frozen=True, slots=True)
class Account:
    """Who signed in there: the actor's id, the name at that server, and what they call themselves.

    `display_name` is as they wrote it, and may be empty.
    """

    actor: str
    username: str
    display_name: str


def host_in(entered: str) -> str:
    """The server named in `@name@host`, `host` or an address, before anybody is asked.

    Raises:
        BadUrl: none is.
    """
    text = entered.strip()
    if "/" not in text and "@" in text:
        return parse_handle(text).authority
    return authority(text if "://" in text else f"https://{text}")


async def server_of(fetcher: Fetcher, entered: str) -> str:
    """The server whose people are meant: of a handle, the one where its actor is at home.

    Raises:
        FederationError: there is none, or it does not say.
    """
    text = entered.strip()
    if "/" in text or "@" not in text:
        return host_in(text)
    return authority(await resolve(fetcher, text, fresh=True))


async def register(
    outside: Outside, server: str, *, name: str, website: str, redirect_uri: str
) -> App:
    """Make ourselves known to a server (Mastodon, `POST /api/v1/apps`).

    Raises:
        FederationError: it does not answer, or knows no programs.
    """
    home, said = await _home(outside, server)
    scope = LEAST_SCOPE if LEAST_SCOPE in _words(said, "scopes_supported") else OLDER_SCOPE
    fields = {
        "client_name": name,
        "redirect_uris": redirect_uri,
        "scopes": scope,
        "website": website,
    }
    answer = await _post(outside, f"{home}/api/v1/apps", fields)
    return App(
        home=home,
        client_id=_credential(answer, "client_id"),
        client_secret=_credential(answer, "client_secret"),
        redirect_uri=redirect_uri,
        scope=scope,
        pkce="S256" in _words(said, "code_challenge_methods_supported"),
    )


async def still_knows(outside: Outside, app: App) -> bool:
    """Whether the server still knows us: some forget programs that nobody uses for a while.

    Raises:
        FederationError: it does not answer.
    """
    fields = {**_us(app), "grant_type": "client_credentials", "scope": app.scope}
    try:
        answer = await _post(outside, f"{app.home}/oauth/token", fields)
    except UnexpectedAnswer as refusal:
        if refusal.retry:
            raise
        return False
    await _revoke(outside, app, answer)
    return True


def way_there(app: App, state: str, verifier: str) -> str:
    """The address at which the person says there whether we may know who they are.

    `state` comes back with them. `verifier` stays with us until the code is used (RFC 7636 §4.2).
    """
    asked = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": app.scope,
        "state": state,
    }
    if app.pkce:
        digest = hashlib.sha256(verifier.encode()).digest()
        asked["code_challenge"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        asked["code_challenge_method"] = "S256"
    return f"{app.home}/oauth/authorize?{urlencode(asked)}"


async def who_came(outside: Outside, app: App, code: str, verifier: str) -> Account:
    """Whose code it is; the token that it is changed into is given back at once.

    Raises:
        UnexpectedAnswer: the server refuses the code (400, 401) or answers nothing of use.
        Unauthentic: the server named somebody who is not at home there.
        FederationError: it does not answer, or not so that it can be read.
    """
    try:
        async with asyncio.timeout(SIGN_IN_SECONDS):
            return await _who_came(outside, app, code, verifier)
    except TimeoutError as late:
        raise Unreachable(f"no end of questions to {app.home}") from late


async def _who_came(outside: Outside, app: App, code: str, verifier: str) -> Account:
    if not 0 < len(code) <= LONGEST_CODE:
        raise MalformedDocument("not a code")
    fields = {
        **_us(app),
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
        "scope": app.scope,
    }
    if app.pkce:
        fields["code_verifier"] = verifier
    granted = await _post(outside, f"{app.home}/oauth/token", fields)
    try:
        said = await outside.fetcher.fetch_private(
            f"{app.home}/api/v1/accounts/verify_credentials", _token(granted)
        )
    finally:
        await _revoke(outside, app, granted)
    return await _confirmed(outside.fetcher, app, said)


async def _confirmed(fetcher: Fetcher, app: App, said: Mapping[str, Any]) -> Account:
    """The account, if its actor is at home at this very server.

    Raises:
        Unauthentic: it is not.
        FederationError: nobody there is known by that name.
    """
    username, shown = said.get("username"), said.get("display_name")
    if not isinstance(username, str):
        raise MalformedDocument("an account without a name")
    handle = str(parse_handle(f"{username}@{authority(app.home)}"))
    uri = await resolve(fetcher, handle, fresh=True)
    if not may_vouch(app.home, uri):
        raise Unauthentic("the account is at home at another server")
    actor = parse((await fetcher.fetch(uri, fresh=True)).document)
    if not isinstance(actor, Actor) or not may_vouch(app.home, actor.id):
        raise Unauthentic("the account is nobody of this server")
    return Account(actor.id, username, shown[:LONGEST_NAME] if isinstance(shown, str) else "")


async def _home(outside: Outside, server: str) -> tuple[str, Mapping[str, Any]]:
    """The server's origin and what it says of its OAuth; by plain http only where allowed."""
    try:
        return await _metadata(outside, f"https://{server}")
    except Unreachable:
        if not outside.fetcher.guard.allow_http:
            raise
    return await _metadata(outside, f"http://{server}")


async def _metadata(outside: Outside, home: str) -> tuple[str, Mapping[str, Any]]:
    try:
        found = await outside.fetcher.fetch_json(
            f"{home}{METADATA}", "application/json", fresh=True
        )
    except (Unreachable, Refused):
        raise
    except FederationError:
        found = {}  # it came with Mastodon 4.3 and RFC 8414; others have none
    return home, found


async def _post(outside: Outside, url: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The JSON with which a form is answered; no redirect is followed.

    Raises:
        UnexpectedAnswer: it is refused.
        MalformedDocument: the answer is no JSON object of at most 64 KiB.
    """
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    body = urlencode(fields).encode()
    answer = await outside.poster.post(url, headers, body, deadline_s=FETCH_SECONDS)
    if answer.status not in _SUCCESS:
        raise UnexpectedAnswer(f"{authority(url)} answered {answer.status}", answer.status)
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise MalformedDocument("not JSON") from error
    if not isinstance(document, dict):
        raise MalformedDocument("not a JSON object")
    return document


async def _revoke(outside: Outside, app: App, granted: Mapping[str, Any]) -> None:
    """Give a token back; that it cannot be given back stops nobody from signing in."""
    try:
        fields = {**_us(app), "token": _token(granted)}
        await _post(outside, f"{app.home}/oauth/revoke", fields)
    except FederationError as error:
        log.info("a token of %s was not revoked: %s", app.home, error)


def _us(app: App) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.client_secret}


def _token(granted: Mapping[str, Any]) -> str:
    token = _credential(granted, "access_token")
    if not _TOKEN.fullmatch(token):
        raise MalformedDocument("a token that cannot be sent")
    return token


def _credential(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if (
        not isinstance(value, str)
        or len(value) > LONGEST_CREDENTIAL
        or not _CREDENTIAL.fullmatch(value)
    ):
        raise MalformedDocument(f"no {name}")
    return value


def _words(said: Mapping[str, Any], name: str) -> list[str]:
    value = said.get(name)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
