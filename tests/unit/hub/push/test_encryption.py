"""Messages are encrypted as RFC 8291 has it, and this hub says who it is as RFC 8292 has it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub.push.encryption import (
    CURVE,
    MOST_BYTES,
    RECORD_BYTES,
    encrypt,
    packed,
    point,
    reader_key,
    unpacked,
)

# RFC 8291, section 5 and appendix A.
PLAIN = b"When I grow up, I want to be a watermelon"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
READER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SECRET = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_rfc_8291_comes_out() -> None:
    ours = ec.derive_private_key(int.from_bytes(unpacked(SENDER)), CURVE)
    body = encrypt(PLAIN, reader_key(READER), unpacked(SECRET), ours=ours, salt=unpacked(SALT))
    assert packed(body) == BODY


def test_every_message_has_a_key_and_a_salt_of_its_own() -> None:
    bodies = {encrypt(PLAIN, reader_key(READER), unpacked(SECRET)) for _ in range(2)}
    assert len({body[:86] for body in bodies}) == 2


def test_a_message_fills_one_record_at_most() -> None:
    reader, secret = reader_key(READER), unpacked(SECRET)
    assert len(encrypt(b"x" * MOST_BYTES, reader, secret)) == RECORD_BYTES
    with pytest.raises(ValueError, match="at most"):
        encrypt(b"x" * (MOST_BYTES + 1), reader, secret)


@pytest.mark.parametrize("key", ["", "x", "!", READER[:-2], packed(b"\4" + b"\1" * 64)])
def test_what_is_no_key_of_a_browser_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        reader_key(key)


def test_keys_are_written_as_browsers_write_them() -> None:
    assert packed(point(reader_key(READER))) == READER
