"""Digests of a body: `Digest` (RFC 3230) beside draft-cavage, `Content-Digest` (RFC 9530).

Several peers do not look whether a body was changed after signing; these checks are all that
protects us then.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from hashlib import sha256, sha512

import http_sf

from federation.errors import SignatureInvalid

_HASHES = {"sha-256": sha256, "sha-512": sha512}
_MAX_CHARACTERS = 1024  # both known digests together take less than 200


def digest_header(body: bytes) -> str:
    """The value of `Digest`, such as `SHA-256=47DE…`."""
    return f"SHA-256={b64encode(sha256(body).digest()).decode('ascii')}"


def content_digest(body: bytes) -> str:
    """The value of `Content-Digest`, such as `sha-256=:47DE…:`."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode('ascii')}:"


def content_digest_of(digest: str) -> str:
    """`Content-Digest` from a `Digest` of ours, without hashing the body again."""
    return f"sha-256=:{digest.partition('=')[2]}:"


def check_digest(value: str, body: bytes) -> None:
    """Nothing, if a `Digest` is of this body.

    Raises:
        SignatureInvalid: it is of another body, or of no kind that we know.
    """
    claimed: dict[str, bytes] = {}
    for part in _bounded(value).split(","):
        name, _, encoded = part.strip().partition("=")
        if name.lower() in claimed:
            raise SignatureInvalid("the digest stands there twice")
        if name.lower() in _HASHES:
            claimed[name.lower()] = _decoded(encoded)
    _compare(claimed, body)


def check_content_digest(value: str, body: bytes) -> None:
    """Nothing, if a `Content-Digest` is of this body (RFC 9530 §2).

    Raises:
        SignatureInvalid: it is of another body, or of no kind that we know.
    """
    try:
        raw = _bounded(value).encode("ascii")
        members = http_sf.parse(raw, tltype="dictionary", on_duplicate_key=_refuse_twice)
    except ValueError as error:
        raise SignatureInvalid("the content digest cannot be read") from error
    claimed: dict[str, bytes] = {}
    if isinstance(members, dict):
        for name, member in members.items():
            item = member[0] if isinstance(member, tuple) else member
            if name in _HASHES:
                claimed[name] = item if isinstance(item, bytes) else b""
    _compare(claimed, body)


def _refuse_twice(name: str, _place: str) -> None:
    raise SignatureInvalid(f"{name} stands there twice")


def _bounded(value: str) -> str:
    if len(value) > _MAX_CHARACTERS:
        raise SignatureInvalid("the digest is too long")
    return value


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureInvalid("the digest is not base64") from error


def _compare(claimed: dict[str, bytes], body: bytes) -> None:
    """All known digests must hold; an unknown one beside them proves nothing."""
    if not claimed:
        raise SignatureInvalid("no digest that we know")
    for name, value in claimed.items():
        if not hmac.compare_digest(_HASHES[name](body).digest(), value):
            raise SignatureInvalid("the digest is of another body")
