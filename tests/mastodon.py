"""A server of the fediverse that signs its people in elsewhere, after Mastodon's documentation.

Methods apps, oauth and accounts/verify_credentials, as strict as they are described there; actors
and WebFinger are those of `MemorySite`. It can be an older one, another kind, or a bad one.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from federation.guard import Guard
from federation.testing import MemorySite, Wire

METADATA = "/.well-known/oauth-authorization-server"
VERIFY = "/api/v1/accounts/verify_credentials"


@dataclass
class Program:
    """An application that somebody registered."""

    secret: str
    redirect_uri: str
    scopes: list[str]
    name: str


@dataclass
class Grant:
    """What a person allowed: a code, until it becomes a token."""

    client_id: str
    redirect_uri: str
    scope: str
    who: str
    challenge: str = ""


@dataclass
class Mastodon:
    """The server at an origin; `people` are its actors, `displayed` what they call themselves.

    `modern`: it is 4.3 or newer (metadata, PKCE, the scope `profile`). `revokes`: it has
    /oauth/revoke. `answers` are said at a path in place of what it would say.
    """

    origin: str
    wire: Wire
    people: tuple[str, ...] = ("ann", "bob")
    displayed: str = "Ann Lee"
    modern: bool = True
    revokes: bool = True
    guard: Guard | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    revoked: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Response] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.site = MemorySite(
            self.origin, self.wire, names=("relay", *self.people), guard=self.guard
        )
        self.wire.attach(self.host, self)

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as told, else as Mastodon, else with actors and WebFinger."""
        path, method = scope["path"], scope["method"]
        self.asked.append(f"{method} {path}")
        doors = {
            f"GET {METADATA}": self._metadata,
            "POST /api/v1/apps": self._register,
            "GET /oauth/authorize": self._ask,
            "POST /oauth/authorize": self._allowed,
            "POST /oauth/token": self._token,
            "POST /oauth/revoke": self._revoke,
            f"GET {VERIFY}": self._verify,
        }
        answer = self.answers.get(path)
        if answer is None and f"{method} {path}" in doors:
            answer = await doors[f"{method} {path}"](Request(scope, receive))
        await (answer or self.site.app)(scope, receive, send)

    def allow(self, way: str, who: str = "ann") -> str:
        """The person says yes at the address where they were sent; where they are sent back."""
        asked = {name: values[0] for name, values in parse_qs(way.partition("?")[2]).items()}
        program = self.programs[asked["client_id"]]
        assert way.startswith(f"{self.origin}/oauth/authorize?")
        assert asked["response_type"] == "code"
        assert asked["redirect_uri"] == program.redirect_uri
        assert set(asked["scope"].split()) <= set(program.scopes)
        if self.modern:
            assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(32)
        self.codes[code] = Grant(
            asked["client_id"],
            asked["redirect_uri"],
            asked["scope"],
            who,
            asked.get("code_challenge", ""),
        )
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def deny(self, way: str) -> str:
        """The person says no."""
        asked = {name: values[0] for name, values in parse_qs(way.partition("?")[2]).items()}
        said = {"error": "access_denied", "error_description": "No", "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(said)}"

    async def _metadata(self, _request: Request) -> Response:
        if not self.modern:
            return JSONResponse({"error": "Record not found"}, 404)
        return JSONResponse(
            {
                "issuer": f"{self.origin}/",
                "authorization_endpoint": f"{self.origin}/oauth/authorize",
                "token_endpoint": f"{self.origin}/oauth/token",
                "revocation_endpoint": f"{self.origin}/oauth/revoke",
                "app_registration_endpoint": f"{self.origin}/api/v1/apps",
                "scopes_supported": ["read", "profile", "read:accounts", "write"],
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _register(self, request: Request) -> Response:
        said = await _form(request)
        scopes = said.get("scopes", "read").split()
        known = {"read", "read:accounts", "write", *(["profile"] if self.modern else [])}
        if not said.get("client_name") or len(said["client_name"]) > 60:
            return JSONResponse({"error": "Validation failed: Application name"}, 422)
        if "://" not in said.get("redirect_uris", "") or not set(scopes) <= known:
            return JSONResponse({"error": "Validation failed: Scopes"}, 422)
        client_id = secrets.token_urlsafe(32)
        program = Program(
            secrets.token_urlsafe(32), said["redirect_uris"], scopes, said["client_name"]
        )
        self.programs[client_id] = program
        return JSONResponse(
            {
                "id": str(len(self.programs)),
                "name": program.name,
                "website": said.get("website"),
                "scopes": scopes,
                "redirect_uri": program.redirect_uri,
                "redirect_uris": [program.redirect_uri],
                "client_id": client_id,
                "client_secret": program.secret,
                "client_secret_expires_at": 0,
            }
        )

    async def _ask(self, request: Request) -> Response:
        """The page on which a browser's person says yes."""
        query = request.url.query
        if request.query_params.get("client_id") not in self.programs:
            return HTMLResponse("Client authentication failed", 401)
        name = self.programs[request.query_params["client_id"]].name
        return HTMLResponse(
            f'<!doctype html><link rel="icon" href="data:,"><title>{self.host}</title>'
            f"<h1>{name} wants to know who you are</h1>"
            f'<form method="post" action="/oauth/authorize?{query.replace("&", "&amp;")}">'
            "<button>Authorize</button></form>"
        )

    async def _allowed(self, request: Request) -> Response:
        way = f"{self.origin}/oauth/authorize?{request.url.query}"
        return RedirectResponse(self.allow(way), 302)

    def _client(self, said: dict[str, str]) -> Program | None:
        program = self.programs.get(said.get("client_id", ""))
        good = program is not None and program.secret == said.get("client_secret")
        return program if good else None

    async def _token(self, request: Request) -> Response:
        said = await _form(request)
        program = self._client(said)
        if program is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        if said.get("grant_type") == "client_credentials":
            if not set(said.get("scope", "read").split()) <= set(program.scopes):
                return JSONResponse({"error": "invalid_scope"}, 400)
            return self._granted(Grant(said["client_id"], "", said["scope"], ""))
        grant = self.codes.pop(said.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(
            hashlib.sha256(said.get("code_verifier", "").encode()).digest()
        )
        if (
            said.get("grant_type") != "authorization_code"
            or grant is None
            or grant.client_id != said["client_id"]
            or grant.redirect_uri != said.get("redirect_uri")
            or (grant.challenge and grant.challenge != challenge.decode().rstrip("="))
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return self._granted(grant)

    def _granted(self, grant: Grant) -> Response:
        token = secrets.token_urlsafe(32)
        self.tokens[token] = grant
        said = {"token_type": "Bearer", "scope": grant.scope, "created_at": 1_573_979_017}
        return JSONResponse({"access_token": token, **said})

    async def _revoke(self, request: Request) -> Response:
        if not self.revokes:
            return JSONResponse({"error": "not found"}, 404)
        said = await _form(request)
        grant = self.tokens.get(said.get("token", ""))
        if self._client(said) is None or grant is None or grant.client_id != said["client_id"]:
            return JSONResponse({"error": "unauthorized_client"}, 403)
        del self.tokens[said["token"]]
        self.revoked.append(said["token"])
        return JSONResponse({})

    async def _verify(self, request: Request) -> Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.tokens.get(token)
        if kind != "Bearer" or grant is None or not grant.who:
            return JSONResponse({"error": "The access token is invalid"}, 401)
        if not {"profile", "read", "read:accounts"} & set(grant.scope.split()):
            return JSONResponse({"error": "This action is outside the authorized scopes"}, 403)
        return JSONResponse(self.account(grant.who))

    def account(self, who: str) -> dict[str, Any]:
        """A CredentialAccount, as far as anybody reads it."""
        return {
            "id": "14715",
            "username": who,
            "acct": who,
            "display_name": self.displayed,
            "url": f"{self.origin}/@{who}",
            "source": {"privacy": "public", "note": ""},
        }


async def _form(request: Request) -> dict[str, str]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
