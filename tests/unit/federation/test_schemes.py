"""Which of the two signature schemes a delivery begins with (PROTOCOL §2.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from federation.client import Answer
from federation.delivery import Delivered, deliver, first_scheme
from federation.signatures.digest import digest_header
from federation.signatures.http import ACCEPT_SIGNATURE, asked_for
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
    ],
)
def test_ap_20_cavage_comes_first_unless_the_peer_showed_that_it_speaks_rfc_9421(
    worked: str | None, spoke_at: datetime | None, scheme: str
) -> None:
    assert first_scheme(worked, spoke_at, NOW) == scheme


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        (ACCEPT_SIGNATURE, True),
        ('a=("@method");nonce="x", b=("@method" "@target-uri");created', True),
        ('sig1=("@method" "@target-uri");alg="rsa-v1_5-sha256"', True),
        ('sig1=("@method" "@target-uri");alg="ed25519"', False),
        ('sig1=("@method" "x-secret");created', False),
        ('sig1=("@method";req)', False),
        ('sig1=("@method");nonce="x"', False),
        ("sig1=?1", False),
        ('"@method', False),
        ("ü", False),
        ("", False),
        (None, False),
    ],
)
def test_ap_20_accept_signature_counts_where_our_signatures_are_what_it_asks_for(
    header: str | None, ours: bool
) -> None:
    assert asked_for(header) is ours


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
