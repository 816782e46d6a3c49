"""Signed requests, whichever of the two schemes they use.

Going out: `sign_request` gives all headers that a request needs. Coming in: `read_claim` does
every check that costs nothing (is it signed, is it of now, is it meant for us, is this its
body), and only then is it worth to fetch a key for `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from federation.errors import SignatureInvalid, SignatureMissing
from federation.origins import split_url
from federation.signatures import cavage, rfc9421
from federation.signatures.digest import (
    check_content_digest,
    check_digest,
    content_digest_of,
    digest_header,
)
from federation.signatures.keys import PublicKey, SigningKeys
from federation.signatures.times import (
    FUTURE,
    PAST,
    Window,
    from_http_date,
    from_seconds,
    http_date,
)

Scheme = Literal["cavage", "rfc9421", "ed25519"]
"""How we sign: draft-cavage-12, or RFC 9421 with the RSA key or with the Ed25519 one."""

ACCEPT_SIGNATURE = 'sig1=("@method" "@target-uri" "content-digest");created;keyid'
"""What our 401 says in `Accept-Signature`: sign in this way (RFC 9421 §5.1)."""
ACCEPT_ED25519 = f'{ACCEPT_SIGNATURE};alg="ed25519"'
"""What our 202 says: next time, if you can, in the way that costs a sender a tenth."""
ACTIVITY_JSON = "application/activity+json"
"""The content type of all that we post."""

_COVERED_RFC9421 = frozenset({"@method", "@target-uri", "content-digest"})
_OFFERED_RFC9421 = frozenset({"created", "keyid", "alg", "tag"})
_RSA, _ED25519 = "rsa-v1_5-sha256", "ed25519"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# A second value of these would leave open which one was signed.
_SINGLE = frozenset(
    {"host", "date", "digest", "content-digest", "signature", "signature-input", "authorization"}
)
_BODILESS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in.

    `target` is path and query as received; header names are lower case, values are as ASGI gives
    them (Latin-1); `body` is the raw bytes, the same that are parsed afterwards.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature that may be true: all is in order but for the key.

    `messages` are the readings under which it may hold (with and without query), `algorithms`
    what the key may be used for, in the names of RFC 9421.
    """

    key_id: str
    scheme: Scheme
    algorithms: tuple[str, ...]
    signature: bytes
    messages: tuple[bytes, ...]

    @property
    def fingerprint(self) -> bytes:
        """The same for the same request alone; what a replay is known by."""
        parts = (self.key_id.encode("utf-8", "replace"), self.signature, self.messages[0])
        return sha256(b"\0".join(parts)).digest()


def sign_request(
    keys: SigningKeys,
    method: str,
    url: str,
    body: bytes | None,
    *,
    scheme: Scheme = "cavage",
    digest: str | None = None,
    now: datetime,
    content_type: str | None = None,
    accept: str | None = None,
) -> dict[str, str]:
    """All headers to send with a request, signed with a key of the actor's.

    `digest` is the `Digest` of the body where it is known already; without `content_type` a
    body is an activity. The bytes must go out as they are, at once, to this url.

    Raises:
        BadUrl: the url is not one that can be sent to.
    """
    message = _outgoing(method, url)
    headers = {"Host": message.authority, "Date": http_date(now)}
    if accept is not None:
        headers["Accept"] = accept
    if method.upper() not in _BODILESS:
        digest = digest or digest_header(body or b"")
        headers["Content-Type"] = content_type or ACTIVITY_JSON
    if scheme == "cavage":
        return _sign_cavage(keys, message, headers, digest)
    return _sign_rfc9421(keys, message, headers, digest, now, scheme)


def asked_for(header: str | None) -> Scheme | None:
    """Our scheme that an `Accept-Signature` asks for (RFC 9421 §5.1), Ed25519 before RSA."""
    try:
        wanted = rfc9421.requested(header or "")
    except SignatureInvalid:
        return None
    algorithms = {
        parameters.get("alg", _RSA)
        for components, parameters in wanted
        if components <= _COVERED_RFC9421 and parameters.keys() <= _OFFERED_RFC9421
    }
    if _ED25519 in algorithms:
        return "ed25519"
    return "rfc9421" if _RSA in algorithms else None


def read_claim(
    request: Request,
    *,
    hosts: Callable[[str], bool],
    now: datetime,
    past: timedelta = PAST,
    future: timedelta = FUTURE,
    origin: str,
) -> Claim:
    """The signature of a request, after every check that needs no key.

    `hosts` says whether an authority is ours; `origin` is our configured address, whose scheme
    counts, since behind a proxy the request does not know it.

    Raises:
        SignatureMissing: it bears none.
        SignatureInvalid: it cannot be read, is not of now, not for us, not of this body, or
            covers too little.
    """
    headers = _headers(request)
    window = Window(now, past, future)
    header = _cavage_header(headers)
    if header is None and "signature-input" not in headers:
        raise SignatureMissing("the request bears no signature")
    message = _incoming(request, headers, hosts, origin)
    if header is None or "signature-input" in headers:
        return _read_rfc9421(message, request.body, window)
    return _read_cavage(message, header, request.body, window)


def check(claim: Claim, key: PublicKey) -> bool:
    """Whether the signature is of this key, under any of its readings."""
    return any(
        key.verifies(claim.signature, message, algorithm)
        for message in claim.messages
        for algorithm in claim.algorithms
    )


def _sign_cavage(
    keys: SigningKeys, message: rfc9421.Message, headers: dict[str, str], digest: str | None
) -> dict[str, str]:
    values = {
        "(request-target)": f"{message.method.lower()} {message.target}",
        "host": headers["Host"],
        "date": headers["Date"],
    }
    if digest is not None:
        headers["Digest"] = values["digest"] = digest
        values["content-type"] = headers["Content-Type"]
    return {**headers, "Signature": cavage.sign(keys.rsa, keys.rsa_id, values)}


def _sign_rfc9421(
    keys: SigningKeys,
    message: rfc9421.Message,
    headers: dict[str, str],
    digest: str | None,
    now: datetime,
    scheme: Scheme,
) -> dict[str, str]:
    names = ["@method", "@target-uri"]
    if digest is not None:
        headers["Content-Digest"] = content_digest_of(digest)
        names.append("content-digest")
        message = replace(message, headers={"content-digest": (headers["Content-Digest"],)})
    key: RSAPrivateKey | Ed25519PrivateKey = keys.rsa
    key_id, algorithm = keys.rsa_id, _RSA
    if scheme == "ed25519":
        key, key_id, algorithm = keys.ed25519, keys.ed25519_id, _ED25519
    given: dict[str, rfc9421.Bare] = {
        "created": int(now.timestamp()),
        "keyid": key_id,
        "alg": algorithm,
    }
    signature_input, signature = rfc9421.sign(key, message, names, given)
    return {**headers, "Signature-Input": signature_input, "Signature": signature}


def _read_cavage(message: rfc9421.Message, header: str, body: bytes, window: Window) -> Claim:
    parameters = cavage.parse(header)
    covered = frozenset(parameters.covered)
    needed = {"(request-target)", "host"}
    if message.method not in _BODILESS:
        needed.add("digest")
    if not needed <= covered or covered.isdisjoint({"date", "(created)"}):
        raise SignatureInvalid("the signature covers too little")
    values = _joined(message.headers)
    _check_times(parameters, values, window)
    if "digest" in covered:
        check_digest(values.get("digest", ""), body)
    return Claim(
        _checked_key_id(parameters.key_id),
        "cavage",
        parameters.algorithms,
        parameters.signature,
        tuple(
            cavage.signing_string(
                parameters.covered,
                values | {"(request-target)": f"{message.method.lower()} {target}"},
            )
            for target in _targets(message)
        ),
    )


def _check_times(parameters: cavage.Parameters, values: dict[str, str], window: Window) -> None:
    """Every signed time lies in the window; one that is not signed may only shorten it.

    Adds the times of the signature itself to `values`, under the names by which they are signed.
    """
    if "date" in parameters.covered:
        window.check(from_http_date(values.get("date", "")))
    if parameters.created is not None:
        values["(created)"] = parameters.created
        if "(created)" in parameters.covered:
            window.check(from_seconds(float(parameters.created)))
    if parameters.expires is not None:
        values["(expires)"] = parameters.expires
        window.check_end(float(parameters.expires))


def _read_rfc9421(message: rfc9421.Message, body: bytes, window: Window) -> Claim:
    """The first label that has what we need; a proxy may have added others."""
    values = _joined(message.headers)
    reason = SignatureInvalid("no label has both its halves")
    for parameters in rfc9421.parse(values["signature-input"], values.get("signature", "")):
        try:
            return _read_label(message, parameters, body, window)
        except SignatureInvalid as error:
            reason = error
    raise reason


def _read_label(
    message: rfc9421.Message, parameters: rfc9421.Parameters, body: bytes, window: Window
) -> Claim:
    needed = {"@method", "@target-uri"}
    if message.method not in _BODILESS:
        needed.add("content-digest")
    if not needed <= parameters.names or parameters.created is None:
        raise SignatureInvalid("the signature covers too little")
    window.check(from_seconds(parameters.created))
    if parameters.expires is not None:
        window.check_end(parameters.expires)
    if "content-digest" in parameters.names:
        check_content_digest(_joined(message.headers).get("content-digest", ""), body)
    return Claim(
        _checked_key_id(parameters.key_id or ""),
        "rfc9421",
        parameters.algorithms,
        parameters.signature,
        tuple(
            rfc9421.signature_base(
                replace(message, target=target), parameters.components, parameters.given
            )
            for target in _targets(message)
        ),
    )


def _headers(request: Request) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in request.headers:
        key = name.lower()
        if key in _SINGLE and key in headers:
            raise SignatureInvalid(f"{key} stands there twice")
        if "\n" in value or "\r" in value:
            raise SignatureInvalid("a header breaks its line")
        headers[key] = (*headers.get(key, ()), value)
    return headers


def _joined(headers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: ", ".join(value.strip() for value in found) for name, found in headers.items()}


def _cavage_header(headers: Mapping[str, Sequence[str]]) -> str | None:
    """The signature, which may also stand under `Authorization` (draft 12, §3.1)."""
    for value in headers.get("signature", ()):
        return value
    for value in headers.get("authorization", ()):
        kind, _, rest = value.strip().partition(" ")
        if kind.lower() == "signature":
            return rest
    return None


def _incoming(
    request: Request,
    headers: Mapping[str, Sequence[str]],
    hosts: Callable[[str], bool],
    origin: str,
) -> rfc9421.Message:
    """The request as its sender saw it: the host as named, if it is ours, the scheme as we know it.

    A signature for another host is one that somebody else was sent (SECURITY A12).
    """
    scheme = origin.partition("://")[0].lower()
    host = "".join(headers.get("host", ())).strip().lower()
    authority = host.removesuffix(_DEFAULT_PORTS.get(scheme, ":443"))
    if not authority or not hosts(authority):
        raise SignatureInvalid("the request is for another host")
    if not request.target.isprintable() or not request.method.isalpha():
        raise SignatureInvalid("the request line cannot be read")
    target = request.target if request.target.startswith("/") else f"/{request.target}"
    return rfc9421.Message(request.method.upper(), scheme, authority, target, headers)


def _outgoing(method: str, url: str) -> rfc9421.Message:
    """The request as it will leave, in the spelling in which it travels."""
    parts = split_url(url)
    return rfc9421.Message(method.upper(), parts.scheme, parts.authority, parts.target, {})


def _targets(message: rfc9421.Message) -> tuple[str, ...]:
    """With its query and without: several peers leave it out when they sign (PROTOCOL 2.1)."""
    bare = message.target.partition("?")[0]
    return (message.target,) if bare == message.target else (message.target, bare)


def _checked_key_id(key_id: str) -> str:
    """An address of a key; `acct:` names and bare labels are none."""
    if not key_id.lower().startswith(("https://", "http://")):
        raise SignatureInvalid("the key is not named by an http or https address")
    return key_id
