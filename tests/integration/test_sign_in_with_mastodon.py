"""Sign in with Mastodon: a server speaks for its own people, once, to the browser that asked."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson
import pytest
from sqlalchemy import func, select
from starlette.responses import JSONResponse, RedirectResponse, Response

from federation.testing import MemorySite
from hub.fediverse import peers
from hub.mail.models import Mail
from hub.people import begun, knocking, mastodon, service
from hub.people.models import Begun, MastodonAccount, MastodonApp, Person, Session
from tests.clock import Clock
from tests.conftest import MakeHub, Running
from tests.jobs import ask
from tests.mastodon import METADATA, VERIFY, Mastodon
from tests.visitor import Visitor, visiting

SERVER = "https://social.example"
TOLD = "did not answer as Mastodon does"


@pytest.fixture
def social(hub: Running) -> Mastodon:
    return Mastodon(SERVER, hub.wire)


async def _go(visitor: Visitor, entered: str = "@ann@social.example") -> httpx2.Response:
    return await visitor.send(await visitor.get("/sign-in"), mastodon.BACK, account=entered)


def _way(page: httpx2.Response) -> str:
    """Where the page leads, by itself and by its link."""
    assert page.status_code == 200, page.text
    ways = re.findall(r'content="0;url=([^"]+)"|class="button" href="([^"]+)"', page.text)
    assert len(ways) == 2
    assert ways[0][0] == ways[1][1]
    return html.unescape(ways[0][0])


async def _sign_in(
    visitor: Visitor, social: Mastodon, entered: str = "@ann@social.example", who: str = "ann"
) -> httpx2.Response:
    return await visitor.get(social.allow(_way(await _go(visitor, entered)), who))


async def _rows(hub: Running, table: type[Any]) -> list[Any]:
    async with hub.services.db.read() as session:
        return list(await session.scalars(select(table)))


async def _count(hub: Running, table: type[Any]) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_who_is_new_becomes_a_guest_and_is_known_the_next_time(
    hub: Running, social: Mastodon
) -> None:
    async with visiting(hub) as visitor:
        way = _way(await _go(visitor))
        assert parse_qs(urlsplit(way).query)["scope"] == ["profile"]
        answer = await visitor.get(social.allow(way))
        assert answer.headers["location"] == "/welcome"
        assert answer.headers["set-cookie"].startswith("__Host-hub=")
        page = await visitor.get("/welcome")
        assert 'value="Ann Lee"' in page.text
        await visitor.send(page, "/welcome", name="Ann")
        assert "@ann@social.example" in (await visitor.get("/me")).text
    async with visiting(hub) as again:
        assert (await _sign_in(again, social)).headers["location"] == "/"
    person, account = (await _rows(hub, Person))[-1], (await _rows(hub, MastodonAccount))[0]
    assert (person.name, person.role, person.email) == ("Ann", "guest", None)
    assert (account.actor, account.person_id) == (social.site.uri("ann"), person.id)
    assert account.last_used_at is not None


async def test_it_asks_for_little_and_keeps_nothing(hub: Running, social: Mastodon) -> None:
    async with visiting(hub) as visitor, visiting(hub) as other:
        await _sign_in(visitor, social)
        await _sign_in(other, social, who="bob")
    assert social.asked.count("POST /api/v1/apps") == 1
    assert social.tokens == {}  # each was given back
    assert len(social.revoked) == 3  # the third asked whether they still know us
    (program,) = social.programs.values()
    assert program.scopes == ["profile"]
    assert program.name == "Hub"
    assert program.redirect_uri == f"{hub.url}/sign-in/mastodon/social.example"
    (app,) = await _rows(hub, MastodonApp)
    assert program.secret.encode() not in app.client_secret
    assert await _count(hub, Begun) == 0


@pytest.mark.parametrize("revokes", [True, False], ids=["revokes", "does not revoke"])
async def test_an_older_server_and_other_kinds_do_as_well(hub: Running, revokes: bool) -> None:
    social = Mastodon(SERVER, hub.wire, modern=False, revokes=revokes)
    async with visiting(hub) as visitor:
        way = _way(await _go(visitor))
        asked = parse_qs(urlsplit(way).query)
        assert asked["scope"] == ["read:accounts"]
        assert "code_challenge" not in asked
        assert (await visitor.get(social.allow(way))).headers["location"] == "/welcome"


async def test_a_server_or_the_address_of_ones_page_does_as_well(
    hub: Running, social: Mastodon
) -> None:
    for entered in (
        "social.example",
        " Ann@Social.Example ",
        "https://social.example/@ann",
        "social.example/@ann",
        "https://social.example",
    ):
        async with visiting(hub) as visitor:
            assert (await _sign_in(visitor, social, entered)).status_code == 303, entered
    assert await _count(hub, MastodonAccount) == 1


async def test_a_handle_of_the_short_domain_leads_to_the_server(
    hub: Running, social: Mastodon
) -> None:
    """Accounts are called @ann@example while their server is social.example."""
    subject = {
        "subject": "acct:ann@example.org",
        "links": [
            {"rel": "self", "type": "application/activity+json", "href": social.site.uri("ann")}
        ],
    }
    answer = JSONResponse(subject, media_type="application/jrd+json")
    hub.wire.attach("example.org", answer)
    social.answers["/.well-known/webfinger"] = answer
    async with visiting(hub) as visitor:
        assert (await _sign_in(visitor, social, "@ann@example.org")).status_code == 303
    (account,) = await _rows(hub, MastodonAccount)
    assert account.actor == social.site.uri("ann")


async def test_the_state_is_for_one_browser_and_used_once(hub: Running, social: Mastodon) -> None:
    async with visiting(hub) as ann, visiting(hub) as other:
        await other.get("/sign-in")
        back = social.allow(_way(await _go(ann)))
        stolen = await other.get(back)  # somebody is to be signed in as another
        assert stolen.status_code == 410
        assert "begun in another browser" in stolen.text
        bare = await ann.get(f"{mastodon.BACK}/social.example?code=abc&state=unheard-of")
        assert bare.status_code == 410
        cookies = dict(ann.web.cookies)
        assert (await ann.get(back)).status_code == 303
        ann.web.cookies.clear()
        ann.web.cookies.update(cookies)
        assert (await ann.get(back)).status_code == 410
    assert await _count(hub, MastodonAccount) == 1


async def test_a_state_runs_out(
    hub: Running, social: Mastodon, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    async with visiting(hub) as visitor:
        back = social.allow(_way(await _go(visitor)))
        clock.pass_by(seconds=begun.LASTS.total_seconds())
        assert (await visitor.get(back)).status_code == 410


async def test_a_code_is_good_once_and_with_its_own_state(hub: Running, social: Mastodon) -> None:
    async with visiting(hub) as visitor, visiting(hub) as thief:
        code = parse_qs(urlsplit(social.allow(_way(await _go(visitor)))).query)["code"][0]
        state = parse_qs(urlsplit(_way(await _go(thief))).query)["state"][0]
        # The code of another, with a state of one's own: PKCE binds it to who asked for it.
        answer = await thief.get(f"{mastodon.BACK}/social.example?code={code}&state={state}")
        assert answer.status_code == 502
        assert "did not take it" in answer.text
        state = parse_qs(urlsplit(_way(await _go(thief))).query)["state"][0]
        answer = await thief.get(f"{mastodon.BACK}/social.example?code={code}&state={state}")
        assert answer.status_code == 502
    assert await _count(hub, Session) == 0
    assert social.tokens == {}


async def test_a_server_cannot_bring_the_code_of_another(hub: Running, social: Mastodon) -> None:
    """It sends people on to an honest one, and would be asked with the code from there."""
    bad = Mastodon("https://bad.example", hub.wire)
    async with visiting(hub) as visitor:
        begun_there = parse_qs(urlsplit(_way(await _go(visitor, "bad.example"))).query)
        code = parse_qs(urlsplit(social.allow(_way(await _go(visitor)))).query)["code"][0]
        state = begun_there["state"][0]
        answer = await visitor.get(f"{mastodon.BACK}/social.example?code={code}&state={state}")
        assert answer.status_code == 410
    assert "POST /oauth/token" not in bad.asked
    assert social.codes


async def test_a2_an_account_of_another_domain_is_refused(hub: Running, social: Mastodon) -> None:
    honest = MemorySite("https://north.example", hub.wire, names=("relay", "ann"))
    named = {
        "subject": "acct:ann@social.example",
        "links": [{"rel": "self", "type": "application/activity+json", "href": honest.uri("ann")}],
    }
    for lie in (
        {"/.well-known/webfinger": JSONResponse(named, media_type="application/jrd+json")},
        {VERIFY: JSONResponse({**social.account("ann"), "username": "ann@north.example"})},
        {VERIFY: JSONResponse({**social.account("ann"), "username": "ann/../bob"})},
        {VERIFY: JSONResponse({**social.account("ann"), "username": "nobody"})},
        {VERIFY: JSONResponse({**social.account("ann"), "username": ["ann"]})},
        {VERIFY: JSONResponse([])},
        {urlsplit(social.site.uri("ann")).path: RedirectResponse(honest.uri("ann"))},
    ):
        social.answers = dict(lie)
        async with visiting(hub) as visitor:
            answer = await _sign_in(visitor, social, "social.example")
            assert answer.status_code in {403, 502}, lie
            assert "set-cookie" not in answer.headers or "__Host-hub=" not in str(answer.headers)
        assert social.tokens == {}
        hub.services.rates.clear()
    assert await _count(hub, MastodonAccount) == 0
    assert await _count(hub, Session) == 0


async def test_b3_no_answer_leads_us_to_our_own_network(hub: Running, social: Mastodon) -> None:
    inside = RedirectResponse("https://127.0.0.1/admin", 302)
    async with visiting(hub) as visitor:
        for path in (METADATA, "/api/v1/apps"):
            social.answers = {path: inside}
            assert (await _go(visitor, "social.example")).status_code in {422, 502}, path
        social.answers = {}
        for path in ("/oauth/token", VERIFY, "/.well-known/webfinger"):
            back = social.allow(_way(await _go(visitor, "social.example")))
            social.answers = {path: inside}
            assert (await visitor.get(back)).status_code == 502, path
            social.answers = {}
    assert [dial for dial in hub.wire.dials if "social.example" not in dial] == []


async def test_b6_a_huge_answer_is_refused(hub: Running, social: Mastodon) -> None:
    huge = Response(
        orjson.dumps({**social.account("ann"), "access_token": "a" * 2_000_000}),
        media_type="application/json",
    )
    async with visiting(hub) as visitor:
        social.answers = {"/api/v1/apps": huge}
        answers = [await _go(visitor)]
        for path in ("/oauth/token", VERIFY):
            social.answers = {}
            back = social.allow(_way(await _go(visitor, "social.example")))
            social.answers = {path: huge}
            answers.append(await visitor.get(back))
            assert social.tokens == {}
    assert [answer.status_code for answer in answers] == [502] * 3
    assert all(TOLD in answer.text for answer in answers)


async def test_a_registration_that_makes_no_sense_is_refused(
    hub: Running, social: Mastodon
) -> None:
    said: Any
    for said in (
        {},
        {"client_id": "a"},
        {"client_id": 1, "client_secret": "b"},
        {"client_id": "a b", "client_secret": "c"},
        {"client_id": "a\r\nX: y", "client_secret": "c"},
        {"client_id": "a" * 5000, "client_secret": "c"},
        [],
        "text",
    ):
        social.answers["/api/v1/apps"] = JSONResponse(said)
        async with visiting(hub) as visitor:
            answer = await _go(visitor)
        assert answer.status_code == 502, said
        assert TOLD in answer.text
    assert await _count(hub, MastodonApp) == 0


async def test_a_token_that_is_none_is_refused(hub: Running, social: Mastodon) -> None:
    token: Any
    for token in ("a\r\nX-Evil: 1", "a b", "", None, 7, "ä", "a" * 3000):
        social.answers = {}
        async with visiting(hub) as visitor:
            back = social.allow(_way(await _go(visitor)))
            social.answers["/oauth/token"] = JSONResponse({"access_token": token})
            assert (await visitor.get(back)).status_code == 502, token
        assert f"GET {VERIFY}" not in social.asked


async def test_a_server_that_forgot_us_is_told_of_us_again(hub: Running, social: Mastodon) -> None:
    async with visiting(hub) as visitor:
        await _sign_in(visitor, social)
    social.programs.clear()
    async with visiting(hub) as visitor:
        assert (await _sign_in(visitor, social)).headers["location"] == "/"
    assert social.asked.count("POST /api/v1/apps") == 2
    async with visiting(hub) as visitor:
        back = social.allow(_way(await _go(visitor)))
        social.programs.clear()  # between going there and coming back
        answer = await visitor.get(back)
        assert answer.status_code == 502
        assert "try once more" in answer.text
        assert (await _sign_in(visitor, social)).headers["location"] == "/"


async def test_registrations_are_renewed_after_a_month(
    hub: Running, social: Mastodon, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    async with visiting(hub) as visitor:
        await _sign_in(visitor, social)
    clock.pass_by(days=31)
    await ask(hub.services, "retention.forget")
    await hub.work()
    assert await _count(hub, MastodonApp) == 0


async def test_a_no_is_a_no(hub: Running, social: Mastodon) -> None:
    async with visiting(hub) as visitor:
        back = social.deny(_way(await _go(visitor)))
        answer = await visitor.get(back)
        assert answer.status_code == 403
        assert "nothing happened here" in answer.text
    assert await _count(hub, Session) == 0


async def test_what_is_no_server_is_told_in_plain_words(hub: Running) -> None:
    async with visiting(hub) as visitor:
        for entered, status in {
            "": 422,
            "ann": 422,
            "@ann@": 422,
            "not a server": 422,
            "javascript:alert(1)": 422,
            "https://user@social.example": 422,
            "127.0.0.1": 422,
            "@ann@localhost": 422,
            "http://169.254.169.254/latest": 422,
            "hub.example": 422,
            "nowhere.example": 502,
            "@ann@nowhere.example": 502,
        }.items():
            answer = await _go(visitor, entered)
            assert answer.status_code == status, entered
            assert 'id="account-error"' in answer.text
            assert f'value="{html.escape(entered)}"' in answer.text
    assert [dial for dial in hub.wire.dials if "nowhere" not in dial] == []


async def test_a_blocked_server_signs_nobody_in(hub: Running, social: Mastodon) -> None:
    async with hub.services.db.write() as session:
        await peers.block(session, hub.services, "social.example")
    async with visiting(hub) as visitor:
        assert (await _go(visitor, "social.example")).status_code == 403
    assert "POST /api/v1/apps" not in social.asked


async def test_an_account_is_linked_and_unlinked_on_ones_page(
    hub: Running, social: Mastodon
) -> None:
    async with visiting(hub) as ann:
        await ann.sign_in("member")
        async with hub.services.db.write() as session:
            person = await session.scalar(select(Person).where(Person.name == "Ann"))
            assert person is not None
            person.email = "ann@mail.example"
        page = await ann.get("/me")
        way = _way(await ann.send(page, "/me/mastodon", account="@ann@social.example"))
        answer = await ann.get(social.allow(way))
        assert answer.headers["location"] == "/me?said=linked"
        assert "@ann@social.example" in (await ann.get("/me")).text
        async with visiting(hub) as elsewhere:
            assert (await _sign_in(elsewhere, social)).headers["location"] == "/"
            mine = await elsewhere.get("/me")
            assert "ann@mail.example" in mine.text
            await elsewhere.send(mine, "/me/mastodon/unlink")
    assert await _count(hub, MastodonAccount) == 0
    subjects = [mail.subject for mail in await _rows(hub, Mail)]
    assert subjects == ["A Mastodon account was linked", "A Mastodon account was unlinked"]


async def test_an_account_is_one_persons_and_a_person_has_one(
    hub: Running, social: Mastodon
) -> None:
    async with visiting(hub) as ann, visiting(hub) as bob:
        await _sign_in(ann, social)
        await bob.sign_in("member")

        async def link(who: str) -> httpx2.Response:
            page = await bob.get("/me")
            if "/me/mastodon/unlink" in page.text:
                page = await bob.get("/me/delete")
            sent = await bob.send(page, "/me/mastodon", account="social.example")
            return await bob.get(social.allow(_way(sent), who))

        taken = await link("ann")
        assert taken.status_code == 409
        assert "Somebody else" in taken.text
        assert (await link("bob")).headers["location"] == "/me?said=linked"
        assert (await link("bob")).headers["location"] == "/me?said=linked"
    assert len(await _rows(hub, MastodonAccount)) == 2


async def test_linking_that_began_before_another_signed_in_is_refused(
    hub: Running, social: Mastodon
) -> None:
    async with visiting(hub) as visitor:
        await visitor.sign_in("member")
        page = await visitor.get("/me")
        way = _way(await visitor.send(page, "/me/mastodon", account="social.example"))
        await visitor.send(page, "/sign-out")
        await visitor.sign_in("member")
        assert (await visitor.get(social.allow(way))).status_code == 410
    assert await _count(hub, MastodonAccount) == 0


async def test_d4_who_is_shut_out_stays_out_and_who_left_may_come_anew(
    hub: Running, social: Mastodon
) -> None:
    async with visiting(hub) as visitor:
        await _sign_in(visitor, social)
    (account,) = await _rows(hub, MastodonAccount)
    async with hub.services.db.write() as session:
        await service.shut_out(session, account.person_id)
    async with visiting(hub) as visitor:
        refused = await _sign_in(visitor, social)
        assert refused.status_code == 403
        assert "ask a steward" in refused.text
    async with hub.services.db.write() as session:
        await service.forget(session, account.person_id)
    assert await _count(hub, MastodonAccount) == 0
    async with visiting(hub) as visitor:
        assert (await _sign_in(visitor, social)).headers["location"] == "/welcome"


async def test_e9_tries_are_limited_by_connection_and_by_server(
    hub: Running, social: Mastodon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(hub) as visitor:
        page = await visitor.get("/sign-in")
        for _ in range(knocking.SIGN_INS_FROM_MOST):
            assert (await visitor.send(page, mastodon.BACK, account="x")).status_code == 422
        assert (await visitor.send(page, mastodon.BACK, account="x")).status_code == 429
    hub.services.rates.clear()
    most = knocking.Limit("sign-ins at", 2, 3600, "Many people came from that server just now.")
    monkeypatch.setattr(mastodon, "MASTODON_AT", most)
    statuses = []
    for number in range(3):
        async with visiting(hub, (f"192.0.2.{number + 50}", 4000)) as visitor:
            statuses.append((await _go(visitor, "social.example")).status_code)
    assert statuses == [200, 200, 429]


async def test_two_who_begin_at_once_are_both_sent_there(hub: Running, social: Mastodon) -> None:
    async with visiting(hub) as one, visiting(hub) as other:
        pages = await asyncio.gather(_go(one, "social.example"), _go(other, "social.example"))
        for visitor, page in zip((one, other), pages, strict=True):
            # The registration that was kept last counts; the other one is asked to try again.
            assert (await visitor.get(social.allow(_way(page)))).status_code in {303, 502}
    async with visiting(hub) as again:
        assert (await _sign_in(again, social)).status_code == 303
    assert await _count(hub, MastodonApp) == 1


async def test_a_hub_that_moved_makes_itself_known_anew(make_hub: MakeHub) -> None:
    hub = await make_hub()
    social = Mastodon(SERVER, hub.wire)
    async with visiting(hub) as visitor:
        await _sign_in(visitor, social)
    async with hub.services.db.write() as session:
        (app,) = await session.scalars(select(MastodonApp))
        app.redirect_uri = "https://old.example/sign-in/mastodon/social.example"
    async with visiting(hub) as visitor:
        assert (await _sign_in(visitor, social)).headers["location"] == "/"
    assert social.asked.count("POST /api/v1/apps") == 2
