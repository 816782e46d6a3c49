"""Pages, asked for as browsers and other servers ask, without a browser."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from hub.browse.subscribing import way_to_follow
from hub.core.errors import Invalid
from hub.fediverse import follows
from tests.conftest import MakeHub, Running, settle

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
AS2 = {"Accept": 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'}

STARTS = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
EVENT = {
    "title": "Repair café </script><b>",
    "description": "We mend it **together**.",
    "starts_at": STARTS.isoformat(),
    "ends_at": (STARTS + timedelta(hours=3)).isoformat(),
    "location": "Linden yard",
}
LISTING = {"title": "Extension ladder", "kind": "item", "mode": "lend"}


async def _post(hub: Running, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await hub.web.post(f"/api/v1/{kind}", json=body, headers=hub.steward)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


async def _page(hub: Running, path: str, **params: str) -> str:
    answer = await hub.web.get(path, params=params, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return found[1]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/events",
        "/events?view=month",
        "/swap",
        "/post",
        "/more",
        "/about",
        "/@events",
        "/@relay",
    ],
)
async def test_a_new_hub_has_a_page_for_everything(hub: Running, path: str) -> None:
    page = await _page(hub, path)
    assert page.count("<h1") == 1
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r" on[a-z]+=", page)


async def test_the_same_address_speaks_to_people_and_to_servers(hub: Running) -> None:
    for kind, body in (("events", EVENT), ("offers", LISTING), ("wants", LISTING)):
        path = httpx2.URL((await _post(hub, kind, body))["url"]).path
        page = await hub.web.get(path, headers=HTML)
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["vary"] == "Accept, Cookie"
        assert 'rel="alternate"; type="application/activity+json"' in page.headers["link"]
        spoken = await hub.web.get(path, headers=AS2)
        assert spoken.headers["content-type"].startswith("application/activity+json")
        assert spoken.json()["id"] == f"https://hub.example{path}"


async def test_search_engines_find_the_event_and_no_script(hub: Running) -> None:
    posted = await _post(hub, "events", EVENT)
    page = await _page(hub, httpx2.URL(posted["url"]).path)
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    told = json.loads(block[1])
    assert (told["name"], told["location"]["name"]) == (EVENT["title"], "Linden yard")
    assert datetime.fromisoformat(told["startDate"]) == STARTS
    assert '<meta property="og:title" content="Repair café &lt;/script&gt;&lt;b&gt;">' in page


async def test_what_is_for_neighbours_is_not_there_for_others(hub: Running) -> None:
    posted = await _post(hub, "events", {**EVENT, "visibility": "hub"})
    path = httpx2.URL(posted["url"]).path
    for headers in (HTML, AS2):
        assert (await hub.web.get(path, headers=headers)).status_code == 404
    assert "Repair café" not in await _page(hub, "/events")
    assert "Repair café" not in await _page(hub, "/")
    seen = await hub.web.get(path, headers={**HTML, **hub.steward})
    assert "Neighbours only" in seen.text
    assert "application/activity+json" not in seen.text


async def test_what_comes_from_elsewhere_says_so(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    posted = await _post(north, "events", EVENT)
    await settle(north, south)
    (item,) = (await south.web.get("/api/v1/events?origin=all")).json()["items"]
    page = await _page(south, f"/events/{item['id']}")
    assert "north.example" in page
    assert f'href="{posted["url"]}"' in page
    listed = await _page(south, "/events", origin="north.example")
    assert "from \u2068north.example\u2069" in listed
    spoken = await south.web.get(f"/events/{item['id']}", headers=AS2)
    assert (spoken.status_code, spoken.headers["location"]) == (302, posted["uri"])
    changing = await south.web.get(f"/events/{item['id']}/edit", headers={**HTML, **south.steward})
    assert changing.status_code == 403


async def test_filters_that_make_no_sense_are_told(hub: Running) -> None:
    answer = await hub.web.get("/events?from=soon", headers=HTML)
    assert answer.status_code == 422
    assert "Must be a day or a moment" in answer.text
    assert "<h1" in await _page(hub, "/events?utm_source=letter&q=")


async def test_everybody_may_write_and_only_its_author_may_change(hub: Running) -> None:
    for path in ("/post/event", "/post/offer", "/post/want"):
        assert (await hub.web.get(path, headers=HTML)).status_code == 200
        assert (await hub.web.post(path, data={"title": "x"}, headers=HTML)).status_code == 403
    posted = await _post(hub, "events", {**EVENT, "title": "Fireworks"})
    path = httpx2.URL(posted["url"]).path
    for deed in ("edit", "cancel", "delete"):
        assert (await hub.web.get(f"{path}/{deed}", headers=HTML)).status_code == 401
        assert (await hub.web.post(f"{path}/{deed}", headers=HTML)).status_code == 401


async def test_people_are_told_of_links_and_not_of_tokens(hub: Running) -> None:
    asked = await hub.web.get("/admin/inbox", headers=HTML)
    assert asked.status_code == 401
    assert "A steward of this hub can let you in." in asked.text
    assert "token" not in asked.text


async def test_a_profile_shows_what_this_hub_publishes(hubs: tuple[Running, Running]) -> None:
    north, south = hubs
    await follows.follow(south.services, "@events@north.example")
    await settle(north, south)
    await _post(north, "events", {**EVENT, "title": "Northern lights"})
    await _post(south, "events", {**EVENT, "title": "Southern cross"})
    await settle(north, south)
    assert "Northern lights" in await _page(south, "/events")
    profile = await _page(south, "/@events")
    assert "Southern cross" in profile
    assert "Northern lights" not in profile


async def test_what_a_steward_hides_can_be_shown_again(hub: Running) -> None:
    posted = await _post(hub, "events", {**EVENT, "title": "Fireworks"})
    path = httpx2.URL(posted["url"]).path
    told = {**HTML, **hub.steward}
    token = _field((await hub.web.get(f"{path}/delete", headers=told)).text, "csrf")
    form = {"csrf": token, "back": path}
    hidden = await hub.web.post(f"/admin/entries/{posted['id']}/hide", data=form, headers=told)
    assert hidden.headers["location"] == "/admin/inbox#hidden"
    assert (await hub.web.get(path, headers=told)).status_code == 404
    assert "Fireworks" in (await hub.web.get("/admin/inbox", headers=told)).text
    await hub.web.post(f"/admin/entries/{posted['id']}/show", data={"csrf": token}, headers=told)
    assert (await hub.web.get(path, headers=told)).status_code == 200
    assert "Fireworks" not in (await hub.web.get("/admin/inbox", headers=told)).text


async def test_the_clock_of_another_zone_says_so(make_hub: MakeHub) -> None:
    hub = await make_hub(timezone="Europe/Berlin")
    await _post(hub, "events", {**EVENT, "timezone": "America/New_York"})
    await _post(hub, "events", {**EVENT, "title": "Next door", "timezone": "Europe/Paris"})
    page = await _page(hub, "/events")
    assert page.count("(time in New York)") == 1
    assert "Paris" not in page


async def test_e3_a_form_from_another_site_does_nothing(hub: Running) -> None:
    posted = await _post(hub, "events", EVENT)
    path = httpx2.URL(posted["url"]).path
    sent = await hub.web.post(
        f"{path}/delete", data={"csrf": "guess"}, headers={**HTML, **hub.steward}
    )
    assert sent.status_code == 403
    assert (await hub.web.get(path)).status_code == 200


async def test_the_hue_is_a_style_sheet_of_its_own(make_hub: MakeHub) -> None:
    hub = await make_hub(hue=150)
    address = re.search(r'href="(/theme\.css\?[^"]+)"', await _page(hub, "/"))
    assert address is not None
    sheet = await hub.web.get(address[1])
    assert sheet.headers["content-type"].startswith("text/css")
    assert sheet.text.startswith(":root{--hue:150;--brand-plain:#")


async def test_a_server_that_sends_somebody_here_finds_the_entry(hub: Running) -> None:
    posted = await _post(hub, "events", EVENT)
    sent = await hub.web.get("/authorize", params={"uri": posted["uri"]}, headers=HTML)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/events/{posted['id']}")
    unknown = {"uri": "acct:events@far.example"}
    assert (await hub.web.get("/authorize", params=unknown, headers=HTML)).status_code == 404
    steward = await hub.web.get("/authorize", params=unknown, headers={**HTML, **hub.steward})
    assert _field(steward.text, "handle") == "events@far.example"


class Elsewhere:
    """A server that says in WebFinger where one follows from."""

    def __init__(self, template: str) -> None:
        self.template = template

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer every request alike."""
        del scope, receive
        link = {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": self.template}
        body = json.dumps({"subject": "acct:ann@social.example", "links": [link]}).encode()
        headers = [(b"content-type", b"application/jrd+json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("template", "way"),
    [
        ("https://m.social.example/in?uri={uri}", "https://m.social.example/in?uri=events%40hub"),
        (
            "javascript:alert({uri})",
            "https://social.example/authorize_interaction?uri=events%40hub",
        ),
        ("https://{uri}/", "https://social.example/authorize_interaction?uri=events%40hub"),
        ("http://social.example/?{uri}", "https://social.example/authorize_interaction?uri="),
    ],
)
async def test_the_way_to_follow_is_the_one_that_the_server_names(
    hub: Running, template: str, way: str
) -> None:
    hub.wire.attach("social.example", Elsewhere(template))
    found = await way_to_follow(hub.services, "@ann@social.example", "events@hub.example")
    assert found.url.startswith(way)


async def test_a_server_that_says_nothing_is_asked_at_the_usual_place(hub: Running) -> None:
    found = await way_to_follow(hub.services, "ann@silent.example", "events@hub.example")
    assert found.url == ("https://silent.example/authorize_interaction?uri=events%40hub.example")
    with pytest.raises(Invalid):
        await way_to_follow(hub.services, "@ann@hub.example", "events@hub.example")


async def test_a_deleted_event_is_gone_for_people_and_servers(hub: Running) -> None:
    posted = await _post(hub, "events", EVENT)
    await hub.web.delete(f"/api/v1/events/{posted['id']}", headers=hub.steward)
    page = await hub.web.get(f"/events/{posted['id']}", headers=HTML)
    assert page.status_code == 410
    assert "See the calendar" in page.text
    assert (await hub.web.get(f"/events/{posted['id']}", headers=AS2)).json()["type"] == "Tombstone"
