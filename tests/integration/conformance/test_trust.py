"""PROTOCOL §2.3–2.6: whose word counts: signer, proof, origin, and never a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import orjson
import pytest
import rfc8785

from federation.signatures.keys import keys_of_actor, to_base58btc
from federation.signatures.proofs import sign_proof, verify_proof
from hub.entries import answers
from hub.entries.models import Reply
from hub.fediverse import follows
from tests.conftest import Running, started
from tests.integration.conformance.peer import (
    ACTIVITY,
    AS2,
    PUBLIC,
    Document,
    Peer,
    entry_of,
    listed,
    log_of,
    post_event,
    replies_of,
)

PROVING = [AS2, "https://w3id.org/security/data-integrity/v1"]


@pytest.fixture
def mallory(hub: Running) -> Peer:
    """A server that nobody here follows."""
    return Peer(hub, "evil.example")


async def _followed(peer: Peer) -> Document:
    """A Create of a followed author, whose server also serves the thing."""
    await peer.be_followed()
    thing = peer.serve(peer.event(name="As its author said it"))
    return peer.activity("Create", thing)


# -------------------------------------------------------------------- who is not the actor


async def test_ap_21_a_stranger_cannot_speak_for_another(peer: Peer, mallory: Peer) -> None:
    said = await _followed(peer)
    before = len(await log_of(peer.hub))
    assert (await mallory.post(said)).status_code == 401
    assert (await mallory.post({**said, "actor": mallory.uri("ada")})).status_code in {400, 401}
    await peer.hub.work()
    assert len(await log_of(peer.hub)) == before
    assert await listed(peer.hub) == []


async def test_ap_21_with_a_valid_proof_the_actor_is_believed(peer: Peer, mallory: Peer) -> None:
    said = await _followed(peer)
    proven = sign_proof({**said, "@context": PROVING}, peer.keys["ada"], datetime.now(UTC))
    assert (await mallory.post(proven)).status_code == 202
    await peer.hub.work()
    assert [each["uri"] for each in await listed(peer.hub)] == [said["object"]["id"]]


async def test_ap_21_what_a_followed_server_passes_on_is_fetched(peer: Peer, mallory: Peer) -> None:
    await mallory.be_followed()
    thing = peer.serve(peer.event(name="As its author said it"))
    said = peer.activity("Create", {**thing, "name": "Forged"})
    assert (await mallory.post(said)).status_code == 202
    await peer.hub.work()
    assert [each["title"] for each in await listed(peer.hub)] == ["As its author said it"]
    assert peer.fetches(thing["id"]) == 1
    forged = peer.activity("Create", {**peer.event(), "name": "Never said"})
    assert (await mallory.post(forged)).status_code == 202
    await peer.hub.work()
    assert len(await listed(peer.hub)) == 1
    follow = peer.activity("Follow", f"{peer.hub.url}/actors/events", to=None)
    assert (await mallory.post(follow)).status_code == 202
    await peer.hub.work()
    async with peer.hub.services.db.read() as session:
        assert await follows.followers(session) == []


# ---------------------------------------------------------------------------------- proofs


def _proven(peer: Peer, said: Document, *, who: str = "ada", **changes: Any) -> Document:
    """An activity with a proof by somebody's key, whose members may be others than usual."""
    keys, moment = peer.keys[who], datetime.now(UTC)
    signed = sign_proof({**said, "@context": PROVING}, keys, moment)
    config = {name: value for name, value in signed["proof"].items() if name != "proofValue"}
    config |= changes
    bare = {name: value for name, value in signed.items() if name != "proof"}
    digest = sha256(rfc8785.dumps(config)).digest() + sha256(rfc8785.dumps(bare)).digest()
    return {**bare, "proof": {**config, "proofValue": to_base58btc(keys.ed25519.sign(digest))}}


async def test_ap_22_a_proof_that_holds_counts(peer: Peer, mallory: Peer) -> None:
    said = await _followed(peer)
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await mallory.post(_proven(peer, said, expires=later))).status_code == 202


@pytest.mark.parametrize("name", ["id", "object", "to", "more"])
async def test_ap_22_a_changed_value_breaks_it(peer: Peer, mallory: Peer, name: str) -> None:
    said = _proven(peer, await _followed(peer))
    changed: Document = {
        "id": f"{peer.origin}/activities/other",
        "object": {**said["object"], "name": "Forged"},
        "to": [PUBLIC, PUBLIC],
        "more": 1,
    }
    assert (await mallory.post({**said, name: changed[name]})).status_code == 401


async def test_ap_22_another_key_an_end_and_a_foreign_method_break_it(
    peer: Peer, mallory: Peer
) -> None:
    said = await _followed(peer)
    passed = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    theirs = mallory.keys["ada"].ed25519_id
    wrong_key = {**_proven(peer, said), "proof": _proven(peer, said, who="bob")["proof"]}
    wrong_key["proof"]["verificationMethod"] = peer.keys["ada"].ed25519_id
    for broken in (
        _proven(peer, said, expires=passed),
        _proven(peer, said, who="bob"),
        _proven(peer, said, proofPurpose="authentication"),
        _proven(peer, said, verificationMethod=peer.keys["ada"].rsa_id),
        _proven(mallory, said),
        _proven(mallory, said, verificationMethod=theirs),
        wrong_key,
    ):
        assert (await mallory.post(broken)).status_code == 401, broken["proof"]
    await peer.hub.work()
    assert await listed(peer.hub) == []


async def test_ap_22_a_key_that_signs_requests_alone_proves_nothing(
    peer: Peer, mallory: Peer
) -> None:
    said = await _followed(peer)
    document = peer.actor("ada")
    document["authentication"] = document.pop("assertionMethod")
    peer.serve(document)
    peer.hub.hub.site.keyring.forget(peer.uri("ada"))
    assert (await mallory.post(_proven(peer, said))).status_code == 401


async def test_ap_23_what_is_public_bears_a_proof_that_holds(peer: Peer) -> None:
    hub = peer.hub
    await peer.follow("events")
    await peer.follow("relay")
    event = await post_event(hub)
    path = f"/api/v1/events/{event['id']}"
    await hub.web.patch(path, json={"title": "Mending day"}, headers=hub.steward)
    await hub.web.post(f"{path}/cancel", headers=hub.steward)
    await hub.web.delete(path, headers=hub.steward)
    await hub.work()
    public = [said for said in peer.mail() if PUBLIC in said.get("to", [])]
    assert {said["type"] for said in public} == {"Create", "Update", "Delete", "Announce"}
    for said in public:
        actor = (await hub.web.get(said["actor"], headers=ACTIVITY)).json()
        (key,) = keys_of_actor(actor, ("assertionMethod",))
        verify_proof(said, key, datetime.now(UTC))
        assert said["proof"]["cryptosuite"] == "eddsa-jcs-2022"
        assert "signature" not in said
    outbox = (await hub.web.get("/actors/relay/outbox?page=1", headers=ACTIVITY)).json()
    assert all("proof" in said for said in outbox["orderedItems"])


async def test_ap_23_what_is_private_bears_none(peer: Peer) -> None:
    hub = peer.hub
    await peer.be_followed()
    await follows.unfollow(hub.services, peer.uri("ada"))
    await peer.follow()
    note = peer.event(
        type="Note",
        to=[f"{hub.url}/actors/events"],
        cc=[],
        tag=[{"type": "Mention", "href": f"{hub.url}/actors/events"}],
    )
    await peer.create(note)
    (message,) = await replies_of(hub)
    async with hub.services.db.write() as session:
        found = await session.get_one(Reply, message.id)
        await answers.answer(session, hub.services, found, "Yes, come along.")
    await hub.work()
    kinds = [said["type"] for said in peer.mail()]
    assert sorted(kinds) == ["Accept", "Create", "Follow", "Undo"]
    for said in peer.mail():
        assert "proof" not in said, said["type"]
        assert PUBLIC not in orjson.dumps(said).decode()


LD_SIGNATURE = {
    "type": "RsaSignature2017",
    "creator": "https://peer.example/users/ada#main-key",
    "created": "2026-01-01T00:00:00Z",
    "signatureValue": "AAAA",
}


async def test_ap_24_an_ld_signature_neither_helps_nor_harms(peer: Peer, mallory: Peer) -> None:
    said = {**await _followed(peer), "signature": LD_SIGNATURE}
    assert (await mallory.post(said)).status_code == 401
    await peer.tell(said)
    assert [each["uri"] for each in await listed(peer.hub)] == [said["object"]["id"]]
    again = peer.activity("Create", peer.event())
    proven = sign_proof({**again, "@context": PROVING}, peer.keys["ada"], datetime.now(UTC))
    assert (await mallory.post({**proven, "signature": LD_SIGNATURE})).status_code == 202
    await peer.hub.work()
    assert len(await listed(peer.hub)) == 2


# --------------------------------------------------------------------------------- replays


async def test_ap_25_a_replayed_post_has_no_second_effect(peer: Peer) -> None:
    hub = peer.hub
    await peer.be_followed()
    thing = peer.event()
    said = [
        peer.activity("Create", thing),
        peer.activity("Follow", f"{hub.url}/actors/events", to=None),
        peer.activity("Delete", thing["id"]),
    ]
    posts = [(orjson.dumps(each), peer.signed(orjson.dumps(each))) for each in said]
    for body, headers in posts:
        assert (await peer.raw(body, headers)).status_code == 202
        await hub.work()
    log, mail = await log_of(hub), peer.mail()
    for body, headers in posts:
        assert (await peer.raw(body, headers)).status_code == 202
    # A new process remembers no signatures, but what was kept.
    async with started(hub.services.settings, hub.wire) as again:
        for body, headers in posts:
            answer = await again.web.post("/inbox", content=body, headers=headers)
            assert answer.status_code == 202
        await again.work()
    assert await log_of(hub) == log
    assert peer.mail() == mail
    assert await listed(hub) == []
    entry = await entry_of(hub, thing["id"])
    assert entry is not None
    assert entry.deleted_at is not None


@pytest.mark.parametrize("form", ["id", "object", "tombstone"])
async def test_ap_26_the_end_of_a_stranger_costs_no_request(peer: Peer, form: str) -> None:
    ada = peer.uri("ada")
    kind = {"object": "Person", "tombstone": "Tombstone"}.get(form)
    thing: Any = ada if kind is None else {"id": ada, "type": kind}
    assert (await peer.post(peer.activity("Delete", thing))).status_code == 202
    peer.hub.wire.down.add(peer.host)
    assert (await peer.post(peer.activity("Delete", thing))).status_code == 202
    await peer.hub.work()
    assert peer.hub.wire.dials == []
    assert await log_of(peer.hub) == []
