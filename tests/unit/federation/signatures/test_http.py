"""Signed requests: what leaves, and what is believed of what comes in."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import BadUrl, SignatureInvalid, SignatureMissing
from federation.signatures import cavage, rfc9421
from federation.signatures.digest import digest_header
from federation.signatures.http import (
    Claim,
    Request,
    Scheme,
    check,
    read_claim,
    sign_request,
)
from federation.signatures.keys import PublicKey, SigningKeys, generate_keys

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ACTOR = "https://hub.example/actors/events"
ORIGIN = "https://peer.example"
INBOX = f"{ORIGIN}/inbox"
BODY = (
    b'{"@context":["https://www.w3.org/ns/activitystreams",'
    b'"https://w3id.org/security/data-integrity/v1"],"actor":"https://hub.example/actors/events",'
    b'"id":"https://hub.example/activities/1","object":"https://peer.example/n/1","type":"Like"}'
)
SCHEMES: tuple[Scheme, ...] = ("cavage", "rfc9421")


@cache
def keys() -> SigningKeys:
    return replace(
        generate_keys(ACTOR), ed25519=Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    )


def received(
    headers: dict[str, str], target: str = "/inbox", method: str = "POST", body: bytes = BODY
) -> Request:
    return Request(method, target, tuple((n.lower(), v) for n, v in headers.items()), body)


def claim(request: Request, **changes: Any) -> Claim:
    policy: dict[str, Any] = {
        "hosts": lambda authority: authority == "peer.example",
        "now": NOW,
        "past": timedelta(hours=1),
        "future": timedelta(hours=1),
        "origin": ORIGIN,
        **changes,
    }
    return read_claim(request, **policy)


def holds(request: Request, key: PublicKey | None = None, **changes: Any) -> bool:
    return check(claim(request, **changes), key or keys().public_keys[0])


def signed(scheme: Scheme = "cavage", **options: Any) -> dict[str, str]:
    options = {"scheme": scheme, "now": NOW, **options}
    return sign_request(keys(), "POST", INBOX, BODY, **options)


def test_annex_a_digest_and_signing_string() -> None:
    headers = signed()
    assert len(BODY) == 234
    assert headers["Digest"] == "SHA-256=7hLVRQ4zEFJlgVn6vCF1mXhvPvsi28C6MeFz6OhNTSA="
    assert headers["Date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert 'headers="(request-target) host date digest content-type"' in headers["Signature"]
    found = claim(received(headers))
    assert sha256(found.messages[0]).hexdigest() == (
        "17a64759e09b0892cfa203b549d10b2da58597c67a22d465c6c1275c5a408fd1"
    )
    assert found.key_id == f"{ACTOR}#main-key"
    assert check(found, keys().public_keys[0])


def test_ap_19_annex_a_rfc_9421_signature() -> None:
    message = rfc9421.Message(
        "POST",
        "https",
        "peer.example",
        "/inbox",
        {"content-digest": ("sha-256=:7hLVRQ4zEFJlgVn6vCF1mXhvPvsi28C6MeFz6OhNTSA=:",)},
    )
    given_: dict[str, rfc9421.Bare] = {"created": 1767323045, "keyid": keys().ed25519_id}
    names = ("@method", "@target-uri", "content-digest")
    signature_input, signature = rfc9421.sign(keys().ed25519, message, names, given_)
    assert signature_input == (
        'sig1=("@method" "@target-uri" "content-digest");created=1767323045;'
        f'keyid="{ACTOR}#ed25519-key"'
    )
    expected = (
        "3X68UJXymSZI2pwIi4OsgGQkJfpVKZEc0hk0JD/oJcPcIk0vT6Z3bCK6CYCpKpMPDHsjXf4Nc1VDO3rXWApBAQ=="
    )
    assert signature == f"sig1=:{expected}:"
    headers = {
        "host": "peer.example",
        "content-digest": message.headers["content-digest"][0],
        "signature-input": signature_input,
        "signature": signature,
    }
    found = claim(received(headers))
    assert found.messages[0].decode().split("\n") == [
        '"@method": POST',
        '"@target-uri": https://peer.example/inbox',
        '"content-digest": sha-256=:7hLVRQ4zEFJlgVn6vCF1mXhvPvsi28C6MeFz6OhNTSA=:',
        f'"@signature-params": {signature_input[5:]}',
    ]
    assert found.signature == b64decode(expected)
    assert check(found, keys().public_keys[1])
    assert not check(found, keys().public_keys[0])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ap_14_what_we_sign_we_verify(scheme: Scheme) -> None:
    assert holds(received(signed(scheme)))
    get = sign_request(keys(), "GET", f"{ORIGIN}/a?b=c", None, scheme=scheme, now=NOW, accept="x/y")
    assert get["Accept"] == "x/y"
    assert "Content-Type" not in get
    assert holds(received(get, "/a?b=c", "GET", b""))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_known_digest_is_not_made_again(scheme: Scheme) -> None:
    assert signed(scheme, digest=digest_header(BODY)) == signed(scheme)


def test_our_rfc_9421_names_what_mastodon_needs() -> None:
    headers = signed("rfc9421")
    assert headers["Signature-Input"] == (
        'sig1=("@method" "@target-uri" "content-digest");created=1767323045;'
        f'keyid="{ACTOR}#main-key";alg="rsa-v1_5-sha256"'
    )
    assert "Digest" not in headers


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://peer.example", "peer.example", "/"),
        ("https://PEER.example:443/Inbox", "peer.example", "/Inbox"),
        ("https://peer.example:8443/inbox?", "peer.example:8443", "/inbox"),
        ("http://peer.example:80?a#b", "peer.example", "/?a"),
        ("http://[::1]:8001/x", "[::1]:8001", "/x"),
        ("https://bücher.example/é?ü", "xn--bcher-kva.example", "/%C3%A9?%C3%BC"),
        ("https://peer.example/a%20b", "peer.example", "/a%20b"),
    ],
)
def test_a_request_is_signed_as_it_travels(url: str, host: str, target: str) -> None:
    headers = sign_request(keys(), "GET", url, None, now=NOW)
    assert headers["Host"] == host
    request = received(headers, target, "GET", b"")
    assert holds(
        request, hosts=lambda authority: authority == host, origin=url.partition(":")[0] + "://x"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "peer.example",
        "ftp://peer.example",
        "https://a@peer.example/",
        "https://a b/",
        "https://\ud800/",
        "https://peer.example/\n",
    ],
)
def test_a_request_to_nowhere_is_not_signed(url: str) -> None:
    with pytest.raises(BadUrl):
        sign_request(keys(), "GET", url, None, now=NOW)


def test_a_request_without_signature_is_told_apart() -> None:
    with pytest.raises(SignatureMissing):
        claim(received({"Host": "peer.example"}))
    with pytest.raises(SignatureMissing):
        claim(received({"Host": "peer.example", "Authorization": "Bearer x"}))


def test_the_signature_may_stand_under_authorization() -> None:
    headers = signed()
    headers["Authorization"] = f"Signature {headers.pop('Signature')}"
    assert holds(received(headers))


def custom(
    covered: str,
    headers: dict[str, str] | None = None,
    extra: str = 'algorithm="rsa-sha256"',
    target: str = "/inbox",
    method: str = "post",
    key: Any = None,
    times: dict[str, str] | None = None,
) -> Request:
    """A request that somebody else signed in draft-cavage, in a way of his own."""
    headers = {
        "host": "peer.example",
        "date": "Fri, 02 Jan 2026 03:04:05 GMT",
        "digest": digest_header(BODY),
        "content-type": "application/activity+json",
        "content-length": str(len(BODY)),
        "user-agent": "x/1",
        **(headers or {}),
    }
    names = covered.lower().split()
    values = {**headers, "(request-target)": f"{method} {target}", **(times or {})}
    value = cavage.sign(keys().rsa, f"{ACTOR}#main-key", {name: values[name] for name in names})
    signature = value.rpartition('signature="')[2]
    header = f'{extra},keyId="{ACTOR}#main-key",headers="{covered}",signature="{signature}'
    return Request("POST", "/inbox", (*headers.items(), ("signature", header.lstrip(","))), BODY)


def test_m6_more_headers_may_be_signed_than_asked_in_any_case_and_order() -> None:
    assert holds(custom("Content-Length User-Agent DATE Digest Host (Request-Target) content-type"))


@pytest.mark.parametrize("extra", ["", 'algorithm="rsa-sha256"', 'algorithm="hs2019"'])
def test_ap_15_the_usual_algorithm_names_are_taken(extra: str) -> None:
    assert holds(custom("(request-target) host date digest", extra=extra))


@pytest.mark.parametrize("extra", ['algorithm="rsa-sha512"', 'algorithm="ed25519"'])
def test_a_signature_holds_only_under_its_algorithm(extra: str) -> None:
    assert not holds(custom("(request-target) host date digest", extra=extra))


@pytest.mark.parametrize("minutes", [-59, -50, 0, 50, 59])
def test_ap_15_a_date_near_now_is_taken(minutes: int) -> None:
    for scheme in SCHEMES:
        assert holds(received(signed(scheme)), now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-61, 61, 60 * 24 * 365])
def test_ap_16_a_date_far_from_now_is_refused(minutes: int) -> None:
    for scheme in SCHEMES:
        with pytest.raises(SignatureInvalid):
            claim(received(signed(scheme)), now=NOW + timedelta(minutes=minutes))


def test_the_window_can_be_set() -> None:
    late = NOW + timedelta(hours=11)
    assert holds(received(signed()), now=late, past=timedelta(hours=12))
    with pytest.raises(SignatureInvalid):
        claim(received(signed()), now=NOW - timedelta(minutes=2), future=timedelta(minutes=1))


@pytest.mark.parametrize(
    "covered",
    [
        "host date digest",
        "(request-target) date digest",
        "(request-target) host digest",
        "(request-target) host date",
        "date",
    ],
)
def test_ap_16_what_covers_too_little_is_refused(covered: str) -> None:
    with pytest.raises(SignatureInvalid):
        claim(custom(covered))


def test_a_signed_header_that_is_missing_is_refused() -> None:
    request = custom("(request-target) host date digest x", {"x": "a"})
    assert holds(request)
    with pytest.raises(SignatureInvalid):
        claim(_without(request, "x"))


def _without(request: Request, *names: str) -> Request:
    return replace(request, headers=tuple(h for h in request.headers if h[0] not in names))


@pytest.mark.parametrize("name", ["host", "date", "digest", "signature"])
def test_a11_a_header_that_counts_stands_once(name: str) -> None:
    request = custom("(request-target) host date digest")
    assert holds(request)
    value = dict(request.headers)[name]
    for twice in ((*request.headers, (name, value)), ((name.upper(), value), *request.headers)):
        with pytest.raises(SignatureInvalid):
            claim(replace(request, headers=twice))
    with pytest.raises((SignatureInvalid, SignatureMissing)):
        claim(_without(request, name))


def test_a11_another_body_is_refused() -> None:
    for scheme in SCHEMES:
        with pytest.raises(SignatureInvalid):
            claim(replace(received(signed(scheme)), body=BODY + b" "))


def test_a11_a_digest_changed_with_the_body_does_not_hold() -> None:
    headers = signed()
    headers["Digest"] = digest_header(b"other")
    assert not holds(replace(received(headers), body=b"other"))


@pytest.mark.parametrize(
    "host",
    ["", "other.example", "peer.example.other.example", "peer.example:8443", "peer.example, x"],
)
def test_ap_16_a_request_for_another_host_is_refused(host: str) -> None:
    for scheme in SCHEMES:
        with pytest.raises(SignatureInvalid):
            claim(received({**signed(scheme), "Host": host}))


def test_our_host_may_be_written_with_port_and_capitals() -> None:
    assert holds(custom("(request-target) host date digest", {"host": "Peer.Example:443"}))


def test_a12_a_request_for_one_path_does_not_hold_for_another() -> None:
    for scheme in SCHEMES:
        assert not holds(received(signed(scheme), "/actors/a/inbox"))
        assert not holds(received(signed(scheme), method="PUT"))


@pytest.mark.parametrize(
    "name", ["acct:a@hub.example", "main-key", "", "did:key:z6Mk", "//a/b", "file:///a"]
)
def test_ap_16_a_key_that_is_no_address_is_refused(name: str) -> None:
    request = custom("(request-target) host date digest")
    header = dict(request.headers)["signature"].replace(f"{ACTOR}#main-key", name)
    with pytest.raises(SignatureInvalid):
        claim(_with(request, "signature", header))


def _with(request: Request, name: str, value: str) -> Request:
    return replace(request, headers=(*_without(request, name).headers, (name, value)))


@pytest.mark.parametrize(
    ("signed_target", "target"),
    [("/inbox?a=b", "/inbox?a=b"), ("/inbox", "/inbox?a=b"), ("/inbox", "/inbox")],
)
def test_ap_15_a_query_may_be_signed_or_left_out(signed_target: str, target: str) -> None:
    request = custom("(request-target) host date digest", target=signed_target)
    assert holds(replace(request, target=target))
    other = sign_request(keys(), "POST", ORIGIN + signed_target, BODY, scheme="rfc9421", now=NOW)
    assert holds(received(other, target))


def test_a_query_that_was_not_there_does_not_hold_when_another_was_signed() -> None:
    request = custom("(request-target) host date digest", target="/inbox?a=b")
    assert not holds(replace(request, target="/inbox?a=c"))


def test_a_signature_may_sign_its_own_times() -> None:
    seconds = int(NOW.timestamp())
    request = custom(
        "(request-target) (created) (expires) host digest",
        extra=f'algorithm="hs2019",created={seconds},expires={seconds + 300}',
        times={"(created)": str(seconds), "(expires)": str(seconds + 300)},
    )
    assert holds(request)
    with pytest.raises(SignatureInvalid):
        claim(request, now=NOW + timedelta(minutes=6))
    with pytest.raises(SignatureInvalid):
        claim(request, now=NOW - timedelta(minutes=61))


def test_a_time_that_is_covered_must_be_given() -> None:
    request = custom(
        "(request-target) (created) host digest",
        extra='algorithm="hs2019"',
        times={"(created)": "1"},
    )
    with pytest.raises(SignatureInvalid):
        claim(request)


def test_a_signed_date_counts_beside_a_good_created() -> None:
    seconds = int(NOW.timestamp())
    request = custom(
        "(request-target) (created) date host digest",
        {"date": "Fri, 02 Jan 2024 03:04:05 GMT"},
        extra=f'algorithm="hs2019",created={seconds}',
        times={"(created)": str(seconds)},
    )
    with pytest.raises(SignatureInvalid):
        claim(request)


@pytest.mark.parametrize(
    "date",
    [
        "",
        "now",
        "Fri, 32 Jan 2026 03:04:05 GMT",
        "Fri, 02 Foo 2026 03:04:05 GMT",
        "2026-01-02T03:04:05Z",
        "Fri, 02 Jan 0000 03:04:05 GMT",
        "Fri, 02 Jan 2026 25:04:05 GMT",
        "Fri, 02 Jan 2026 03:04:05 +0100",
    ],
)
def test_a_date_that_cannot_be_read_is_refused(date: str) -> None:
    with pytest.raises(SignatureInvalid):
        claim(custom("(request-target) host date digest", {"date": date}))


def own_9421(
    names: tuple[str, ...], given_: dict[str, Any] | None = None, **headers: str
) -> dict[str, str]:
    """Headers that somebody else signed under RFC 9421, in a way of his own."""
    values = {
        "host": "peer.example",
        "date": "Fri, 02 Jan 2026 03:04:05 GMT",
        "content-digest": f"sha-256=:{digest_header(BODY)[8:]}:",
        **headers,
    }
    message = rfc9421.Message(
        "POST",
        "https",
        "peer.example",
        "/inbox",
        {name: (value,) for name, value in values.items()},
    )
    given_ = {"created": int(NOW.timestamp()), "keyid": keys().ed25519_id, **(given_ or {})}
    inputs, signature = rfc9421.sign(keys().ed25519, message, names, given_)
    return {**values, "signature-input": inputs, "signature": signature}


FULL = ("@method", "@target-uri", "content-digest")


def test_m8_fedify_signs_authority_host_and_date_besides() -> None:
    headers = own_9421(
        (*FULL, "@authority", "host", "date", "@path", "@query", "@request-target", "@scheme")
    )
    assert holds(received(headers), keys().public_keys[1])


@pytest.mark.parametrize("left_out", FULL)
def test_ap_19_what_is_needed_must_be_covered(left_out: str) -> None:
    headers = own_9421(tuple(name for name in FULL if name != left_out))
    with pytest.raises(SignatureInvalid):
        claim(received(headers))


@pytest.mark.parametrize(
    "given_",
    [
        {"created": int(NOW.timestamp()) - 4000},
        {"created": int(NOW.timestamp()) + 4000},
        {"created": 10**15 - 1},
        {"expires": int(NOW.timestamp()) - 1},
        {"keyid": "acct:a@hub.example"},
        {"alg": "hmac-sha256"},
    ],
)
def test_ap_19_parameters_out_of_bounds_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(SignatureInvalid):
        claim(received(own_9421(FULL, given_)))


@pytest.mark.parametrize(
    "given_", [{"expires": int(NOW.timestamp())}, {"nonce": "a"}, {"alg": "ed25519"}]
)
def test_other_parameters_are_signed_with_the_rest(given_: dict[str, Any]) -> None:
    assert holds(received(own_9421(FULL, given_)), keys().public_keys[1])


def test_ap_19_created_and_keyid_must_be_there() -> None:
    headers = own_9421(FULL)
    for gone in (f";created={int(NOW.timestamp())}", f';keyid="{keys().ed25519_id}"'):
        less = {**headers, "signature-input": headers["signature-input"].replace(gone, "")}
        with pytest.raises(SignatureInvalid):
            claim(received(less))


def test_of_several_labels_the_first_with_all_we_need_counts() -> None:
    ours = own_9421(FULL)
    headers = {
        **ours,
        "signature-input": f'proxy=("@method");created=1;keyid="p", {ours["signature-input"]}',
        "signature": f"{ours['signature']}, proxy=:AAAA:",
    }
    assert holds(received(headers), keys().public_keys[1])
    with pytest.raises(SignatureInvalid):
        claim(received({**headers, "signature": "proxy=:AAAA:"}))


def test_behind_a_proxy_the_scheme_is_that_of_our_address() -> None:
    headers = sign_request(
        keys(), "POST", "http://localhost:8001/inbox", BODY, scheme="rfc9421", now=NOW
    )
    request = received(headers)
    local: dict[str, Any] = {"hosts": {"localhost:8001", "127.0.0.1:8001"}.__contains__}
    assert holds(request, origin="http://127.0.0.1:8001", **local)
    assert not holds(request, origin="https://127.0.0.1:8001", **local)


def test_a_fingerprint_is_of_one_request_alone() -> None:
    first = claim(received(signed()))
    assert claim(received(signed())).fingerprint == first.fingerprint
    later = claim(received(signed(now=NOW + timedelta(seconds=1))))
    assert later.fingerprint != first.fingerprint
    assert replace(first, key_id="https://other.example/#k").fingerprint != first.fingerprint


NAMES = st.sampled_from(
    [
        "host",
        "date",
        "digest",
        "signature",
        "signature-input",
        "content-digest",
        "authorization",
        "x",
    ]
)
VALUES = (
    st.text(max_size=40)
    | st.sampled_from(
        ["peer.example", "Fri, 02 Jan 2026 03:04:05 GMT", digest_header(b""), f"sig1={'()'}"]
    )
    | st.text('keyIdsgnatureh="(),;@: =1', max_size=120)
)


@given(
    st.sampled_from(["POST", "GET", "", "P\nT", "É"]),
    st.text(max_size=20) | st.just("/inbox"),
    st.lists(st.tuples(NAMES, VALUES), max_size=8),
)
def test_any_request_is_a_claim_or_refused(
    method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    request = Request(method, target, (("host", "peer.example"), *headers), b"")
    try:
        found = claim(request)
    except (SignatureMissing, SignatureInvalid):
        return
    assert not check(found, keys().public_keys[0])


@given(st.sampled_from(SCHEMES), st.data())
def test_a_changed_header_holds_only_if_it_says_the_same(
    scheme: Scheme, data: st.DataObject
) -> None:
    headers = signed_once(scheme)
    name = data.draw(st.sampled_from(sorted(headers)))
    place = data.draw(st.integers(0, len(headers[name]) - 1))
    letter = data.draw(st.characters(min_codepoint=32, max_codepoint=255))
    changed = headers[name][:place] + letter + headers[name][place + 1 :]
    try:
        after = claim(received({**headers, name: changed}))
    except (SignatureInvalid, SignatureMissing):
        return
    before = claim(received(headers))
    if check(after, keys().public_keys[0]):
        assert (after.messages, after.signature) == (before.messages, before.signature)


@cache
def signed_once(scheme: Scheme) -> dict[str, str]:
    return signed(scheme)
