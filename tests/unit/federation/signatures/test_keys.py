"""Keys: the pairs that we make, the forms in which others publish theirs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import MalformedKey
from federation.signatures.keys import (
    SigningKeys,
    from_base58btc,
    from_bytes,
    generate_keys,
    key_of_document,
    keys_of_actor,
    lists_key,
    multibase_of,
    public_key_from_multibase,
    public_key_from_pem,
    to_base58btc,
    to_bytes,
)

ACTOR = "https://hub.example/actors/events"
SEED = bytes(range(32))
MULTIKEY = "z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd"


@cache
def pair() -> SigningKeys:
    return generate_keys(ACTOR)


def pem(key: Any) -> str:
    return str(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "ascii")


@cache
def weak_pem() -> str:
    return pem(rsa.generate_private_key(65537, 1024).public_key())  # noqa: S505 - it is to be refused


def test_new_keys_are_rsa_2048_and_ed25519() -> None:
    keys = pair()
    assert keys.rsa.key_size == 2048
    assert keys.rsa_id == f"{ACTOR}#main-key"
    assert keys.ed25519_id == f"{ACTOR}#ed25519-key"


def test_keys_come_back_from_their_bytes() -> None:
    der, raw = to_bytes(pair())
    again = from_bytes(ACTOR, der, raw)
    assert again.public_pem == pair().public_pem
    assert again.public_multibase == pair().public_multibase
    assert to_bytes(again) == (der, raw)


@pytest.mark.parametrize(("der", "raw"), [(b"", b""), (b"x", SEED), (SEED, SEED)])
def test_other_bytes_are_no_keys(der: bytes, raw: bytes) -> None:
    with pytest.raises(MalformedKey):
        from_bytes(ACTOR, der, raw)


def test_an_ed25519_key_in_place_of_the_rsa_key_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    with pytest.raises(MalformedKey):
        from_bytes(ACTOR, _pkcs8(key), SEED)


def _pkcs8(key: ed25519.Ed25519PrivateKey) -> bytes:
    return to_bytes(SigningKeys(ACTOR, key, key))[0]  # type: ignore[arg-type]


def test_the_multikey_of_annex_a() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    assert multibase_of(key.public_key()) == MULTIKEY
    assert SigningKeys(ACTOR, pair().rsa, key).public_multibase == MULTIKEY
    read = public_key_from_multibase(f"{ACTOR}#ed25519-key", ACTOR, MULTIKEY)
    assert read.material == key.public_key()
    assert read.is_ed25519


def test_rsa_may_stand_in_a_multikey_too() -> None:
    der = pair().rsa.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    read = public_key_from_multibase("k", "o", to_base58btc(b"\x85\x24" + der))
    assert read.material == pair().rsa.public_key()


def test_pem_holds_rsa_in_both_forms_or_ed25519() -> None:
    public = pair().rsa.public_key()
    old = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert public_key_from_pem("k", "o", pair().public_pem).material == public
    assert public_key_from_pem("k", "o", f"\n{old}\n").material == public
    assert public_key_from_pem("k", "o", pem(pair().ed25519.public_key())).is_ed25519


def test_weak_rsa_keys_are_refused() -> None:
    with pytest.raises(MalformedKey):
        public_key_from_pem("k", "o", weak_pem())


def test_rsa_keys_that_make_us_work_are_refused() -> None:
    numbers = pair().rsa.public_key().public_numbers()
    slow = rsa.RSAPublicNumbers(2**40 + 15, numbers.n).public_key()
    with pytest.raises(MalformedKey):
        public_key_from_pem("k", "o", pem(slow))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        dsa.generate_private_key(2048).public_key(),
    ],
)
def test_keys_of_other_kinds_are_refused(key: Any) -> None:
    with pytest.raises(MalformedKey):
        public_key_from_pem("k", "o", pem(key))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "é",
        "\ud800",
        "-" * 9000,
    ],
)
def test_text_that_is_no_pem_is_refused(text: str) -> None:
    with pytest.raises(MalformedKey):
        public_key_from_pem("k", "o", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "z0",
        "zé",
        MULTIKEY[:-1],
        MULTIKEY + "1",
        MULTIKEY[1:],
        MULTIKEY + " ",
        "z" * 2000,
        to_base58btc(b"\xec\x01" + SEED),
        to_base58btc(b"\x85\x24" + SEED),
        "z6Mk\n",
    ],
)
def test_text_that_is_no_multikey_is_refused(text: str) -> None:
    with pytest.raises(MalformedKey):
        public_key_from_multibase("k", "o", text)


@given(st.binary(max_size=80))
def test_base58_gives_back_what_it_took(raw: bytes) -> None:
    assert from_base58btc(to_base58btc(raw)) == raw


@given(st.text(max_size=100), st.text(max_size=100))
def test_any_text_is_a_key_or_refused(first: str, second: str) -> None:
    for read in (public_key_from_pem, public_key_from_multibase):
        with pytest.raises(MalformedKey):
            read(first, first, second)


def actor_document(**members: Any) -> dict[str, Any]:
    return {
        "id": ACTOR,
        "publicKey": {"id": f"{ACTOR}#main-key", "owner": ACTOR, "publicKeyPem": pair().public_pem},
        "assertionMethod": [
            {
                "id": f"{ACTOR}#ed25519-key",
                "type": "Multikey",
                "controller": ACTOR,
                "publicKeyMultibase": MULTIKEY,
            }
        ],
        **members,
    }


def test_an_actor_lists_both_kinds_of_keys() -> None:
    assert [key.id for key in keys_of_actor(actor_document())] == [
        f"{ACTOR}#main-key",
        f"{ACTOR}#ed25519-key",
    ]


def test_several_public_keys_may_stand_in_an_array() -> None:
    main = actor_document()["publicKey"]
    document = actor_document(publicKey=[main, {**main, "id": f"{ACTOR}#second"}])
    assert [key.id for key in keys_of_actor(document, ("publicKey",))] == [
        f"{ACTOR}#main-key",
        f"{ACTOR}#second",
    ]


def test_one_multikey_may_stand_without_an_array() -> None:
    document = actor_document()
    document["authentication"] = document.pop("assertionMethod")[0]
    assert keys_of_actor(document, ("assertionMethod",)) == ()
    assert keys_of_actor(document)[1].id == f"{ACTOR}#ed25519-key"


@pytest.mark.parametrize("owner", [None, "", "https://other.example/", [ACTOR], {"id": ACTOR}])
def test_a1_a_key_counts_only_if_it_names_the_actor(owner: Any) -> None:
    key = {**actor_document()["publicKey"], "owner": owner}
    assert keys_of_actor(actor_document(publicKey=key), ("publicKey",)) == ()


def test_an_unreadable_key_does_not_hide_a_good_one() -> None:
    main = actor_document()["publicKey"]
    weak = {**main, "id": f"{ACTOR}#weak", "publicKeyPem": weak_pem()}
    document = actor_document(publicKey=[weak, None, 1, "x", {}, [main], main])
    assert [key.id for key in keys_of_actor(document, ("publicKey",))] == [f"{ACTOR}#main-key"]


def test_only_the_first_keys_of_many_are_read() -> None:
    main = actor_document()["publicKey"]
    many = [{**main, "id": f"{ACTOR}#{number}"} for number in range(100)]
    assert len(keys_of_actor(actor_document(publicKey=many), ("publicKey",))) == 16


def test_a_key_may_be_listed_by_value_or_by_name() -> None:
    assert lists_key(actor_document(), f"{ACTOR}#main-key")
    assert lists_key({"publicKey": "https://hub.example/key"}, "https://hub.example/key")
    assert lists_key({"assertionMethod": ["a", "b"]}, "b")
    assert not lists_key(actor_document(), f"{ACTOR}#other")
    assert not lists_key({"publicKey": {"id": ["a"]}}, "a")


def test_a_key_is_found_alone_and_in_a_stub() -> None:
    alone = actor_document()["publicKey"]
    assert key_of_document(alone, alone["id"]).owner == ACTOR
    stub = {"id": "https://hub.example/main-key", "publicKey": alone}
    assert key_of_document(stub, alone["id"]).owner == ACTOR
    with pytest.raises(MalformedKey):
        key_of_document(alone, "https://hub.example/other")


def test_a_key_used_for_another_algorithm_does_not_fit() -> None:
    rsa_key, ed_key = pair().public_keys
    for key in (rsa_key, ed_key):
        for name in ("", "hmac-sha256", "rsa-v1_5-sha256", "rsa-pss-sha512", "ed25519", "x"):
            assert not key.verifies(b"", b"m", name)
            assert not key.verifies(b"\0" * 64, b"m", name)
            assert not key.verifies(b"\xff" * 256, b"m", name)
