"""Digests: of this body, or refused."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256, sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import SignatureInvalid
from federation.signatures.digest import (
    check_content_digest,
    check_digest,
    content_digest,
    content_digest_of,
    digest_header,
)

BODY = b'{"hello": "world"}'
SHA256 = b64encode(sha256(BODY).digest()).decode()
SHA512 = b64encode(sha512(BODY).digest()).decode()
OTHER = b64encode(sha256(b"other").digest()).decode()


@given(st.binary())
def test_our_digests_are_of_their_body(body: bytes) -> None:
    check_digest(digest_header(body), body)
    check_content_digest(content_digest(body), body)
    assert content_digest_of(digest_header(body)) == content_digest(body)


@pytest.mark.parametrize(
    "value",
    [
        f"SHA-256={SHA256}",
        f"sha-256={SHA256}",
        f"SHA-512={SHA512}",
        f"SHA-512={SHA512}, SHA-256={SHA256}",
        f"unixsum=30637,SHA-256={SHA256}",
    ],
)
def test_digests_in_the_spellings_of_peers(value: str) -> None:
    check_digest(value, BODY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "SHA-256",
        "SHA-256=",
        f"SHA-256={OTHER}",
        f"SHA-256={SHA512}",
        f"SHA-256={SHA256[:-1]}",
        f"SHA-256={SHA256}!",
        f"SHA-256={SHA256},SHA-512={SHA256}",
        f"SHA-256={OTHER},SHA-256={SHA256}",
        f"SHA-256={SHA256},sha-256={OTHER}",
        f"MD5={SHA256}",
        f"SHA-256=:{SHA256}:",
        "SHA-256=é",
        "x" * 2000,
    ],
)
def test_a11_a_digest_of_another_body_is_refused(value: str) -> None:
    with pytest.raises(SignatureInvalid):
        check_digest(value, BODY)


@pytest.mark.parametrize(
    "value",
    [
        f"sha-256=:{SHA256}:",
        f"sha-512=:{SHA512}:, sha-256=:{SHA256}:",
        f"md5=1, sha-512=:{SHA512}:",
    ],
)
def test_content_digests_in_the_spellings_of_peers(value: str) -> None:
    check_content_digest(value, BODY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sha-256",
        "sha-256=1",
        f"sha-256={SHA256}",
        f"SHA-256=:{SHA256}:",
        f"sha-256=:{OTHER}:",
        f"sha-256=:{SHA256}:, sha-512=:{OTHER}:",
        f"sha-256=:{OTHER}:, sha-256=:{SHA256}:",
        f"sha-256=(:{SHA256}:)",
        f"md5=:{SHA256}:",
        "é",
        "x" * 2000,
    ],
)
def test_a11_a_content_digest_of_another_body_is_refused(value: str) -> None:
    with pytest.raises(SignatureInvalid):
        check_content_digest(value, BODY)


@given(st.text(max_size=200))
def test_any_text_is_a_digest_or_refused(value: str) -> None:
    for check in (check_digest, check_content_digest):
        with pytest.raises(SignatureInvalid):
            check(value, BODY)
