"""Passkeys: a device signs a challenge of ours, for this hub alone, once, in one browser."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hub.mail.models import Mail
from hub.people import begun, knocking, passkey_pages, service
from hub.people.models import Begun, Passkey, Person, Session
from tests.authenticator import Authenticator
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.visitor import Visitor, csrf, visiting

ORIGIN = "https://hub.example"
REFUSED = {403, 410, 422}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
async def ann(hub: Running) -> AsyncIterator[Visitor]:
    """Somebody who is signed in, and can be written to."""
    async with visiting(hub) as visitor:
        await visitor.sign_in("member")
        async with hub.services.db.write() as session:
            (await _ann(session)).email = "ann@mail.example"
        yield visitor


async def _ann(session: AsyncSession) -> Person:
    person = await session.scalar(select(Person).where(Person.name == "Ann"))
    assert person is not None
    return person


async def _ask(visitor: Visitor, page: str, path: str) -> dict[str, Any]:
    """The challenge that a page's script asks for."""
    data = {"csrf": csrf(await visitor.get(page))}
    answer = await visitor.web.post(path, data=data, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    options: dict[str, Any] = answer.json()
    return options


async def _options_to_add(visitor: Visitor) -> dict[str, Any]:
    return await _ask(visitor, "/me", "/me/passkeys/challenge")


async def _options(visitor: Visitor) -> dict[str, Any]:
    return await _ask(visitor, "/sign-in", "/sign-in/passkey/challenge")


async def _add(visitor: Visitor, device: Authenticator, name: str = "Telephone") -> httpx2.Response:
    credential = device.create(await _options_to_add(visitor))
    return await _send_new(visitor, credential, name)


async def _send_new(visitor: Visitor, credential: str, name: str = "Phone") -> httpx2.Response:
    page = await visitor.get("/me")
    return await visitor.send(
        page, "/me/passkeys", **{"passkey-name": name, "credential": credential}
    )


async def _send(visitor: Visitor, credential: str) -> httpx2.Response:
    page = await visitor.get("/sign-in")
    return await visitor.send(page, "/sign-in/passkey", credential=credential)


async def _keys(hub: Running) -> list[Passkey]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Passkey)))


async def _count(hub: Running, table: type[Session | Begun]) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def _letters(hub: Running) -> list[str]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(Mail.subject).order_by(Mail.created_at)))


async def test_a_passkey_is_added_signs_in_is_listed_and_removed(
    hub: Running, ann: Visitor
) -> None:
    device = Authenticator(ORIGIN)
    options = await _options_to_add(ann)
    assert options["rp"] == {"id": "hub.example", "name": "Hub"}
    assert options["user"]["name"] == "ann@mail.example"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    answer = await _send_new(ann, device.create(options), "Ann’s telephone")
    assert answer.headers["location"] == "/me?said=passkey"
    assert "not used yet" in (await ann.get("/me")).text
    (key,) = await _keys(hub)
    assert [each["id"] for each in (await _options_to_add(ann))["excludeCredentials"]] == [key.id]

    async with visiting(hub) as elsewhere:
        options = await _options(elsewhere)
        assert options["rpId"] == "hub.example"
        assert options["userVerification"] == "required"
        assert "allowCredentials" not in options  # the device knows whose it is
        answer = await _send(elsewhere, device.get(options))
        assert answer.headers["location"] == "/"
        page = await elsewhere.get("/me")
        assert "Ann’s telephone" in page.text
        assert "last used" in page.text
        (key,) = await _keys(hub)
        assert key.sign_count == 1
        gone = await elsewhere.send(page, "/me/passkeys/remove", passkey=key.id)
        assert gone.headers["location"] == "/me?said=no-passkey"
    assert await _keys(hub) == []
    assert await _letters(hub) == ["A passkey was added", "A passkey was removed"]
    async with visiting(hub) as elsewhere:
        refused = await _send(elsewhere, device.get(await _options(elsewhere)))
        assert refused.status_code == 403
        assert "sign in by e-mail" in refused.text


async def test_the_same_key_added_and_removed_twice_is_told_each_time(
    hub: Running, ann: Visitor, clock: Clock
) -> None:
    for _ in range(2):
        await _add(ann, Authenticator(ORIGIN))
        (key,) = await _keys(hub)
        await ann.send(await ann.get("/me"), "/me/passkeys/remove", passkey=key.id)
        clock.pass_by(hours=1)
    assert len(await _letters(hub)) == 4


ELSEWHERE = {
    "origin": Authenticator("https://evil.example"),
    "scheme": Authenticator("http://hub.example"),
    "port": Authenticator("https://hub.example:8443"),
    "subdomain": Authenticator("https://www.hub.example"),
    "rp id": Authenticator(ORIGIN, rp_id="evil.example"),
    "nobody verified": Authenticator(ORIGIN, verifies=False),
    "frame": Authenticator(ORIGIN, frame=True),
}


async def test_e8_a_device_that_stands_elsewhere_is_refused(hub: Running, ann: Visitor) -> None:
    good = Authenticator(ORIGIN)
    for why, device in ELSEWHERE.items():
        assert (await _add(ann, device)).status_code == 422, why
    assert await _keys(hub) == []
    await _add(ann, good)
    sessions = await _count(hub, Session)
    async with visiting(hub) as elsewhere:
        for why, device in ELSEWHERE.items():
            signed = device.get(await _options(elsewhere), good.keys[0])
            assert (await _send(elsewhere, signed)).status_code == 422, why
    assert await _count(hub, Session) == sessions


async def test_e8_a_challenge_is_answered_once(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN)
    made = device.create(await _options_to_add(ann))
    assert (await _send_new(ann, made)).status_code == 303
    assert (await _send_new(ann, made)).status_code == 410
    async with visiting(hub) as elsewhere:
        options = await _options(elsewhere)
        signed = device.get(options)
        before = dict(elsewhere.web.cookies)
        assert (await _send(elsewhere, signed)).status_code == 303
        elsewhere.web.cookies.clear()
        elsewhere.web.cookies.update(before)  # the very browser that asked
        assert (await _send(elsewhere, signed)).status_code == 410
        again = device.get(options)  # another signature of the same challenge
        assert (await _send(elsewhere, again)).status_code == 410


async def test_e8_a_challenge_that_failed_is_used_up(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    async with visiting(hub) as elsewhere:
        options = await _options(elsewhere)
        bad = json.loads(device.get(options))
        bad["response"]["signature"] = bad["response"]["signature"][::-1]
        assert (await _send(elsewhere, json.dumps(bad))).status_code == 422
        assert (await _send(elsewhere, device.get(options))).status_code == 410


async def test_e8_a_challenge_is_for_one_browser_one_person_and_one_purpose(
    hub: Running, ann: Visitor
) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    async with visiting(hub) as one, visiting(hub) as other, visiting(hub) as bob:
        signed = device.get(await _options(one))
        assert (await _send(other, signed)).status_code == 410
        assert (await _send(one, signed)).status_code == 303
        await bob.sign_in("member")
        assert (await _send_new(bob, device.create(await _options_to_add(ann)))).status_code == 410
        asked = await _options_to_add(ann)
        signed = device.get(asked, device.keys[0])  # asked for to add one, not to sign in
        wrong = await ann.send(await ann.get("/me"), "/sign-in/passkey", credential=signed)
        assert wrong.status_code == 410
    assert len(await _keys(hub)) == 1


async def test_e8_a_challenge_runs_out_and_is_forgotten(
    hub: Running, ann: Visitor, clock: Clock
) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    async with visiting(hub) as elsewhere:
        signed = device.get(await _options(elsewhere))
        assert await _count(hub, Begun) == 1
        clock.pass_by(seconds=begun.LASTS.total_seconds())
        assert (await _send(elsewhere, signed)).status_code == 410
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert await _count(hub, Begun) == 0


async def test_e8_a_copy_is_noticed_and_its_owner_told(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    async with visiting(hub) as thief:
        device.keys[0].count = 5
        assert (await _send(thief, device.get(await _options(thief)))).status_code == 303
    async with visiting(hub) as owner:
        device.keys[0].count = 2
        refused = await _send(owner, device.get(await _options(owner)))
        assert refused.status_code == 403
        assert "copied" in refused.text
    assert await _letters(hub) == ["A passkey was added", "A passkey was refused"]


async def test_a_device_that_does_not_count_is_welcome(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN, counts=False)
    await _add(ann, device)
    for _ in range(2):
        async with visiting(hub) as elsewhere:
            signed = device.get(await _options(elsewhere))
            assert (await _send(elsewhere, signed)).status_code == 303


async def test_a_count_beyond_two_to_the_31_is_kept(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    device.keys[0].count = 2**32 - 2
    async with visiting(hub) as elsewhere:
        assert (await _send(elsewhere, device.get(await _options(elsewhere)))).status_code == 303
    assert [key.sign_count for key in await _keys(hub)] == [2**32 - 1]


async def test_e8_a_key_of_somebody_else_is_refused(hub: Running, ann: Visitor) -> None:
    device, other = Authenticator(ORIGIN), Authenticator(ORIGIN)
    await _add(ann, device)
    await _add(ann, other)
    async with visiting(hub) as elsewhere:
        # The right id with another key's signature, and the right signature for another person.
        forged = json.loads(other.get(await _options(elsewhere)))
        forged["id"] = forged["rawId"] = json.loads(device.get({"challenge": "AA"}))["id"]
        assert (await _send(elsewhere, json.dumps(forged))).status_code == 422
        device.keys[0].user = secrets.token_bytes(16)
        stranger = device.get(await _options(elsewhere))
        assert (await _send(elsewhere, stranger)).status_code == 403


async def test_a_key_is_nobody_elses_to_remove_or_to_add_again(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    (key,) = await _keys(hub)
    async with visiting(hub) as bob:
        await bob.sign_in("member")
        await bob.send(await bob.get("/me"), "/me/passkeys/remove", passkey=key.id)
        again = Authenticator(ORIGIN)
        made = json.loads(again.create(await _options_to_add(bob)))
        made["id"] = made["rawId"] = key.id
        assert (await _send_new(bob, json.dumps(made))).status_code == 422
    assert [each.person_id for each in await _keys(hub)] == [key.person_id]


async def test_what_no_device_says_is_refused_in_plain_words(hub: Running, ann: Visitor) -> None:
    value: Any
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    async with visiting(hub) as elsewhere:
        for spoil in (
            "",
            "[]",
            "null",
            "{}",
            '{"response": 7}',
            '{"response": {"clientDataJSON": "%%%"}}',
            "x" * 20_000,
        ):
            answer = await _send(elsewhere, spoil)
            assert answer.status_code == 422, spoil[:40]
            assert "try once more" in answer.text
            assert (await _send_new(ann, spoil)).status_code == 422
        for part in ("authenticatorData", "signature", "clientDataJSON", "userHandle"):
            for value in (None, "", "AAAA", "\N{SNOWMAN}", {}):
                good = json.loads(device.get(await _options(elsewhere)))
                good["response"][part] = value
                spoilt = await _send(elsewhere, json.dumps(good))
                assert spoilt.status_code in REFUSED, (part, value)
                hub.services.rates.clear()
    for value in (None, 7, "", "AAAA", "oA", "\N{SNOWMAN}", {}, "_" * 9000):
        made = json.loads(device.create(await _options_to_add(ann)))
        made["response"]["attestationObject"] = value
        assert (await _send_new(ann, json.dumps(made))).status_code in REFUSED, value


async def test_an_attestation_that_was_not_asked_for_is_refused(hub: Running, ann: Visitor) -> None:
    for kind in ("tpm", "apple", "android-key", "fido-u2f", "unheard-of"):
        assert (await _add(ann, Authenticator(ORIGIN, format=kind))).status_code == 422
    assert await _keys(hub) == []


LIMITS = (knocking.SIGN_INS_FROM, knocking.CHALLENGES_FROM)


async def test_e9_tries_and_challenges_are_limited(
    hub: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    knocked = [knocking.Limit(each.name, 3, each.within_s, each.told) for each in LIMITS]
    for name, limit in zip(("SIGN_INS_FROM", "CHALLENGES_FROM"), knocked, strict=True):
        monkeypatch.setattr(passkey_pages, name, limit)
    async with visiting(hub) as visitor:
        page = await visitor.get("/sign-in")
        for _ in range(3):
            tried = await visitor.send(page, "/sign-in/passkey", credential="{}")
            assert tried.status_code == 422
        refused = await visitor.send(page, "/sign-in/passkey", credential="{}")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 60
        for _ in range(3):
            assert (await visitor.send(page, "/sign-in/passkey/challenge")).status_code == 200
        assert (await visitor.send(page, "/sign-in/passkey/challenge")).status_code == 429


async def test_b9_what_was_begun_is_bounded(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begun, "MOST_BEGUN", 2)
    async with visiting(hub) as visitor:
        page = await visitor.get("/sign-in")
        answers = [await visitor.send(page, "/sign-in/passkey/challenge") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 503]


async def test_d4_who_is_shut_out_or_leaves_has_no_passkey_any_more(
    hub: Running, ann: Visitor
) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    await _options_to_add(ann)
    async with hub.services.db.write() as session:
        person = await _ann(session)
        await service.shut_out(session, person.id)
        await service.let_in(session, person.id)
    assert await _keys(hub) == []
    assert await _count(hub, Begun) == 0
    async with visiting(hub) as elsewhere:
        refused = await _send(elsewhere, device.get(await _options(elsewhere)))
        assert refused.status_code == 403


async def test_e11_signing_in_ends_the_session_before(hub: Running, ann: Visitor) -> None:
    device = Authenticator(ORIGIN)
    await _add(ann, device)
    sessions = await _count(hub, Session)
    page = await ann.get("/me")  # somebody signed in gets no sign-in page, but can send its form
    headers = {"accept": "application/json"}
    data = {"csrf": csrf(page)}
    asked = await ann.web.post("/sign-in/passkey/challenge", data=data, headers=headers)
    answer = await ann.send(page, "/sign-in/passkey", credential=device.get(asked.json()))
    assert answer.status_code == 303
    assert await _count(hub, Session) == sessions


async def test_without_being_signed_in_nothing_is_added(hub: Running) -> None:
    async with visiting(hub) as visitor:
        page = await visitor.get("/sign-in")
        for path in ("/me/passkeys/challenge", "/me/passkeys", "/me/passkeys/remove"):
            assert (await visitor.send(page, path)).status_code == 401
        assert (await visitor.web.post("/sign-in/passkey/challenge")).status_code in {403, 422}


async def test_a_hub_that_has_only_an_address_offers_none(make_hub: MakeHub) -> None:
    hub = await make_hub("hub.example", url="http://127.0.0.1:8000")
    async with visiting(hub) as visitor:
        page = await visitor.get("/sign-in")
        assert "passkey" not in page.text
        assert (await visitor.send(page, "/sign-in/passkey/challenge")).status_code == 409


async def test_a_person_has_so_many_and_no_more(
    hub: Running, ann: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.people.passkeys.MOST_PASSKEYS", 1)
    late = Authenticator(ORIGIN).create(await _options_to_add(ann))
    await _add(ann, Authenticator(ORIGIN))
    assert (await _send_new(ann, late)).status_code == 409
    page = await ann.get("/me")
    assert (await ann.send(page, "/me/passkeys/challenge")).status_code == 409
