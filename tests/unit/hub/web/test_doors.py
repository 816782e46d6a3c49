"""Doors of a small application: errors, bodies, headers, forms and pages, without a database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel

from federation.errors import Unreachable
from hub.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound, NotSignedIn, TooMany
from hub.core.settings import Settings
from hub.web import failures, static
from hub.web.bodies import api_router
from hub.web.doors import ANYBODY, Asking, Caller
from hub.web.forms import parse_form, see_other, token_for
from hub.web.headers import SecurityHeaders
from hub.web.pages import activity, prepare, render, respond

API = "/api/v1/things"
KNOWN = {"authorization": "Bearer good"}
AS2 = {"accept": "application/activity+json"}
ERRORS: dict[str, Exception] = {
    "invalid": Invalid("Please check.", {"title": "too short"}),
    "unknown": NotSignedIn("Please sign in."),
    "forbidden": Forbidden("No."),
    "missing": NotFound("Not here."),
    "gone": Gone("It was deleted.", {"id": "https://hub.example/fail/gone", "type": "Tombstone"}),
    "conflict": Conflict("Twice."),
    "fast": TooMany("Slowly.", 1.2),
    "away": Unreachable("nobody answers"),
}


class Thing(BaseModel):
    title: str
    size: int = 0


async def _identify(_services: Any, request: Request) -> Caller:
    if request.headers.get("authorization") == "Bearer good":
        return Caller(UUID(int=1), "Marta", "steward", "token")
    return ANYBODY


def _pages() -> APIRouter:
    router = APIRouter()

    @router.get("/fail/{name}")
    async def fail(name: str) -> None:
        raise ERRORS[name]

    @router.get("/boom")
    async def boom() -> None:
        raise RuntimeError("CANARY")

    @router.get("/form")
    async def form(request: Request) -> Response:
        return render(request, "people/welcome.html", name="<b>", error="")

    @router.post("/form")
    async def sent(request: Request) -> Response:
        found = await parse_form(request)
        upload = found.file("picture")
        return see_other(f"/{found.text('name')}/{len(upload.data) if upload else 0}")

    @router.get("/entry")
    async def entry(request: Request, public: bool = True) -> Response:
        document = b'{"id":"https://hub.example/entry"}' if public else None
        return respond(request, document, "people/sign_in.html", state="spent", unled=False)

    @router.get("/document")
    async def document() -> Response:
        return activity(b"{}")

    return router


def _api() -> APIRouter:
    router = api_router("/things", "things")

    @router.post("")
    async def make(thing: Thing) -> Thing:
        return thing

    @router.get("/who")
    async def who(caller: Asking) -> dict[str, str]:
        return {"name": caller.name}

    @router.get("/fail/{name}")
    async def fail(name: str) -> None:
        raise ERRORS[name]

    @router.get("/boom")
    async def boom() -> None:
        raise RuntimeError("CANARY")

    return router


@pytest.fixture
async def web() -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(_env_file=None, url="https://hub.example", name="Linden")
    services: Any = SimpleNamespace(settings=settings)
    app = FastAPI()
    app.state.identify = _identify
    prepare(app, services)
    failures.install(app)
    app.include_router(_pages())
    app.include_router(_api())
    static.mount(app)
    transport = httpx2.ASGITransport(
        app=SecurityHeaders(app, secure=True), raise_app_exceptions=False
    )
    async with httpx2.AsyncClient(transport=transport, base_url="https://hub.example") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("invalid", 422),
        ("unknown", 401),
        ("forbidden", 403),
        ("missing", 404),
        ("gone", 410),
        ("conflict", 409),
        ("fast", 429),
        ("away", 502),
    ],
)
async def test_every_error_is_a_page_for_people_and_a_problem_for_programs(
    web: httpx2.AsyncClient, name: str, status: int
) -> None:
    page = await web.get(f"/fail/{name}", headers={"accept": "text/html"})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert page.text.count("<h1") == 1
    problem = await web.get(f"{API}/fail/{name}", headers={"accept": "text/html"})
    assert problem.status_code == status
    assert problem.headers["content-type"] == "application/problem+json"
    told = problem.json()
    assert told["status"] == status
    assert set(told) >= {"type", "title", "status", "detail"}
    assert told["detail"].endswith(".")


async def test_a_problem_names_the_fields_and_when_to_come_back(web: httpx2.AsyncClient) -> None:
    assert (await web.get(f"{API}/fail/invalid")).json()["fields"] == {"title": "too short"}
    assert (await web.get(f"{API}/fail/fast")).headers["retry-after"] == "2"
    assert (await web.get(f"{API}/fail/unknown")).headers["www-authenticate"].startswith("Bearer")


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(web: httpx2.AsyncClient) -> None:
    for path in ("/boom", f"{API}/boom"):
        answer = await web.get(path)
        assert answer.status_code == 500
        assert "CANARY" not in answer.text
        assert "content-security-policy" in answer.headers


async def test_what_is_not_there_is_never_html_under_api(web: httpx2.AsyncClient) -> None:
    assert (await web.get("/nowhere")).headers["content-type"].startswith("text/html")
    for method in ("GET", "PUT", "DELETE"):
        answer = await web.request(method, "/api/v1/nowhere", headers={"accept": "text/html"})
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    answer = await web.put(API)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_deleted_thing_is_a_tombstone_for_servers(web: httpx2.AsyncClient) -> None:
    answer = await web.get("/fail/gone", headers=AS2)
    assert answer.status_code == 410
    assert answer.headers["content-type"].startswith("application/activity+json")
    assert answer.json()["type"] == "Tombstone"
    assert answer.json()["id"] == "https://hub.example/fail/gone"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"title": "\xff"}',
        b'{"title": "\\ud800"}',
        b'{"title": "a", "size": NaN}',
        b'{"title": "a", "size": Infinity}',
        b'{"title": "a", "size": 1e999}',
        b'{"title": "a", "size": 99999999999999999999999}',
        b'{"title": "a", "size": 9007199254740993}',
        b'{"title": "a\\u0000b"}',
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"[" + b"1," * 20_000 + b"1]",
        b'"just a text"',
        b"null",
        b"[]",
        b'{"title": 7}',
    ],
    ids=repr,
)
async def test_bad_json_is_a_problem_and_never_an_error_of_ours(
    web: httpx2.AsyncClient, body: bytes
) -> None:
    answer = await web.post(
        API, content=body, headers={**KNOWN, "content-type": "application/json"}
    )
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_good_json_is_taken_and_other_types_are_not(web: httpx2.AsyncClient) -> None:
    good = await web.post(API, json={"title": "ä", "size": 2**53})
    assert good.json() == {"title": "ä", "size": 2**53}
    other = await web.post(
        API, content=b'{"title":"x"}', headers={**KNOWN, "content-type": "text/plain"}
    )
    assert other.status_code == 422


async def test_a_body_that_is_too_big_is_refused_announced_or_not(web: httpx2.AsyncClient) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    headers = {"content-type": "application/json"}
    for content in (b"x" * 1_100_000, drip()):
        answer = await web.post(API, content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


async def _form(web: httpx2.AsyncClient) -> str:
    page = await web.get("/form")
    assert "&lt;b&gt;" in page.text
    return token_for(web.cookies["__Host-hub-form"])


async def test_a_form_comes_with_its_files(web: httpx2.AsyncClient) -> None:
    csrf = await _form(web)
    data = {"csrf": csrf, "name": "x"}
    assert (await web.post("/form", data=data)).headers["location"] == "/x/0"
    files = {"picture": ("../../x.png", b"y" * 2_000_000, "image/png")}
    assert (await web.post("/form", data=data, files=files)).headers["location"] == "/x/2000000"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"--x\r\n" + b"a" * 500_000, "multipart/form-data; boundary=x"),
        (
            b"--x\r\nContent-Disposition: form-data; " + b"x" * 100_000,
            "multipart/form-data; boundary=x",
        ),
        (b"csrf=1", "multipart/form-data"),
        (b"&".join(b"a%d=1" % i for i in range(5_000)), "application/x-www-form-urlencoded"),
        (b"&" * 500_000, "application/x-www-form-urlencoded"),
        (b";" * 500_000, "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"a=1", "text/plain"),
    ],
)
async def test_odd_forms_are_refused_without_an_error_of_ours(
    web: httpx2.AsyncClient, content: bytes, media_type: str
) -> None:
    await _form(web)
    answer = await web.post("/form", content=content, headers={"content-type": media_type})
    assert 400 <= answer.status_code < 500


async def test_pages_are_private_and_bear_every_header(web: httpx2.AsyncClient) -> None:
    page = await web.get("/form")
    assert page.headers["cache-control"] == "private, no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["strict-transport-security"].startswith("max-age=63072000")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in page.text
    assert "<script>" not in page.text


async def test_head_is_get_without_a_body(web: httpx2.AsyncClient) -> None:
    answer = await web.head("/form")
    assert answer.status_code == 200
    assert answer.content == b""


async def test_an_entry_answers_browsers_and_servers(web: httpx2.AsyncClient) -> None:
    page = await web.get("/entry")
    assert page.headers["link"] == (
        '<https://hub.example/entry>; rel="alternate"; type="application/activity+json"'
    )
    assert "Accept" in page.headers["vary"]
    document = await web.get("/entry", headers=AS2)
    assert document.headers["content-type"] == "application/activity+json; charset=utf-8"
    assert document.headers["vary"] == "Accept"
    assert document.headers["cache-control"] == "public, max-age=180"
    hidden = await web.get("/entry?public=false", headers=AS2)
    assert hidden.status_code == 404
    assert "link" not in (await web.get("/entry?public=false")).headers


async def test_who_asks_is_known_to_doors(web: httpx2.AsyncClient) -> None:
    assert (await web.get(f"{API}/who")).json() == {"name": ""}
    headers = {"authorization": "Bearer good"}
    assert (await web.get(f"{API}/who", headers=headers)).json() == {"name": "Marta"}


async def test_static_files_do_not_lead_elsewhere(web: httpx2.AsyncClient) -> None:
    assert (await web.get("/static/src/hub.css")).status_code == 200
    for path in ("/static/../doors.py", "/static/%2e%2e/doors.py", "/static//etc/passwd"):
        assert (await web.get(path)).status_code == 404


def test_problems_are_json() -> None:
    assert json.loads(json.dumps(failures.problem(404, "Not Found", "x")))["type"] == "about:blank"
