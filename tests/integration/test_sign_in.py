"""Getting in: one-time links, sessions, tokens, and being shut out again."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import func, select, update

from hub.core.clock import now
from hub.people import queries, service
from hub.people.models import Person, Session, SignInLink
from hub.web.forms import token_for
from tests.conftest import MakeHub, Running


async def _link(hub: Running, role: str = "steward") -> str:
    async with hub.services.db.write() as session:
        link = await service.make_link(session, hub.url, role)
    return urlsplit(link).path


def _browser(hub: Running) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=hub.app)
    return httpx2.AsyncClient(transport=transport, base_url=hub.url)


def _csrf(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


async def _sign_in(hub: Running, web: httpx2.AsyncClient, role: str = "steward") -> httpx2.Response:
    path = await _link(hub, role)
    page = await web.get(path)
    return await web.post(path, data={"csrf": _csrf(page)})


async def _sessions(hub: Running) -> int:
    async with hub.services.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Session)) or 0


async def test_e7_opening_a_link_changes_nothing_and_its_button_signs_in(hub: Running) -> None:
    path = await _link(hub)
    async with _browser(hub) as web:
        for _ in range(3):
            page = await web.get(path)
            assert page.status_code == 200
            assert (await web.head(path)).status_code == 200
        assert await _sessions(hub) == 0
        answer = await web.post(path, data={"csrf": _csrf(page)})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/welcome"
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-hub=")
        for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=7776000"):
            assert word in cookie
    assert await _sessions(hub) == 1


async def test_the_way_to_the_first_steward_is_told_while_there_is_none(hub: Running) -> None:
    """And to nobody afterwards: residents have nothing to do on the server."""
    path = await _link(hub, "member")
    async with _browser(hub) as web:
        for page in ("/sign-in", "/sign-in/spent"):
            assert "hub setup --link" in (await web.get(page)).text
        await _sign_in(hub, web)
    async with _browser(hub) as web:
        await web.post(path, data={"csrf": _csrf(await web.get(path))})
    async with _browser(hub) as web:
        for page in ("/sign-in", path):
            assert "hub setup --link" not in (await web.get(page)).text


async def test_e7_a_link_signs_in_once(hub: Running) -> None:
    path = await _link(hub)
    async with _browser(hub) as web, _browser(hub) as other:
        first, second = await web.get(path), await other.get(path)
        assert (await web.post(path, data={"csrf": _csrf(first)})).status_code == 303
        again = await other.post(path, data={"csrf": _csrf(second)})
        assert again.status_code == 410
        assert (await other.get(path)).status_code == 410
    assert await _sessions(hub) == 1


async def test_e13_of_many_at_once_one_gets_in(hub: Running) -> None:
    path = await _link(hub)
    async with _browser(hub) as web:
        token = _csrf(await web.get(path))
        answers = await asyncio.gather(
            *(web.post(path, data={"csrf": token}) for _ in range(50)), return_exceptions=False
        )
    statuses = sorted(answer.status_code for answer in answers)
    # Who is late may find its form bound to a session that began meanwhile: refused as well.
    assert statuses[0] == 303
    assert statuses.count(303) == 1
    assert set(statuses[1:]) <= {403, 410}
    assert await _sessions(hub) == 1
    async with hub.services.db.read() as session:
        people = await session.scalar(select(func.count(Person.id)).where(Person.name == ""))
    assert people == 1


async def test_e7_a_link_runs_out(hub: Running) -> None:
    path = await _link(hub)
    async with hub.services.db.write() as session:
        row = await session.scalar(select(SignInLink))
        assert row is not None
        assert timedelta(days=6, hours=23) < row.expires_at - now() <= timedelta(days=7)
        assert path.rpartition("/")[2] not in row.digest
        await session.execute(update(SignInLink).values(expires_at=now() - timedelta(seconds=1)))
    async with _browser(hub) as web:
        assert (await web.get(path)).status_code == 410
        page = await web.get("/welcome")
        assert page.status_code == 401


async def test_a_new_steward_is_asked_for_a_name_and_nothing_else(hub: Running) -> None:
    async with _browser(hub) as web:
        await _sign_in(hub, web)
        page = await web.get("/welcome")
        assert page.status_code == 200
        empty = await web.post("/welcome", data={"csrf": _csrf(page), "name": "   "})
        assert empty.status_code == 422
        answer = await web.post("/welcome", data={"csrf": _csrf(empty), "name": "Marta\u202e"})
        assert answer.status_code == 303
    async with hub.services.db.read() as session:
        person = await session.scalar(select(Person).where(Person.name == "Marta"))
    assert person is not None
    assert person.role == "steward"


async def test_e3_a_form_from_elsewhere_is_refused(hub: Running) -> None:
    path = await _link(hub)
    async with _browser(hub) as web:
        token = _csrf(await web.get(path))
        for headers in (
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            refused = await web.post(path, data={"csrf": token}, headers=headers)
            assert refused.status_code == 403, headers
        for wrong in ("", "0" * 64, token_for("x" * 32)):
            assert (await web.post(path, data={"csrf": wrong})).status_code == 403
        good = {"origin": hub.url, "sec-fetch-site": "same-origin"}
        assert (await web.post(path, data={"csrf": token}, headers=good)).status_code == 303


async def test_e3_a_form_bears_nothing_for_another_browser(hub: Running) -> None:
    path = await _link(hub)
    async with _browser(hub) as web, _browser(hub) as other:
        token = _csrf(await web.get(path))
        await other.get(path)
        assert (await other.post(path, data={"csrf": token})).status_code == 403


async def test_e11_signing_in_again_ends_the_session_before(hub: Running) -> None:
    async with _browser(hub) as web:
        await _sign_in(hub, web)
        before = web.cookies["__Host-hub"]
        await _sign_in(hub, web)
        assert web.cookies["__Host-hub"] != before
    assert await _sessions(hub) == 1


async def test_signing_out_ends_the_session_in_the_database(hub: Running) -> None:
    async with _browser(hub) as web:
        await _sign_in(hub, web)
        secret = web.cookies["__Host-hub"]
        page = await web.get("/welcome")
        answer = await web.post("/sign-out", data={"csrf": _csrf(page)})
        assert answer.status_code == 303
        web.cookies.set("__Host-hub", secret, domain="hub.example")
        assert (await web.get("/welcome")).status_code == 401
    assert await _sessions(hub) == 0


async def test_on_plain_http_the_cookie_has_a_plain_name(make_hub: MakeHub) -> None:
    hub = await make_hub("localhost:8000", url="http://localhost:8000")
    async with _browser(hub) as web:
        answer = await _sign_in(hub, web)
        cookie = answer.headers["set-cookie"]
    assert cookie.startswith("hub=")
    assert "Secure" not in cookie


async def test_a_token_opens_the_api_and_a_wrong_one_is_told_so(hub: Running) -> None:
    good = await hub.web.get("/api/v1/peers", headers=hub.steward)
    assert good.status_code == 200
    for header in ("Bearer hub_wrong", "Bearer ", "bearer \x7f"):
        answer = await hub.web.get("/api/v1/peers", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await hub.web.get("/api/v1/peers")).status_code == 401


async def test_roles_are_kept_apart(hub: Running) -> None:
    async with hub.services.db.write() as session:
        editor = await service.token_create(session, "calendar", "editor")
    answer = await hub.web.get("/api/v1/peers", headers={"Authorization": f"Bearer {editor}"})
    assert answer.status_code == 403
    async with _browser(hub) as web:
        await _sign_in(hub, web, "reader")
        for path in ("/admin/inbox", "/admin/servers", "/admin/people"):
            assert (await web.get(path)).status_code == 403


async def test_e14_whoever_is_shut_out_is_out_at_once_by_every_way(hub: Running) -> None:
    async with _browser(hub) as web, _browser(hub) as other:
        await _sign_in(hub, web)
        await _sign_in(hub, other, "editor")
        async with hub.services.db.write() as session:
            caller, _ = await queries.by_session(session, other.cookies["__Host-hub"])
            assert caller.person_id is not None
            path = urlsplit(
                await service.make_link(session, hub.url, person_id=caller.person_id)
            ).path
        page = await web.get("/admin/people")
        assert page.status_code == 200
        answer = await web.post(
            f"/admin/people/{caller.person_id}/disable", data={"csrf": _csrf(page)}
        )
        assert answer.status_code == 303
        assert (await other.get("/welcome")).status_code == 401
        assert (await other.get(path)).status_code == 410


async def test_the_last_steward_cannot_be_shut_out(hub: Running) -> None:
    async with _browser(hub) as web:
        await _sign_in(hub, web)
        async with hub.services.db.read() as session:
            caller, _ = await queries.by_session(session, web.cookies["__Host-hub"])
        page = await web.get("/admin/people")
        answer = await web.post(
            f"/admin/people/{caller.person_id}/disable", data={"csrf": _csrf(page)}
        )
        assert answer.status_code == 409
        assert (await web.get("/admin/people")).status_code == 200


async def test_a_steward_makes_a_link_for_somebody_else(hub: Running) -> None:
    async with _browser(hub) as web, _browser(hub) as other:
        await _sign_in(hub, web)
        page = await web.get("/admin/people")
        answer = await web.post("/admin/people/links", data={"csrf": _csrf(page), "role": "editor"})
        assert answer.status_code == 200
        found = re.search(r"https://hub\.example(/sign-in/[\w-]{20,})", answer.text)
        assert found is not None
        page = await other.get(found[1])
        assert (await other.post(found[1], data={"csrf": _csrf(page)})).status_code == 303
        async with hub.services.db.read() as session:
            caller, _ = await queries.by_session(session, other.cookies["__Host-hub"])
        assert caller.role == "editor"
