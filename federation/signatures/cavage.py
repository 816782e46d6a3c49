"""The signature scheme of the fediverse today: draft-cavage-http-signatures-12.

The header is a list of parameters; what is signed is one `name: value` line for each header
that it names. Peers write the parameters in any order, header names in any case, and sign more
headers than anybody asks for.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from federation.errors import SignatureInvalid

MAX_HEADER_CHARACTERS = 8192
"""Longest `Signature` header; with an RSA key of 8192 bits it has about 2000 characters."""
MAX_COVERED = 64
"""Most headers in one signature; peers sign up to eight."""

_PARAMETER = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([0-9.]+))\s*')
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_TIMES = frozenset({"(created)", "(expires)"})
_RSA_SHA256, _RSA_SHA512, _ED25519 = "rsa-v1_5-sha256", "rsa-v1_5-sha512", "ed25519"
# "hs2019" leaves it to the key, and absent means the same here (draft 12, §2.1.3).
_ALGORITHMS = {
    "": (_RSA_SHA256, _ED25519),
    "rsa-sha256": (_RSA_SHA256,),
    "rsa-sha512": (_RSA_SHA512,),
    "ed25519": (_ED25519,),
    "hs2019": (_RSA_SHA256, _RSA_SHA512, _ED25519),
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a `Signature` header says.

    `covered` are the signed names in lower case; `created` and `expires` are seconds since
    1970 as they are written, None where the header does not give them.
    """

    key_id: str
    algorithm: str
    covered: tuple[str, ...]
    signature: bytes
    created: str | None
    expires: str | None

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What the key may be used for, in the names of RFC 9421.

        Raises:
            SignatureInvalid: an algorithm that we do not take.
        """
        known = _ALGORITHMS.get(self.algorithm)
        if known is None:
            raise SignatureInvalid("the signature is of a kind that we do not take")
        return known


def parse(header: str) -> Parameters:
    """The parameters of a `Signature` header.

    Raises:
        SignatureInvalid: it cannot be read, or says a thing twice.
    """
    given = _split(header)
    try:
        key_id = given["keyid"]
        signature = b64decode(given["signature"], validate=True)
    except (KeyError, binascii.Error, ValueError) as error:
        raise SignatureInvalid("the signature lacks its key or its value") from error
    covered = tuple(given.get("headers", "date").lower().split())
    if len(covered) > MAX_COVERED:
        raise SignatureInvalid("the signature covers too many headers")
    parameters = Parameters(
        key_id=key_id,
        algorithm=given.get("algorithm", "").lower(),
        covered=covered,
        signature=signature,
        created=_number(given.get("created")),
        expires=_number(given.get("expires")),
    )
    # An algorithm that names RSA may not sign its own times (draft 12, §2.3).
    if parameters.algorithm.startswith("rsa") and not _TIMES.isdisjoint(covered):
        raise SignatureInvalid("the signature signs its times under an algorithm that may not")
    return parameters


def signing_string(covered: Sequence[str], values: Mapping[str, str]) -> bytes:
    """What is signed: one line for each covered name (draft 12, §2.3).

    `values` holds `(request-target)`, `(created)` and `(expires)` beside the headers.

    Raises:
        SignatureInvalid: a covered header is not there.
    """
    lines = []
    for name in covered:
        value = values.get(name)
        if value is None:
            raise SignatureInvalid("a signed header is missing")
        lines.append(f"{name}: {value}")
    try:
        # Servers hand out header bytes as Latin-1; so the bytes come back as they were.
        return "\n".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        raise SignatureInvalid("a signed header holds characters beyond bytes") from error


def sign(key: RSAPrivateKey, key_id: str, values: Mapping[str, str]) -> str:
    """The `Signature` header over all of `values`, in their order."""
    covered = tuple(values)
    signature = key.sign(signing_string(covered, values), padding.PKCS1v15(), hashes.SHA256())
    encoded = b64encode(signature).decode("ascii")
    names = " ".join(covered)
    return f'keyId="{key_id}",algorithm="rsa-sha256",headers="{names}",signature="{encoded}"'


def _split(header: str) -> dict[str, str]:
    if len(header) > MAX_HEADER_CHARACTERS:
        raise SignatureInvalid("the signature is too long")
    given: dict[str, str] = {}
    position = 0
    while True:
        found = _PARAMETER.match(header, position)
        if found is None:
            raise SignatureInvalid("the signature cannot be read")
        name = found.group(1).lower()
        if name in given:
            raise SignatureInvalid("the signature says a thing twice")
        quoted = found.group(2)
        given[name] = found.group(3) if quoted is None else _unescaped(quoted)
        position = found.end()
        if position == len(header):
            return given
        if header[position] != ",":
            raise SignatureInvalid("the signature cannot be read")
        position += 1


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted) if "\\" in quoted else quoted


def _number(text: str | None) -> str | None:
    """A number of seconds, `expires` perhaps with a fraction (draft 12, §2.1.5)."""
    if text is not None and _SECONDS.fullmatch(text) is None:
        raise SignatureInvalid("a time of the signature is not a number of seconds")
    return text
