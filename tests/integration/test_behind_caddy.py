"""The hub behind a real Caddy with our Caddyfile and https, as residents and servers reach it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator

import httpx2
import pytest

from tests.caddy import hub_behind_caddy
from tests.processes import HubProcess

MB = 1024 * 1024
AS2 = {"content-type": "application/activity+json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, httpx2.Client]]:
    """A hub behind Caddy, and a client that trusts its authority."""
    with hub_behind_caddy(tmp_path_factory.mktemp("behind")) as (hub, front):
        trusted = ssl.create_default_context(cafile=front.authority)
        with httpx2.Client(base_url=front.url, verify=trusted, trust_env=False, timeout=60) as web:
            yield hub, web


def test_t01_the_hub_is_reached_by_https_as_itself(
    served: tuple[HubProcess, httpx2.Client],
) -> None:
    hub, web = served
    page = web.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["strict-transport-security"]
    assert "__Host-" in web.get("/sign-in").headers["set-cookie"]
    found = web.get(
        "/.well-known/webfinger?resource=" + f"acct:events@localhost:{web.base_url.port}"
    )
    assert found.json()["links"]
    checks = {}
    for line in hub.command("doctor", "--json").splitlines():
        row = json.loads(line)
        checks[row["check"]] = row
    assert checks["reach"]["state"] == "ok", checks["reach"]
    assert checks["named"]["state"] == "ok", checks["named"]


def test_a_form_and_the_one_time_link_work_through_it(
    served: tuple[HubProcess, httpx2.Client],
) -> None:
    hub, web = served
    link = hub.command("setup", "--link").split()[-1]
    assert link.startswith(str(web.base_url).rstrip("/"))
    page = web.get(link)
    token = page.text.partition('name="csrf" value="')[2][:64]
    answer = web.post(link, data={"csrf": token}, headers={"origin": str(web.base_url).rstrip("/")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/welcome")


def test_what_never_changes_is_kept_and_pages_come_compressed(
    served: tuple[HubProcess, httpx2.Client],
) -> None:
    _, web = served
    page = web.get("/", headers={"accept": "text/html", "accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert "no-store" in page.headers["cache-control"]
    path = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    style = web.get(path, headers={"accept-encoding": "gzip"})
    assert style.status_code == 200
    assert "immutable" in style.headers["cache-control"]
    mark = style.headers["etag"]
    assert web.get(path, headers={"if-none-match": mark}).status_code == 304


def test_nobody_can_say_from_where_they_come_and_bodies_have_an_end(
    served: tuple[HubProcess, httpx2.Client],
) -> None:
    _, web = served
    spoofed = {
        "x-forwarded-proto": "http",
        "x-forwarded-host": "evil.example",
        "forwarded": "for=1",
    }
    assert web.get("/healthz", headers=spoofed).json()["asked_at"] == str(web.base_url).rstrip("/")
    web.cookies.clear()  # nobody is signed in any more
    for _ in range(25):  # a limit by where one comes from is met, whatever is claimed
        claimed = {"x-forwarded-for": f"203.0.113.{_}"}
        token = web.get("/sign-in").text.partition('name="csrf" value="')[2][:64]
        sent = {"csrf": token, "email": f"eve{_}@mail.example"}
        last = web.post("/sign-in", data=sent, headers=claimed)
    assert last.status_code == 429
    # Between our limit and Caddy's: we read it to its end, so that our answer reaches the sender.
    sent = {"content-type": "application/json"}
    answer = web.post("/api/v1/events", content=b"x" * (5 * MB), headers=sent)
    assert (answer.status_code, "12 MB" in answer.text) == (413, True)
    try:
        big = web.post("/inbox", content=b"x" * (33 * MB), headers=AS2).status_code
    except httpx2.TransportError:
        big = 413  # it hung up while we were still sending
    # The hub hangs up on Caddy as soon as it knows; Caddy may still be sending, and then says 502.
    assert big in {413, 502}
    assert web.get("/healthz").status_code == 200
