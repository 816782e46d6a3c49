"""Which of the two signature schemes a delivery begins with (PROTOCOL §2.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from federation.client import Answer
from federation.delivery import Delivered, deliver, first_scheme
from federation.signatures.digest import digest_header
from federation.signatures.http import ACCEPT_ED25519, ACCEPT_SIGNATURE, Scheme, asked_for
from tests.unit.federation.test_delivery import BODY, INBOX, KEYS, NOW, Peer

MONTH = timedelta(days=30)


@pytest.mark.parametrize(
    ("worked", "spoke_at", "scheme"),
    [
        (None, None, "cavage"),
        ("cavage", None, "cavage"),
        ("rfc9421", None, "rfc9421"),
        (None, NOW - MONTH, "rfc9421"),
        ("cavage", NOW - timedelta(days=1), "rfc9421"),
        ("cavage", NOW - MONTH - timedelta(seconds=1), "cavage"),
        ("ed25519", None, "ed25519"),
        ("ed25519", NOW, "ed25519"),
    ],
)
def test_ap_20_cavage_comes_first_unless_the_peer_showed_that_it_speaks_rfc_9421(
    worked: str | None, spoke_at: datetime | None, scheme: str
) -> None:
    assert first_scheme(worked, spoke_at, NOW) == scheme


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        (ACCEPT_SIGNATURE, "rfc9421"),
        (ACCEPT_ED25519, "ed25519"),
        ('a=("@method");nonce="x", b=("@method" "@target-uri");created', "rfc9421"),
        ('sig1=("@method" "@target-uri");alg="rsa-v1_5-sha256"', "rfc9421"),
        ('a=("@method");alg="rsa-v1_5-sha256", b=("@method");alg="ed25519"', "ed25519"),
        ('sig1=("@method" "@target-uri");alg="rsa-pss-sha512"', None),
        ('sig1=("@method" "x-secret");created', None),
        ('sig1=("@method";req)', None),
        ('sig1=("@method");nonce="x"', None),
        ("sig1=?1", None),
        ('"@method', None),
        ("ü", None),
        ("", None),
        (None, None),
    ],
)
def test_ap_20_accept_signature_counts_where_our_signatures_are_what_it_asks_for(
    header: str | None, ours: Scheme | None
) -> None:
    assert asked_for(header) == ours


async def test_ap_20_a_peer_that_takes_cavage_and_asks_for_rfc_9421_gets_it_next_time() -> None:
    peer = Peer([Answer(202, {"accept-signature": ACCEPT_SIGNATURE}, b"", INBOX)])
    outcome, scheme = await deliver(
        peer, KEYS, INBOX, BODY, digest_header(BODY), scheme="cavage", now=NOW
    )
    assert (outcome, scheme, len(peer.posts)) == (Delivered(202), "rfc9421", 1)


async def test_ap_20_a_peer_that_refuses_rfc_9421_and_asks_for_it_keeps_its_cavage() -> None:
    refusal = {"accept-signature": ACCEPT_SIGNATURE}
    peer = Peer([Answer(401, refusal, b"", INBOX), Answer(202, refusal, b"", INBOX)])
    outcome, scheme = await deliver(
        peer, KEYS, INBOX, BODY, digest_header(BODY), scheme="rfc9421", now=NOW
    )
    assert (outcome, scheme) == (Delivered(202), "cavage")


async def test_ap_20_a_peer_that_asks_for_ed25519_gets_it_and_may_change_its_mind() -> None:
    asks = Answer(202, {"accept-signature": ACCEPT_ED25519}, b"", INBOX)
    peer = Peer([asks, Answer(202, {}, b"", INBOX), Answer(401, {}, b"", INBOX), asks])

    async def attempt(scheme: Scheme) -> tuple[object, Scheme]:
        return await deliver(peer, KEYS, INBOX, BODY, digest_header(BODY), scheme=scheme, now=NOW)

    assert await attempt("cavage") == (Delivered(202), "ed25519")
    assert await attempt("ed25519") == (Delivered(202), "ed25519")
    assert 'alg="ed25519"' in peer.posts[1][1]["signature-input"]
    assert f'keyid="{KEYS.ed25519_id}"' in peer.posts[1][1]["signature-input"]
    assert await attempt("ed25519") == (Delivered(202), "cavage")
    assert "signature-input" not in peer.posts[3][1]
